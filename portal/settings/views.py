"""What customers decide about their account."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from customers.services import update_customer
from invitations.pages import remember_language
from portal.access import CustomerRequest, customer_page, enter, portal_page, safe_next
from tenants.middleware import find_tenant
from tenants.scope import tenant_scope


@require_safe
@customer_page
def show_settings(request: CustomerRequest) -> HttpResponse:
    return render(request, "portal/settings.html", {"tenant": request.tenant, "customer": request.customer})


@require_safe
@customer_page
def sessions(request: CustomerRequest) -> HttpResponse:
    return render(request, "portal/sessions.html", {"tenant": request.tenant, "customer": request.customer})


@portal_page
@require_POST
def choose_language(request: HttpRequest, slug: str) -> HttpResponse:
    """The switch at every page's foot: kept in this browser, and with the account of whoever is signed in."""
    tenant = find_tenant(slug)
    code = request.POST.get("language", "")
    response = HttpResponseRedirect(safe_next(request, tenant))
    if code in dict(settings.LANGUAGES):
        remember_language(response, code)
        with tenant_scope(tenant.pk):
            if enter(request, tenant):
                update_customer(actor=request.actor, customer=request.customer, values={"language": code})  # type: ignore[attr-defined]
    return response
