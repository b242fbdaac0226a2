"""An invoice's page, its documents, and the plain actions on it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from backoffice.billing.invoice_page import differences_of, invoice_page
from subscriptions import mails
from subscriptions.documents.content import credit_note_document, invoice_document, receipt_document
from subscriptions.documents.document import InvoiceDocument
from subscriptions.documents.pdf import render_pdf
from subscriptions.errors import BillingError
from subscriptions.invoicing import refresh_billing_details
from subscriptions.models import CreditNote, Invoice, InvoiceState
from tenants.access import Right, StaffRequest, needs
from tenants.scope import tenant_scope

LANGUAGES = ("en", "fr")


def find_invoice(invoice_id: UUID) -> Invoice:
    rows = Invoice.objects.select_related("tenant", "customer", "subscription__price__product", "payment_profile")
    return get_object_or_404(rows, pk=invoice_id)


def back(request: StaffRequest, invoice_id: UUID) -> HttpResponse:
    return redirect("backoffice:invoice", tenant_slug=request.tenant.slug, invoice_id=invoice_id)


@needs(Right.VIEW)
@require_safe
def invoice(request: StaffRequest, invoice_id: UUID) -> HttpResponse:
    return render(request, "backoffice/billing/invoice.html", invoice_page(find_invoice(invoice_id), request.tenant))


@needs(Right.VIEW, gateway=True)
@require_safe
def invoice_pdf(request: StaffRequest, invoice_id: UUID, language: str) -> HttpResponse:
    with tenant_scope(request.tenant.pk):
        document = invoice_document(find_invoice(invoice_id), _known(language))
    return _file(request, document)


@needs(Right.VIEW, gateway=True)
@require_safe
def receipt_pdf(request: StaffRequest, invoice_id: UUID, language: str) -> HttpResponse:
    with tenant_scope(request.tenant.pk):
        found = find_invoice(invoice_id)
        if found.state != InvoiceState.PAID:
            messages.info(request, _("There is a receipt once the invoice is paid."))
            return back(request, invoice_id)
        document = receipt_document(found, _known(language))
    return _file(request, document)


@needs(Right.VIEW, gateway=True)
@require_safe
def credit_note_pdf(request: StaffRequest, note_id: UUID, language: str) -> HttpResponse:
    with tenant_scope(request.tenant.pk):
        notes = CreditNote.objects.select_related("tenant", "customer", "invoice__subscription")
        document = credit_note_document(get_object_or_404(notes, pk=note_id), _known(language))
    return _file(request, document)


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise Http404
    return language


def _file(request: StaffRequest, document: InvoiceDocument) -> HttpResponse:
    """Shown in the browser; with `?download=1` saved. Written outside any transaction: it takes a while."""
    response = HttpResponse(render_pdf(document), content_type="application/pdf")
    way = "attachment" if request.GET.get("download") else "inline"
    name = f"{slugify(request.tenant.name)}-{slugify(document.heading)}-{document.number}.pdf"
    response["Content-Disposition"] = f'{way}; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@needs(Right.WORK)
@require_POST
def invoice_send(request: StaffRequest, invoice_id: UUID) -> HttpResponse:
    """Send its mail once more: the invoice, or the receipt of one that is paid."""
    found = find_invoice(invoice_id)
    sent = mails.send_again(actor=request.actor, invoice=found)
    if sent is None:
        messages.error(request, _("Nothing was sent: it has no mail of its own, or the customer gets none."))
    else:
        messages.success(request, _("On its way to %(address)s.") % {"address": sent.to})
    return back(request, invoice_id)


@needs(Right.WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def invoice_refresh(request: StaffRequest, invoice_id: UUID) -> HttpResponse:
    """Put the customer's present details on an open invoice; what would change is shown first."""
    found = find_invoice(invoice_id)
    refusal = ""
    if request.method == "POST":
        try:
            changed = refresh_billing_details(actor=request.actor, invoice=found)
        except BillingError as error:
            refusal = str(error)
        else:
            told = _("The invoice has the customer's present details.") if changed else _("Nothing has changed.")
            messages.success(request, told)
            return back(request, invoice_id)
    context = {"invoice": found, "differences": differences_of(found), "refusal": refusal}
    return render(request, "backoffice/billing/invoice_refresh.html", context, status=409 if refusal else 200)
