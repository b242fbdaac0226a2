"""What it means for an invoice to be paid, or not to have been: for itself and for its subscription.

Every function runs in the open scope.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from payments.models import PaymentProfile
from subscriptions import mails
from subscriptions.billing.transitions import billing_from
from subscriptions.documents.freeze import freeze_method
from subscriptions.models import BilledBy, Invoice, InvoiceState, PaidThrough, Subscription, SubscriptionState
from tenants.actors import Actor
from tenants.audit import record

#: An invoice in one of these states can be paid.
PAYABLE_STATES = (InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE)
#: Money that came in the ordinary course is not counted as recovered.
NEVER_RECOVERED = ("", PaidThrough.RENEWAL, PaidThrough.GATEWAY, PaidThrough.BALANCE)
#: An invoice that is paid this long after it was due was late.
GRACE = timedelta(days=1)
_LATE = (SubscriptionState.PAST_DUE, SubscriptionState.UNPAID)


def mark_invoice_paid(
    *,
    actor: Actor,
    invoice: Invoice,
    gateway_payment_id: str = "",
    profile: PaymentProfile | None = None,
    through: str = "",
    now: datetime | None = None,
) -> bool:
    """Settle an invoice, once. False when it had been settled or voided before.

    `through` (PaidThrough) tells what brought the money in; it counts as recovered when it had failed before, or came
    more than a day late, and was not charged in the ordinary course. The subscription that we bill is no longer past
    due when none of its invoices is.
    """
    now = now or timezone.now()
    current = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if current.state not in PAYABLE_STATES:
        return False
    before = {"state": str(current.state)}
    late = current.attempts > 0 or now > current.due_at + GRACE
    changes: dict[str, Any] = {
        "state": InvoiceState.PAID,
        "paid_at": now,
        "attempts": F("attempts") + 1,
        "last_error_code": "",
        "needs_confirmation": False,
        "next_attempt_at": None,
        "paid_through": through,
        "is_recovered": late and through not in NEVER_RECOVERED,
    }
    if gateway_payment_id:
        changes["gateway_payment_id"] = gateway_payment_id
    if profile is not None:
        changes |= {"payment_profile": profile, "paid_with": freeze_method(profile)}
    Invoice.objects.filter(pk=invoice.pk).update(**changes)
    invoice.refresh_from_db()
    after = {
        "state": str(InvoiceState.PAID),
        "payment": gateway_payment_id,
        "payment_method": str(profile or ""),
        "through": str(through),
    }
    record(actor=actor, action="invoice.paid", target=invoice, before=before, after=after)
    if invoice.subscription_id:
        recover_subscription(invoice.subscription_id, actor=actor, now=now)
    mails.tell_paid(invoice)
    return True


def mark_invoice_failed(
    *,
    actor: Actor,
    invoice: Invoice,
    profile: PaymentProfile | None = None,
    error_code: str = "",
    now: datetime | None = None,
) -> bool:
    """Note that an open invoice could not be collected, and why. False when it was no longer open.

    The subscription that we bill becomes past due once the invoice is due.
    """
    now = now or timezone.now()
    changes: dict[str, Any] = {"attempts": F("attempts") + 1, "last_error_code": error_code[:60]}
    if profile is not None:
        changes["payment_profile"] = profile
    if not Invoice.objects.filter(pk=invoice.pk, state=InvoiceState.OPEN).update(**changes):
        return False
    invoice.refresh_from_db()
    after = {"attempts": invoice.attempts, "error": invoice.last_error_code, "payment_method": str(profile or "")}
    record(actor=actor, action="invoice.payment_failed", target=invoice, after=after)
    if invoice.subscription_id and invoice.due_at <= now:
        _note_that_it_is_late(invoice.subscription_id, actor, now)
    return True


def _note_that_it_is_late(subscription_id: UUID, actor: Actor, now: datetime) -> None:
    """A running subscription becomes past due; a paused one will be once it is resumed."""
    subscription = Subscription.objects.select_for_update().get(pk=subscription_id)
    if subscription.billed_by != BilledBy.US:
        return
    if subscription.state == SubscriptionState.ACTIVE:
        changes = {"state": SubscriptionState.PAST_DUE, "past_due_since": now}
        change_subscription(subscription, actor=actor, changes=changes)
    elif subscription.state == SubscriptionState.PAUSED and subscription.past_due_since is None:
        change_subscription(subscription, actor=actor, changes={"past_due_since": now})


def recover_subscription(subscription_id: UUID, *, actor: Actor, now: datetime | None = None) -> bool:
    """Make a subscription of ours active again once none of its invoices is open past its time. True when it was done.

    One that was unpaid had stopped being billed: it goes on as one that is resumed does.
    """
    now = now or timezone.now()
    subscription = Subscription.objects.select_for_update().get(pk=subscription_id)
    late = subscription.state in _LATE or subscription.past_due_since is not None
    owes = subscription.invoices.filter(state=InvoiceState.OPEN, due_at__lte=now)
    if subscription.billed_by != BilledBy.US or not late or owes.exists():
        return False
    changes: dict[str, Any] = {"past_due_since": None}
    if subscription.state in _LATE:
        changes["state"] = SubscriptionState.ACTIVE
    if subscription.state == SubscriptionState.UNPAID:
        changes |= billing_from(subscription, now)
    change_subscription(subscription, actor=actor, changes=changes)
    return True


def change_subscription(subscription: Subscription, *, actor: Actor, changes: dict[str, Any]) -> None:
    """Set a locked subscription's state and what goes with it, with its audit row."""
    before = {name: _plain(getattr(subscription, name)) for name in changes}
    for name, value in changes.items():
        setattr(subscription, name, value)
    subscription.save(update_fields=list(changes))
    after = {name: _plain(value) for name, value in changes.items()}
    record(actor=actor, action="subscription.state_changed", target=subscription, before=before, after=after)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value if isinstance(value, int | None) else str(value)
