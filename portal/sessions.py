"""The cookie that holds a customer's session, which only that tenant's portal sees."""

from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from customers.models import PortalSession
from customers.sign_in.sessions import LIFETIME, find_session
from tenants.models import Tenant

COOKIE = "portal_session"


def session_of(request: HttpRequest) -> PortalSession | None:
    """The live session, with its customer, that the request's cookie opens in the open scope."""
    return find_session(request.COOKIES.get(COOKIE, ""))


def set_cookie(response: HttpResponse, tenant: Tenant, cookie: str) -> None:
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(LIFETIME.total_seconds()),
        path=cookie_path(tenant),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def delete_cookie(response: HttpResponse, tenant: Tenant) -> None:
    response.delete_cookie(COOKIE, path=cookie_path(tenant), samesite="Lax")


def cookie_path(tenant: Tenant) -> str:
    return reverse("portal:home", args=[tenant.slug])


def browser_words(user_agent: str) -> str:
    """Browser and system as people name them ("Firefox, Windows"); "" when nothing is recognised."""
    browser = _first(
        user_agent,
        (
            ("Edg", "Edge"),
            ("OPR/", "Opera"),
            ("Firefox/", "Firefox"),
            ("SamsungBrowser", "Samsung Internet"),
            ("CriOS/", "Chrome"),
            ("FxiOS/", "Firefox"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        ),
    )
    system = _first(
        user_agent,
        (
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Android", "Android"),
            ("Windows", "Windows"),
            ("CrOS", "ChromeOS"),
            ("Mac OS X", "macOS"),
            ("Linux", "Linux"),
        ),
    )
    return ", ".join(part for part in (browser, system) if part)


def _first(text: str, names: Iterable[tuple[str, str]]) -> str:
    return next((name for mark, name in names if mark in text), "")
