"""What was bought, what it gives, and every invoice with its papers."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from portal.access import CustomerRequest, customer_page
from portal.purchases import papers
from portal.purchases.queries import (
    INVOICES_PER_PAGE,
    bill_of,
    credit_notes_of,
    granted_to,
    invoices_of,
    own_invoice,
)
from subscriptions.models import InvoiceState
from tenants.scope import tenant_scope


@customer_page
@require_safe
def purchases(request: CustomerRequest) -> HttpResponse:
    """The newest invoices; `?before=` is the number of the last one on the page before."""
    before = request.GET.get("before", "")
    rows = invoices_of(request.customer)
    if before.isdecimal() and len(before) < 16:
        rows = rows.filter(number__lt=int(before))
    page = list(rows[: INVOICES_PER_PAGE + 1])
    invoices = page[:INVOICES_PER_PAGE]
    context = {
        "granted": granted_to(request.customer),
        "invoices": invoices,
        "older": f"before={invoices[-1].number}" if len(page) > INVOICES_PER_PAGE else "",
        "is_first": not before,
        "credit_notes": credit_notes_of(request.customer)[:INVOICES_PER_PAGE],
    }
    return render(request, "portal/purchases/list.html", context)


@customer_page
@require_safe
def invoice(request: CustomerRequest, invoice_id: UUID) -> HttpResponse:
    found = own_invoice(request.customer, invoice_id)
    context = bill_of(found) | {"credit_notes": found.credit_notes.order_by("number")}
    return render(request, "portal/purchases/invoice.html", context)


@customer_page(gateway=True)
@require_safe
def invoice_pdf(request: CustomerRequest, invoice_id: UUID) -> HttpResponse:
    with tenant_scope(request.tenant.pk):
        found = own_invoice(request.customer, invoice_id)
    return papers.invoice_file(request, request.tenant, found)


@customer_page(gateway=True)
@require_safe
def receipt_pdf(request: CustomerRequest, invoice_id: UUID) -> HttpResponse:
    with tenant_scope(request.tenant.pk):
        found = own_invoice(request.customer, invoice_id)
    if found.state != InvoiceState.PAID:
        raise Http404
    return papers.receipt_file(request, request.tenant, found)


@customer_page(gateway=True)
@require_safe
def credit_note_pdf(request: CustomerRequest, note_id: UUID) -> HttpResponse:
    with tenant_scope(request.tenant.pk):
        note = get_object_or_404(credit_notes_of(request.customer), pk=note_id)
    return papers.credit_note_file(request, request.tenant, note)


@customer_page
@require_safe
def invoice_pay(request: CustomerRequest, invoice_id: UUID) -> HttpResponse:
    """To the invoice's pay page, which a signed-in customer needs no link for."""
    found = own_invoice(request.customer, invoice_id)
    return redirect("portal:pay", request.tenant.slug, found.pk)
