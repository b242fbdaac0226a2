"""The short session that a link is traded for: a signed cookie that only the pages of one thing see."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from tenants.models import Tenant

LIFETIME_SECONDS = 4 * 3600


@dataclass(frozen=True)
class Visit:
    """A kind of visit: its cookie's name, and the address (with the tenant's name and the thing's id in it) below which
    browsers send the cookie."""

    cookie: str
    page: str

    def begin(self, response: HttpResponse, tenant: Tenant, thing_id: UUID) -> None:
        response.set_signed_cookie(
            self.cookie,
            "yes",
            salt=self._salt(tenant, thing_id),
            max_age=LIFETIME_SECONDS,
            path=reverse(self.page, args=[tenant.slug, thing_id]),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )

    def is_begun(self, request: HttpRequest, tenant: Tenant, thing_id: UUID) -> bool:
        """Whether this browser has opened the thing's link, not too long ago."""
        salt = self._salt(tenant, thing_id)
        kept = request.get_signed_cookie(self.cookie, default=None, salt=salt, max_age=LIFETIME_SECONDS)
        return kept is not None

    def _salt(self, tenant: Tenant, thing_id: UUID) -> str:
        return f"{self.page}:{tenant.pk}:{thing_id}"
