"""Invoices, receipts and credit notes as PDF files, in the reader's language."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from subscriptions.documents.content import credit_note_document, invoice_document, receipt_document
from subscriptions.documents.pdf import render_pdf
from subscriptions.models import CreditNote, Invoice
from tenants.models import Tenant
from tenants.scope import tenant_scope

type Content = Callable[[Any, str], Any]


def invoice_file(request: HttpRequest, tenant: Tenant, invoice: Invoice) -> HttpResponse:
    return _file(request, tenant, invoice_document, invoice, _("invoice"))


def receipt_file(request: HttpRequest, tenant: Tenant, invoice: Invoice) -> HttpResponse:
    """The invoice must be paid."""
    return _file(request, tenant, receipt_document, invoice, _("receipt"))


def credit_note_file(request: HttpRequest, tenant: Tenant, note: CreditNote) -> HttpResponse:
    return _file(request, tenant, credit_note_document, note, _("credit-note"))


def _file(
    request: HttpRequest, tenant: Tenant, content: Content, about: Invoice | CreditNote, word: str
) -> HttpResponse:
    """Shown in the browser; with `?download=1` saved. Written outside any transaction: it takes a while."""
    with tenant_scope(tenant.pk):
        document = content(about, get_language() or tenant.language)
    response = HttpResponse(render_pdf(document), content_type="application/pdf")
    way = "attachment" if request.GET.get("download") else "inline"
    name = f"{slugify(tenant.name)}-{slugify(word)}-{about.short_number}.pdf"
    response["Content-Disposition"] = f'{way}; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
