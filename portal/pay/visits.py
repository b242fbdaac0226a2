"""The short session that a pay link is traded for: a signed cookie that only one invoice's pages see."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from tenants.models import Tenant

COOKIE = "pay"
LIFETIME_SECONDS = 4 * 3600


def begin_visit(response: HttpResponse, tenant: Tenant, invoice_id: UUID) -> None:
    response.set_signed_cookie(
        COOKIE,
        "yes",
        salt=_salt(tenant, invoice_id),
        max_age=LIFETIME_SECONDS,
        path=reverse("portal:pay", args=[tenant.slug, invoice_id]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def is_visiting(request: HttpRequest, tenant: Tenant, invoice_id: UUID) -> bool:
    """Whether this browser has opened the invoice's link, not too long ago."""
    value = request.get_signed_cookie(COOKIE, default=None, salt=_salt(tenant, invoice_id), max_age=LIFETIME_SECONDS)
    return value is not None


def _salt(tenant: Tenant, invoice_id: UUID) -> str:
    return f"portal.pay:{tenant.pk}:{invoice_id}"
