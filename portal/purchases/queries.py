"""What a customer has bought, what it gives them, and the papers of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from customers.models import Customer
from subscriptions.models import (
    BILLED_STATES,
    CreditNote,
    Invoice,
    InvoiceLine,
    InvoiceState,
    Product,
    Subscription,
)
from tenants.templatetags.ui import percent

#: What customers see. A draft is nobody's business yet.
SHOWN_STATES = [state for state in InvoiceState if state != InvoiceState.DRAFT]
INVOICES_PER_PAGE = 24


@dataclass(frozen=True)
class Granted:
    """A product that is the customer's: by a running `subscription`, until it ends if it does; or bought once."""

    product: Product
    since: datetime
    until: datetime | None
    subscription: Subscription | None


def granted_to(customer: Customer) -> list[Granted]:
    """By a subscription that runs, or a purchase that is paid; each product once."""
    found: dict[UUID, Granted] = {}
    running = Subscription.objects.filter(customer=customer, state__in=BILLED_STATES).select_related("price__product")
    for subscription in running.order_by("number"):
        product = subscription.price.product
        until = subscription.current_period_end if subscription.cancel_at_period_end else None
        found.setdefault(product.pk, Granted(product, subscription.started_at, until, subscription))
    bought = InvoiceLine.objects.filter(
        invoice__customer=customer, invoice__state=InvoiceState.PAID, invoice__subscription=None, product__isnull=False
    )
    for line in bought.select_related("invoice", "product").order_by("invoice__number", "position"):
        if line.product is not None and not _is_taken_back(line.invoice):
            found.setdefault(line.product.pk, Granted(line.product, line.invoice.issued_at, None, None))
    return sorted(found.values(), key=lambda granted: granted.since)


def invoices_of(customer: Customer) -> QuerySet[Invoice]:
    """The newest first, with what they are for."""
    rows = Invoice.objects.filter(customer=customer, state__in=SHOWN_STATES)
    return rows.select_related("subscription__price__product").prefetch_related("lines").order_by("-number")


def _is_taken_back(invoice: Invoice) -> bool:
    """Whether all of what was paid has been credited."""
    return 0 < invoice.total_minor <= invoice.credited_minor


def bill_of(invoice: Invoice) -> dict[str, object]:
    """What templates/portal/purchases/bill.html shows."""
    return {
        "invoice": invoice,
        "lines": invoice.lines.all(),
        "taxes": [(f"{tax.name} ({percent(tax.percent)})", tax.tax_minor) for tax in invoice.taxes.all()],
        "balance_line_minor": -invoice.balance_applied_minor,
    }


def own_invoice(customer: Customer, invoice_id: UUID) -> Invoice:
    """404 for another customer's."""
    return get_object_or_404(invoices_of(customer), pk=invoice_id)


def credit_notes_of(customer: Customer) -> QuerySet[CreditNote]:
    return CreditNote.objects.filter(customer=customer).select_related("invoice").order_by("-number")
