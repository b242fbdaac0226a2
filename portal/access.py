"""The portal's guard: which customer is asking, in which tenant, and what the pages then may take for granted."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast, overload
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme

from customers.models import Customer, PortalSession
from customers.sign_in.sessions import portal_actor
from portal.navigation import NavigationItem, navigation_of
from portal.sessions import session_of
from tenants.actors import Actor
from tenants.middleware import client_ip, find_tenant, lead_to_sign_in, page_of
from tenants.models import Tenant
from tenants.scope import tenant_scope

type View = Callable[..., HttpResponseBase]

#: Nothing of these pages is kept by proxies or shown by search engines, and no other site learns their address.
PORTAL_HEADERS = {
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store, private",
}


class CustomerRequest(HttpRequest):
    """A request to a portal page, as `customer_page` completes it."""

    tenant: Tenant
    customer: Customer
    portal_session: PortalSession
    actor: Actor
    navigation: list[NavigationItem]
    htmx: Any


@overload
def customer_page(view: View, /) -> View: ...
@overload
def customer_page(*, gateway: bool = False) -> Callable[[View], View]: ...
def customer_page(view: View | None = None, /, *, gateway: bool = False) -> View | Callable[[View], View]:
    """Serve a view to a signed-in customer only; anyone else is led to the sign-in page and back.

    The view gets `request` as a CustomerRequest and the URL's other parts, not the slug. It runs, and its response is
    rendered, in the tenant's scope; with `gateway=True` it opens `tenant_scope(request.tenant.pk)` itself, before and
    after its calls to the gateway.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            tenant = find_tenant(slug)
            with tenant_scope(tenant.pk):
                signed_in = enter(request, tenant)
                if signed_in and not gateway:
                    return with_headers(_rendered(view(request, *args, **kwargs)))
            if signed_in:
                return with_headers(view(request, *args, **kwargs))
            return with_headers(ask_to_sign_in(request, tenant))

        return wrapped

    return decorate if view is None else decorate(view)


def enter(request: HttpRequest, tenant: Tenant) -> Customer | None:
    """Complete the request in the open scope, in the customer's language and zone; None when nobody is signed in."""
    session = session_of(request)
    speak(request, tenant, session.customer if session else None)
    if session is None:
        return None
    customer_request = cast(CustomerRequest, request)
    customer_request.tenant = tenant
    customer_request.customer = session.customer
    customer_request.portal_session = session
    customer_request.actor = portal_actor(session.customer, client_ip(request))
    customer_request.navigation = navigation_of(request, tenant)
    structlog.contextvars.bind_contextvars(tenant=tenant.slug, actor=f"customer_portal:{session.customer_id}")
    return session.customer


def speak(request: HttpRequest, tenant: Tenant, customer: Customer | None = None) -> None:
    """Answer in the customer's own language and zone; before sign-in in what the browser chose, else the tenant's."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    wanted = (customer.language if customer else "", chosen, tenant.language)
    translation.activate(next((code for code in wanted if code in dict(settings.LANGUAGES)), "en"))
    request.LANGUAGE_CODE = translation.get_language()
    timezone.activate(zone_of(customer, tenant))


def zone_of(customer: Customer | None, tenant: Tenant) -> ZoneInfo:
    for name in (customer.time_zone if customer else "", tenant.time_zone):
        try:
            if name:
                return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return ZoneInfo("UTC")


def ask_to_sign_in(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """To the sign-in page, and from there back to the page that was asked for, or on which a form was sent."""
    where = reverse("portal:sign_in", args=[tenant.slug])
    home = reverse("portal:home", args=[tenant.slug])
    if (asked := page_of(request)) and asked != home:
        where = f"{where}?{urlencode({'next': asked})}"
    return lead_to_sign_in(request, where)


def safe_next(request: HttpRequest, tenant: Tenant) -> str:
    """Where to go after sign-in: a page of this tenant's portal, else its home."""
    home = reverse("portal:home", args=[tenant.slug])
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = asked.startswith(home) and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if is_ours and ".." not in asked and "\\" not in asked else home


def with_headers[R: HttpResponseBase](response: R) -> R:
    for name, value in PORTAL_HEADERS.items():
        response.setdefault(name, value)
    return response


def portal_page(view: View) -> View:
    """For pages that anyone may see: the headers alone."""

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> HttpResponseBase:
        return with_headers(view(*args, **kwargs))

    return wrapped


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    if isinstance(response, SimpleTemplateResponse):
        response.render()
    return response
