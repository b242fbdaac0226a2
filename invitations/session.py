"""The short session that a link is traded for: a signed cookie that only one invitation's pages see."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from tenants.models import Tenant

COOKIE = "invitation"
LIFETIME_SECONDS = 4 * 3600
_OPEN, _FINISHED = "open", "finished"


@dataclass(frozen=True)
class Visit:
    """`finished`: this browser is the one that saved the method, and may see what moved."""

    finished: bool


def begin_visit(response: HttpResponse, tenant: Tenant, invitation_id: UUID, *, finished: bool = False) -> None:
    response.set_signed_cookie(
        COOKIE,
        _FINISHED if finished else _OPEN,
        salt=_salt(tenant, invitation_id),
        max_age=LIFETIME_SECONDS,
        path=reverse("invitations:form", args=[tenant.slug, invitation_id]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def visit_of(request: HttpRequest, tenant: Tenant, invitation_id: UUID) -> Visit | None:
    """The visit that this browser has begun by the invitation's link; None without one, or after its time."""
    salt = _salt(tenant, invitation_id)
    value = request.get_signed_cookie(COOKIE, default=None, salt=salt, max_age=LIFETIME_SECONDS)
    return None if value is None else Visit(finished=value == _FINISHED)


def _salt(tenant: Tenant, invitation_id: UUID) -> str:
    return f"invitations.session:{tenant.pk}:{invitation_id}"
