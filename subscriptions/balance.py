"""A customer's balance: what they have to their credit, per currency. Every function runs in the open scope."""

from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from subscriptions.errors import BillingError
from subscriptions.limits import LARGEST_AMOUNT, check_step, hold_customer, known_currency
from subscriptions.models import BalanceEntry, BalanceEntryKind, CreditNote, CustomerBalance, Invoice
from tenants.actors import Actor
from tenants.audit import record


def add_balance_entry(
    *,
    actor: Actor,
    customer: Customer,
    currency: str,
    amount_minor: int,
    reason: str,
    kind: BalanceEntryKind = BalanceEntryKind.MANUAL,
    invoice: Invoice | None = None,
    credit_note: CreditNote | None = None,
) -> BalanceEntry:
    """Credit the customer (above zero) or debit them (below); the next invoice in that currency takes it into account.

    Staff must give a reason, and what they enter is limited, also in its sum; what follows from an invoice never is.
    Raises BillingError `bad_amount`, `bad_currency`, `reason_missing`, `customer_deleted`.
    """
    is_typed = kind == BalanceEntryKind.MANUAL
    if amount_minor == 0:
        message = _("Enter an amount other than zero.")
        raise BillingError("bad_amount", message, {"amount": message})
    if is_typed and abs(amount_minor) > LARGEST_AMOUNT:
        raise _too_large()
    currency, reason = known_currency(currency), reason.strip()
    if is_typed:
        check_step(amount_minor, currency)
    if is_typed and not reason:
        message = _("Say why, so that the customer and your colleagues can follow.")
        raise BillingError("reason_missing", message, {"reason": message})
    if is_typed:
        hold_customer(customer)
    CustomerBalance.objects.get_or_create(customer=customer, currency=currency)
    balance = CustomerBalance.objects.select_for_update().get(customer=customer, currency=currency)
    before = balance.amount_minor
    balance.amount_minor += amount_minor
    if is_typed and LARGEST_AMOUNT < abs(balance.amount_minor) > abs(before):
        raise _too_large()
    balance.save(update_fields=["amount_minor"])
    entry = BalanceEntry.objects.create(
        customer=customer,
        currency=currency,
        amount_minor=amount_minor,
        balance_after_minor=balance.amount_minor,
        kind=kind,
        reason=reason[:300],
        invoice=invoice,
        credit_note=credit_note,
        actor_label=actor.label[:160],
    )
    record(
        actor=actor,
        action="customer.balance_changed",
        target=customer,
        before={"balance_minor": before},
        after={"balance_minor": balance.amount_minor, "currency": currency, "amount_minor": amount_minor},
        reason=reason,
    )
    return entry


def _too_large() -> BillingError:
    message = _("This amount is too large.")
    return BillingError("bad_amount", message, {"amount": message})


def balances(customer: Customer) -> dict[str, int]:
    """The customer's balances other than zero, in minor units by currency."""
    rows = CustomerBalance.objects.filter(customer=customer).exclude(amount_minor=0).order_by("currency")
    return dict(rows.values_list("currency", "amount_minor"))
