"""What the sign-in pages must remember between two of them: a short signed cookie that only they see."""

from dataclasses import asdict, dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from tenants.models import Tenant

COOKIE = "portal_sign_in"
LIFETIME_SECONDS = 15 * 60


@dataclass(frozen=True)
class Doorway:
    """Where somebody stands: `email` asked for a code; `code_id`: has opened its link; `proved`: may choose among
    `customers` (their ids), having signed in by `proved`; `email_change_id`: has opened the link of a new address."""

    email: str = ""
    next: str = ""
    code_id: str = ""
    email_change_id: str = ""
    proved: str = ""
    customers: tuple[str, ...] = ()


def remember(response: HttpResponse, tenant: Tenant, doorway: Doorway) -> None:
    response.set_cookie(
        COOKIE,
        signing.dumps(asdict(doorway), salt=_salt(tenant)),
        max_age=LIFETIME_SECONDS,
        path=_path(tenant),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def go_on(tenant: Tenant, page: str, doorway: Doorway) -> HttpResponse:
    """From a link in a message to the page with its button, which has no token in its address.

    Opening a link does nothing by itself: mail scanners open links.
    """
    response = HttpResponseRedirect(reverse(page, args=[tenant.slug]))
    remember(response, tenant, doorway)
    response["Referrer-Policy"] = "no-referrer"
    return response


def forget(response: HttpResponse, tenant: Tenant) -> None:
    response.delete_cookie(COOKIE, path=_path(tenant), samesite="Lax")


def doorway_of(request: HttpRequest, tenant: Tenant) -> Doorway:
    """Where this browser stands; an empty one when it has not begun, or too long ago."""
    try:
        kept = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_salt(tenant), max_age=LIFETIME_SECONDS)
        return Doorway(**kept | {"customers": tuple(kept["customers"])})
    except (signing.BadSignature, KeyError, TypeError):
        return Doorway()


def _path(tenant: Tenant) -> str:
    return reverse("portal:sign_in", args=[tenant.slug])


def _salt(tenant: Tenant) -> str:
    return f"portal.doorway:{tenant.pk}"
