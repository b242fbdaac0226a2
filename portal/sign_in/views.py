"""Into the portal and out of it."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portal.access import enter, portal_page, speak
from portal.sessions import delete_cookie, end_session, session_of
from tenants.middleware import find_tenant
from tenants.scope import tenant_scope


@portal_page
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest, slug: str) -> HttpResponse:
    tenant = find_tenant(slug)
    speak(request, tenant)
    return render(request, "portal/sign_in.html", {"tenant": tenant})


@portal_page
@require_POST
def sign_out(request: HttpRequest, slug: str) -> HttpResponse:
    tenant = find_tenant(slug)
    response = HttpResponseRedirect(reverse("portal:sign_in", args=[slug]))
    with tenant_scope(tenant.pk):
        session = session_of(request)
        if session is not None:
            enter(request, tenant)
            end_session(actor=request.actor, session=session)  # type: ignore[attr-defined]
    delete_cookie(response, tenant)
    return response
