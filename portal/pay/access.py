"""The guard of an invoice's pay page: its link was opened here, or its customer is signed in."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from customers.models import Customer
from customers.sign_in.sessions import portal_actor
from portal.access import speak, with_headers
from portal.sessions import session_of
from subscriptions.models import Invoice, InvoiceState, PaidThrough
from tenants.actors import Actor
from tenants.middleware import client_ip, find_tenant
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.visits import Visit

type View = Callable[..., HttpResponseBase]

#: What an invoice's link is traded for.
VISIT = Visit("pay", "portal:pay")


class PayRequest(HttpRequest):
    """A request to a pay page, as `pay_page` completes it. `through` is what brings the money in."""

    tenant: Tenant
    invoice: Invoice
    actor: Actor
    through: PaidThrough


def pay_page(view: View) -> View:
    """Serve a view about one invoice, outside any scope. Anyone else learns nothing of the invoice."""

    @wraps(view)
    def wrapped(request: HttpRequest, slug: str, invoice_id: UUID, **kwargs: Any) -> HttpResponseBase:
        tenant = find_tenant(slug)
        if not enter(request, tenant, invoice_id):
            return with_headers(say_no(request, tenant, "closed", 403))
        return with_headers(view(request, **kwargs))

    return wrapped


def enter(request: HttpRequest, tenant: Tenant, invoice_id: UUID) -> bool:
    """Complete the request with the invoice, in the customer's language and zone. False when it is not to be shown."""
    with tenant_scope(tenant.pk):
        session = session_of(request)
        signed_in = session.customer_id if session else None
        invoice = find_invoice(invoice_id)
        is_own = invoice is not None and invoice.customer_id == signed_in
        if invoice is None or not (is_own or VISIT.is_begun(request, tenant, invoice_id)):
            speak(request, tenant)
            return False
        speak(request, tenant, invoice.customer)
    pay_request = cast(PayRequest, request)
    pay_request.tenant, pay_request.invoice = tenant, invoice
    act = portal_actor if is_own else _by_link
    pay_request.actor = act(invoice.customer, client_ip(request))
    pay_request.through = PaidThrough.PORTAL if is_own else PaidThrough.PAY_PAGE
    return True


def _by_link(customer: Customer, ip: str | None) -> Actor:
    return Actor.pay_link(customer.pk, customer.name, ip)


def find_invoice(invoice_id: UUID) -> Invoice | None:
    """As customers see it; a draft is nobody's business yet. In the open scope."""
    rows = Invoice.objects.select_related(
        "customer",
        "subscription__price__product",
        "subscription__payment_profile__replaced_by",
        "payment_profile__replaced_by",
    )
    return rows.filter(pk=invoice_id).exclude(state=InvoiceState.DRAFT).first()


def say_no(request: HttpRequest, tenant: Tenant, why: str, status: int) -> HttpResponse:
    """A page about the link alone; the same for everyone. `why`: unknown, expired or closed."""
    if "application/json" in request.headers.get("Accept", ""):
        message = _("This page was open for too long. Open the link in your message again; nothing was charged.")
        return JsonResponse({"state": "blocked", "blocked": True, "message": message}, status=status)
    return render(request, "portal/pay/no.html", {"tenant": tenant, "why": why}, status=status)
