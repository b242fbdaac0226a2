"""Credit notes: what of a paid invoice is given back, and where to. Every function runs in the open scope."""

from typing import Any

from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from subscriptions import mails
from subscriptions.balance import add_balance_entry
from subscriptions.calculators.amounts import CreditSplit, split_credit
from subscriptions.errors import BillingError
from subscriptions.limits import check_step
from subscriptions.models import (
    BalanceEntryKind,
    CreditDestination,
    CreditNote,
    Invoice,
    InvoiceState,
    InvoiceTax,
    Refund,
    RefundState,
)
from subscriptions.refunds import refund_due
from tenants.actors import Actor
from tenants.audit import record
from tenants.money import format_money
from tenants.numbers import next_number
from tenants.wake import wake

__all__ = [
    "credit_invoice",
    "creditable_minor",
    "divide_credit",
    "refund_due",
    "refund_to_balance",
    "refundable_minor",
    "retry_refund",
]


def creditable_minor(invoice: Invoice) -> int:
    """What of a paid invoice has not been credited yet, in minor units; 0 for one that is not paid."""
    return invoice.total_minor - invoice.credited_minor if invoice.state == InvoiceState.PAID else 0


def refundable_minor(invoice: Invoice) -> int:
    """What of that can go back to the payment method: no more than was charged to it and is not on its way back."""
    if not invoice.gateway_payment_id:
        return 0
    on_their_way = invoice.refunds.exclude(state=RefundState.TO_BALANCE).aggregate(sum=Sum("amount_minor"))["sum"] or 0
    charged = invoice.total_minor - invoice.balance_applied_minor
    return max(0, min(creditable_minor(invoice), charged - on_their_way))


def credit_invoice(*, actor: Actor, invoice: Invoice, amount_minor: int, destination: str, reason: str) -> CreditNote:
    """Give back `amount_minor` (tax included) of a paid invoice, to its payment method or to the customer's balance.

    Net and tax are credited in the proportions of the invoice. The gateway carries a refund out afterwards.
    Raises BillingError `reason_missing`, `bad_amount`, `not_paid`, `credit_too_large`, `refund_too_large`.
    """
    reason = reason.strip()
    if not reason:
        message = _("Say why, for the customer and for your books.")
        raise BillingError("reason_missing", message, {"reason": message})
    if amount_minor <= 0 or destination not in CreditDestination.values:
        message = _("Enter an amount above zero.")
        raise BillingError("bad_amount", message, {"amount": message})
    invoice = Invoice.objects.select_for_update(of=("self",)).select_related("customer").get(pk=invoice.pk)
    _check_amount(invoice, amount_minor, destination)
    note = _create_note(invoice, amount_minor, destination, reason)
    Invoice.objects.filter(pk=invoice.pk).update(credited_minor=F("credited_minor") + amount_minor)
    after = {"amount_minor": amount_minor, "currency": note.currency, "destination": str(destination)}
    record(actor=actor, action="credit_note.issued", target=note, after=after, reason=reason)
    if destination == CreditDestination.BALANCE:
        _credit_balance(actor, note, amount_minor, reason)
    else:
        _begin_refund(actor, note)
    mails.tell_credit_note(note)
    return note


def _check_amount(invoice: Invoice, amount_minor: int, destination: str) -> None:
    if invoice.state != InvoiceState.PAID:
        raise BillingError("not_paid", _("Only a paid invoice is credited. Void one that is still open."))
    left = creditable_minor(invoice)
    if amount_minor > left:
        message = _("At most %(amount)s of this invoice is left to credit.") % {"amount": _money(left, invoice)}
        raise BillingError("credit_too_large", message, {"amount": message})
    check_step(amount_minor, invoice.currency)
    if destination == CreditDestination.REFUND and amount_minor > (left := refundable_minor(invoice)):
        sentence = _("At most %(amount)s can go back to the payment method. Credit the rest to the balance.")
        message = sentence % {"amount": _money(left, invoice)}
        raise BillingError("refund_too_large", message, {"amount": message})


def _money(amount_minor: int, invoice: Invoice) -> str:
    return format_money(amount_minor, invoice.currency, get_language() or "en")


def divide_credit(invoice: Invoice, amount_minor: int) -> tuple[CreditSplit, list[InvoiceTax]]:
    """How a credit of `amount_minor` divides into net and the invoice's taxes, after what was credited before.

    Raises ValueError for an amount below zero or above `creditable_minor`.
    """
    taxes = list(invoice.taxes.order_by("position"))
    left = [tax.tax_minor - credited for tax, credited in zip(taxes, _credited_taxes(invoice, taxes), strict=True)]
    net_left = creditable_minor(invoice) - sum(left)
    return split_credit(subtotal_minor=net_left, taxes=left, amount_minor=amount_minor), taxes


def _create_note(invoice: Invoice, amount_minor: int, destination: str, reason: str) -> CreditNote:
    split, taxes = divide_credit(invoice, amount_minor)
    return CreditNote.objects.create(
        number=next_number("credit_note"),
        invoice=invoice,
        customer=invoice.customer,
        destination=destination,
        reason=reason[:300],
        subtotal_minor=split.subtotal_minor,
        tax_minor=split.tax_minor,
        total_minor=amount_minor,
        taxes=[_tax_row(tax, part, split.subtotal_minor) for tax, part in zip(taxes, split.taxes, strict=True) if part],
        currency=invoice.currency,
        customer_details=invoice.customer_details,
        issuer=invoice.issuer,
        language=invoice.language,
        issued_at=timezone.now(),
    )


def _credited_taxes(invoice: Invoice, taxes: list[InvoiceTax]) -> list[int]:
    """What earlier credit notes have taken of each tax."""
    credited = {tax.position: 0 for tax in taxes}
    for note in invoice.credit_notes.all():
        for row in note.taxes:
            credited[row["position"]] += row["tax_minor"]
    return [credited[tax.position] for tax in taxes]


def _tax_row(tax: InvoiceTax, part: int, net: int) -> dict[str, Any]:
    return {
        "position": tax.position,
        "code": tax.code,
        "name_en": tax.name_en,
        "name_fr": tax.name_fr,
        "percent": str(tax.percent),
        "taxable_minor": min(tax.taxable_minor, net),
        "tax_minor": part,
    }


def _begin_refund(actor: Actor, note: CreditNote) -> None:
    Refund.objects.create(
        credit_note=note,
        invoice=note.invoice,
        amount_minor=note.total_minor,
        currency=note.currency,
        actor=actor.as_json(),
    )
    wake("subscriptions.tasks.refund_tenant", note.tenant_id)


def _credit_balance(actor: Actor, note: CreditNote, amount_minor: int, reason: str) -> None:
    add_balance_entry(
        actor=actor,
        customer=note.customer,
        currency=note.currency,
        amount_minor=amount_minor,
        reason=reason,
        kind=BalanceEntryKind.CREDIT_NOTE,
        invoice=note.invoice,
        credit_note=note,
    )


def retry_refund(*, actor: Actor, refund: Refund) -> Refund:
    """Have a failed refund carried out once more, as a new one at the gateway. Raises BillingError `not_failed`."""
    refund = _lock_failed(refund)
    refund.state, refund.due_at = RefundState.WAITING, timezone.now()
    refund.key_generation += 1
    refund.first_called_at = refund.finished_at = None
    refund.save(update_fields=["state", "due_at", "key_generation", "first_called_at", "finished_at"])
    record(actor=actor, action="refund.retried", target=refund, customer_id=refund.invoice.customer_id)
    wake("subscriptions.tasks.refund_tenant", refund.tenant_id)
    return refund


def refund_to_balance(*, actor: Actor, refund: Refund) -> Refund:
    """Credit the customer's balance with what could not go back to the method. Raises BillingError `not_failed`."""
    refund = _lock_failed(refund)
    refund.state = RefundState.TO_BALANCE
    refund.save(update_fields=["state"])
    note = refund.credit_note
    _credit_balance(actor, note, refund.amount_minor, note.reason)
    record(actor=actor, action="refund.moved_to_balance", target=refund, customer_id=note.customer_id)
    return refund


def _lock_failed(refund: Refund) -> Refund:
    locked = Refund.objects.select_for_update(of=("self",)).select_related("credit_note__customer", "invoice")
    refund = locked.get(pk=refund.pk)
    if refund.state != RefundState.FAILED:
        raise BillingError("not_failed", _("This refund has not failed, or no longer."))
    return refund
