"""Documents as files: attached to mails by kind, and handed out by the pages. Everything runs in the open scope."""

from django.utils.text import slugify

from messaging.attachments import Attachment, register
from subscriptions.documents.content import credit_note_document, invoice_document, receipt_document
from subscriptions.documents.document import InvoiceDocument
from subscriptions.documents.pdf import render_pdf
from subscriptions.models import CreditNote, Invoice

MIMETYPE = "application/pdf"


def invoice_pdf(invoice_id: str, language: str) -> Attachment:
    """Raises Invoice.DoesNotExist, also for another tenant's."""
    return _file(invoice_document(_invoice(invoice_id), language))


def receipt_pdf(invoice_id: str, language: str) -> Attachment:
    """The receipt for an invoice. Raises Invoice.DoesNotExist, and BillingError `not_paid`."""
    return _file(receipt_document(_invoice(invoice_id), language))


def credit_note_pdf(note_id: str, language: str) -> Attachment:
    """Raises CreditNote.DoesNotExist, also for another tenant's."""
    related = ("tenant", "customer", "invoice__subscription")
    return _file(credit_note_document(CreditNote.objects.select_related(*related).get(pk=note_id), language))


def register_attachments() -> None:
    register("invoice_pdf", invoice_pdf)
    register("receipt_pdf", receipt_pdf)
    register("credit_note_pdf", credit_note_pdf)


def _invoice(invoice_id: str) -> Invoice:
    return Invoice.objects.select_related("tenant", "customer", "subscription__price__product").get(pk=invoice_id)


def _file(document: InvoiceDocument) -> Attachment:
    return Attachment(f"{slugify(document.heading)}-{document.number}.pdf", MIMETYPE, render_pdf(document))
