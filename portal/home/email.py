"""The link that confirms a new address. Whoever opens it need not be signed in: it went to that address alone."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from customers.email_change import confirm_email_change, find_email_change, read_token
from customers.errors import CustomerError
from customers.sign_in.sessions import portal_actor
from portal.access import portal_page, speak
from portal.sign_in.doorway import Doorway, doorway_of, go_on
from propagation.services import change_billing_details
from tenants.middleware import client_ip, find_tenant
from tenants.scope import tenant_scope


@portal_page
@require_safe
def open_link(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    tenant = find_tenant(slug)
    return go_on(tenant, "portal:email_confirm", Doorway(email_change_id=str(read_token(tenant, token) or "")))


@portal_page
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, slug: str) -> HttpResponse:
    tenant = find_tenant(slug)
    speak(request, tenant)
    kept = doorway_of(request, tenant).email_change_id
    with tenant_scope(tenant.pk):
        change = find_email_change(UUID(kept)) if kept else None
        is_done = False
        if change is not None and request.method == "POST":
            actor = portal_actor(change.customer, client_ip(request))
            try:
                customer = confirm_email_change(actor=actor, tenant=tenant, change_id=change.pk)
                change_billing_details(actor=actor, customer=customer, source="portal")
                is_done = True
            except CustomerError:
                change = None
    status = 200 if change else 410
    context = {"tenant": tenant, "change": change, "is_done": is_done}
    return render(request, "portal/email_confirm.html", context, status=status)
