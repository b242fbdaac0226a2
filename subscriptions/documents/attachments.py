"""Documents as files, attached to mails by kind. What they tell is read in the open scope, and set in type after it:
that takes a while, and the logo's storage may be across a network."""

from functools import partial

from django.utils.text import slugify

from messaging.attachments import Attachment, Rest, register
from subscriptions.documents.content import credit_note_document, invoice_document, receipt_document
from subscriptions.documents.document import InvoiceDocument
from subscriptions.documents.pdf import render_pdf
from subscriptions.models import CreditNote, Invoice
from tenants.scope import forbid_open_transaction

MIMETYPE = "application/pdf"


def invoice_pdf(invoice_id: str, language: str) -> Rest:
    """Raises Invoice.DoesNotExist, also for another tenant's."""
    return partial(_file, invoice_document(_invoice(invoice_id), language))


def receipt_pdf(invoice_id: str, language: str) -> Rest:
    """The receipt for an invoice. Raises Invoice.DoesNotExist, and BillingError `not_paid`."""
    return partial(_file, receipt_document(_invoice(invoice_id), language))


def credit_note_pdf(note_id: str, language: str) -> Rest:
    """Raises CreditNote.DoesNotExist, also for another tenant's."""
    related = ("tenant", "customer", "invoice__subscription")
    return partial(_file, credit_note_document(CreditNote.objects.select_related(*related).get(pk=note_id), language))


def register_attachments() -> None:
    register("invoice_pdf", invoice_pdf)
    register("receipt_pdf", receipt_pdf)
    register("credit_note_pdf", credit_note_pdf)


def _invoice(invoice_id: str) -> Invoice:
    return Invoice.objects.select_related("tenant", "customer", "subscription__price__product").get(pk=invoice_id)


def _file(document: InvoiceDocument) -> Attachment:
    forbid_open_transaction()
    return Attachment(f"{slugify(document.heading)}-{document.number}.pdf", MIMETYPE, render_pdf(document))
