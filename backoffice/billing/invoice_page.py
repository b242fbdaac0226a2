"""What an invoice's page shows: the document as it was issued, its charges, what comes next, what was given back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backoffice.billing.queries import usable_profiles
from backoffice.changes.presentation import log_base
from backoffice.changes.queries import with_progress
from backoffice.customers.timeline import entry_item, message_item
from customers.models import Address, AddressKind
from messaging.models import Message
from payments.gateway.errors import explain
from propagation.models import Change
from subscriptions.credits import creditable_minor
from subscriptions.documents.content import invoice_document
from subscriptions.documents.freeze import freeze_customer
from subscriptions.models import Charge, ChargeState, CreditNote, Invoice, InvoiceState, PaidThrough, Refund
from subscriptions.pay_links import pay_link
from subscriptions.settlement import PAYABLE_STATES
from tenants.models import AuditEntry, Tenant

SHOWN_EVENTS = 25


@dataclass(frozen=True)
class ShownCharge:
    """A try to collect, with our words for what went wrong and the way to the gateway's log."""

    charge: Charge
    words: str | Promise
    log_url: str
    by: str


@dataclass(frozen=True)
class ShownRefund:
    refund: Refund
    words: str | Promise
    log_url: str


@dataclass(frozen=True)
class ShownNote:
    note: CreditNote
    refunds: list[ShownRefund]


@dataclass(frozen=True)
class Next:
    """What happens to an open invoice by itself: a sentence, that ends with `at` if given; `tone` is the alert's."""

    tone: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True)
class Difference:
    """A detail of the customer that the invoice has otherwise than the customer's page."""

    label: str
    before: str
    after: str


def invoice_page(invoice: Invoice, tenant: Tenant) -> dict[str, Any]:
    """The page's context; the invoice comes with its customer, subscription and tenant."""
    is_ours = not invoice.gateway_id
    is_payable = is_ours and invoice.state in PAYABLE_STATES and invoice.amount_due_minor > 0
    changes = Change.objects.filter(steps__invoice=invoice).select_related("old_profile", "new_profile")
    charges = shown_charges(invoice)
    return {
        "invoice": invoice,
        "document": invoice_document(invoice, get_language() or tenant.language),
        "is_ours": is_ours,
        "is_payable": is_payable,
        "creditable_minor": creditable_minor(invoice),
        "pay_link": pay_link(invoice) if is_payable else "",
        "charges": charges,
        "next": what_is_next(invoice, charges, tenant) if is_ours else None,
        "notes": shown_notes(invoice),
        "profiles": usable_profiles(invoice.customer) if is_payable else [],
        "differs": invoice.state == InvoiceState.OPEN and bool(differences_of(invoice)),
        "recovered_by": invoice.get_paid_through_display() if invoice.is_recovered else "",
        "changes": with_progress(changes.order_by("-number").distinct()[:SHOWN_EVENTS]),
        "events": events_of(invoice, tenant.slug),
    }


def shown_charges(invoice: Invoice) -> list[ShownCharge]:
    """Newest first."""
    charges = list(invoice.charges.select_related("profile").order_by("-number"))
    base = log_base() if any(charge.gateway_request_id for charge in charges) else ""
    return [
        ShownCharge(
            charge=charge,
            words=_why(charge),
            log_url=base + charge.gateway_request_id if charge.gateway_request_id else "",
            by=_who(charge),
        )
        for charge in charges
    ]


def _why(charge: Charge) -> str | Promise:
    if charge.error_code == "no_payment_method":
        return _("There was no payment method that could be charged.")
    return explain(charge.error_code) if charge.error_code else ""


def _who(charge: Charge) -> str:
    """The source in words, and the person, where one asked for it."""
    source = str(PaidThrough(charge.source).label) if charge.source in PaidThrough.values else charge.source
    asked = charge.actor.get("label", "") if charge.actor.get("kind") == "staff" else ""
    return f"{source}, {asked}" if asked else source


def what_is_next(invoice: Invoice, charges: list[ShownCharge], tenant: Tenant) -> Next | None:
    """None for an invoice that is settled."""
    if invoice.state == InvoiceState.UNCOLLECTIBLE:
        return Next("info", _("It is written off and charged no more. The customer can still pay it."))
    if invoice.state != InvoiceState.OPEN:
        return None
    newest = charges[0].charge.state if charges else ""
    if newest == ChargeState.PROCESSING:
        return Next("info", _("The bank is processing the payment. This can take several days."))
    if newest == ChargeState.RUNNING:
        return Next("info", _("It is being charged at this moment."))
    if invoice.needs_confirmation:
        return Next("warning", _("The bank waits for the customer to confirm the payment; they have a link to do so."))
    if invoice.next_attempt_at is None:
        return Next("danger", _("Every try of the schedule has failed. It is charged no more by itself."))
    if invoice.first_failed_at is None:
        return Next("info", _("It is charged when it is due, on"), invoice.next_attempt_at)
    words = _("It is charged again, by retry %(n)s of %(m)s of your schedule, on")
    told = words % {"n": invoice.dunning_attempts, "m": len(tenant.dunning_retry_days)}
    return Next("warning", told, invoice.next_attempt_at)


def shown_notes(invoice: Invoice) -> list[ShownNote]:
    notes = list(invoice.credit_notes.order_by("-number").prefetch_related("refunds"))
    base = log_base() if notes else ""
    return [ShownNote(note, [_shown_refund(refund, base) for refund in note.refunds.all()]) for note in notes]


def _shown_refund(refund: Refund, base: str) -> ShownRefund:
    words = explain(refund.error_code) if refund.error_code else ""
    return ShownRefund(refund, words, base + refund.gateway_request_id if refund.gateway_request_id else "")


def events_of(invoice: Invoice, slug: str) -> list[dict[str, Any]]:
    """What was done to it and what was sent about it, newest first."""
    entries = AuditEntry.objects.filter(target_type=invoice._meta.label_lower, target_id=invoice.pk)
    sent = Message.objects.filter(about_id=invoice.pk)
    found = [entry_item(entry, slug, invoice.pk) for entry in entries.order_by("-at", "-id")[:SHOWN_EVENTS]]
    found += [message_item(message) for message in sent.order_by("-created_at", "-id")[:SHOWN_EVENTS]]
    return sorted(found, key=lambda item: item["at"], reverse=True)[:SHOWN_EVENTS]


def differences_of(invoice: Invoice) -> list[Difference]:
    """What refreshing the invoice's billing information would change."""
    customer = invoice.customer
    address = Address.objects.filter(customer=customer, kind=AddressKind.BILLING).first()
    before, after = _flat(invoice.customer_details), _flat(freeze_customer(customer, address))
    labels = _detail_labels()
    return [
        Difference(label, before.get(name, ""), after.get(name, ""))
        for name, label in labels.items()
        if before.get(name, "") != after.get(name, "")
    ]


def _flat(details: dict[str, Any]) -> dict[str, str]:
    address = details.get("address") or {}
    found = {name: str(value) for name, value in details.items() if name not in ("address", "tax_exempt")}
    return found | {name: str(value) for name, value in address.items()}


def _detail_labels() -> dict[str, str]:
    return {
        "name": _("Name"),
        "organisation": _("Organisation"),
        "email": _("E-mail"),
        "reference": _("Reference ID"),
        "vat_number": _("VAT number"),
        "line1": _("Address"),
        "line2": _("Apartment, suite"),
        "city": _("City"),
        "region": _("Region"),
        "postal_code": _("Postal code"),
        "country": _("Country"),
    }
