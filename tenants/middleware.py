"""Takes staff into their tenant: membership first, then the scope, around every back-office view."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.template.response import SimpleTemplateResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from tenants.access import Right, StaffRequest, may
from tenants.actors import Actor
from tenants.models import Membership, Tenant, User
from tenants.scope import own_memberships_scope, tenant_scope


def client_ip(request: HttpRequest) -> str | None:
    """The client's address, taking as many proxies of our own into account as TRUSTED_PROXY_COUNT says."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    count = settings.TRUSTED_PROXY_COUNT
    forwarded = hops[-count] if count and len(hops) >= count else ""
    return _ip_in(forwarded) or _ip_in(request.META.get("REMOTE_ADDR", ""))


def _ip_in(text: str) -> str | None:
    """The address in "192.0.2.1", "2001:db8::1", or either with a port, as some proxies write it; None in all else.

    A server that listens for both families is told of IPv4 as "::ffff:192.0.2.1".
    """
    for candidate in (text, text.rpartition(":")[0].strip("[]"), text.strip("[]")):
        try:
            address = ip_address(candidate)
        except ValueError:
            continue
        address = getattr(address, "ipv4_mapped", None) or address
        return None if getattr(address, "scope_id", None) else str(address)
    return None


def memberships_of(user: User) -> list[Membership]:
    """The user's memberships with their tenants, by tenant name."""
    with own_memberships_scope(user.pk):
        return list(Membership.objects.filter(user=user).select_related("tenant").order_by("tenant__name"))


class StaffScopeMiddleware:
    """Serves URLs with a `tenant_slug`: sign-in, membership (404 to outsiders), right (403), scope, zone, language.

    Completes the request as a StaffRequest. The view runs, and its response is rendered, inside the scope's
    transaction, unless it is marked as opening its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        slug = kwargs.get("tenant_slug")
        if slug is None:
            return None
        if not request.user.is_authenticated:
            back = page_of(request) or resolve_url(settings.LOGIN_REDIRECT_URL)
            return lead_to_sign_in(request, redirect_to_login(back).url)
        needed: Right | None = getattr(view, "needed_right", None)
        if needed is None:
            raise ImproperlyConfigured(f"{view.__module__}.{view.__name__} does not say which right it needs.")
        staff_request = cast(StaffRequest, request)
        membership = self._enter(staff_request, slug)
        kwargs.pop("tenant_slug")
        if not may(membership, needed):
            return self._refuse(staff_request)
        response = self._serve(request, view, args, kwargs, membership)
        # Customers' data: on a shared machine nothing of it is left once its reader has signed out.
        response.setdefault("Cache-Control", "no-store, private")
        return response

    @staticmethod
    def _serve(
        request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any], membership: Membership
    ) -> HttpResponseBase:
        if getattr(view, "opens_own_scope", False):
            response: HttpResponseBase = view(request, *args, **kwargs)
            return response
        with tenant_scope(membership.tenant_id):
            response = view(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return response

    @staticmethod
    def _enter(request: StaffRequest, slug: str) -> Membership:
        memberships = memberships_of(request.user)
        membership = next((m for m in memberships if m.tenant.slug == slug), None)
        if membership is None:
            raise Http404(_("There is no such page."))
        request.tenant = membership.tenant
        request.membership = membership
        request.user_tenants = [m.tenant for m in memberships]
        request.actor = Actor.staff(request.user.pk, request.user.full_name, client_ip(request))
        timezone.activate(request.tenant.time_zone)
        if request.user.language:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language()
        structlog.contextvars.bind_contextvars(tenant=slug, actor=f"staff:{request.user.pk}")
        return membership

    @staticmethod
    def _refuse(request: StaffRequest) -> HttpResponse:
        return render(request, "errors/role_too_weak.html", {"role": request.membership.get_role_display()}, status=403)


def page_of(request: HttpRequest) -> str:
    """The page that a request comes from, to lead people back to: its own address, or that of the page on which its
    form or fragment stands; "" when the browser does not say, or names another site."""
    if request.method in ("GET", "HEAD") and "HX-Request" not in request.headers:
        return request.get_full_path()
    page = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    return page._replace(scheme="", netloc="", fragment="").geturl() if page.netloc == request.get_host() else ""


def lead_to_sign_in(request: HttpRequest, where: str) -> HttpResponse:
    """To the sign-in page at `where`: pages and forms by a redirect, fragments of htmx by its own, and scripts that
    fetch are told (403, JSON `message` and `sign_in`), so that they can leave the page as it is."""
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": where})
    if request.method not in ("GET", "HEAD") and request.headers.get("Sec-Fetch-Mode") in ("cors", "same-origin"):
        return JsonResponse({"message": _("You have been signed out. Sign in again."), "sign_in": where}, status=403)
    return HttpResponseRedirect(where)


def find_tenant(slug: str) -> Tenant:
    """The tenant of a customer-facing address; 404 when there is none."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise Http404(_("There is no such page."))
    return tenant
