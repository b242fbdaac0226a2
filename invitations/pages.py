"""What every public page of an invitation shares: headers, language, zone, and the pages that say no."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation

from tenants.models import Tenant

PRIVATE_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store, private",
}


def private_page[**P, R: HttpResponseBase](view: Callable[P, R]) -> Callable[P, R]:
    """Nothing of the page is kept, indexed or told to other sites."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        response = view(*args, **kwargs)
        for name, value in PRIVATE_HEADERS.items():
            response.setdefault(name, value)
        return response

    return wrapped


def speak(request: HttpRequest, tenant: Tenant, language: str = "") -> None:
    """Answer in the language that the reader has chosen, else the invitation's, else the tenant's; in its zone."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    known = dict(settings.LANGUAGES)
    translation.activate(next((code for code in (chosen, language, tenant.language) if code in known), "en"))
    request.LANGUAGE_CODE = translation.get_language()
    timezone.activate(tenant.time_zone)


def chosen_language(request: HttpRequest) -> str:
    """The language that the switch at the page's foot asks for; "" when it does not."""
    asked = request.GET.get("language", "")
    return asked if asked in dict(settings.LANGUAGES) else ""


def remember_language(response: HttpResponse, language: str) -> None:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 24 * 3600,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def say_no(request: HttpRequest, tenant: Tenant, why: str, status: int, **context: Any) -> HttpResponse:
    """A page about the link alone. It is the same for everyone: no name, no card, no amount.

    `why`: unknown, closed, expired, revoked or used.
    """
    speak(request, tenant)
    values = {"tenant": tenant, "why": why, "can_ask": why in ("expired", "revoked", "used")} | context
    response = render(request, "invitations/ended.html", values, status=status)
    if values["can_ask"]:
        # With "no-referrer" browsers send a plain form with `Origin: null`, which is refused as forged.
        response["Referrer-Policy"] = "strict-origin"
    return response
