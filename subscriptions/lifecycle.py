"""What becomes of a subscription that we bill: paused, resumed, cancelled, changed. In the open scope.

Each function locks the row and brings the object that it was given up to it.
"""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.models import PaymentProfile
from subscriptions import mails
from subscriptions.billing import transitions
from subscriptions.billing.run import bill_locked
from subscriptions.errors import BillingError
from subscriptions.limits import check_can_pay, check_quantity
from subscriptions.models import BILLED_STATES, BilledBy, CancelReason, Subscription, SubscriptionState
from tenants.actors import Actor
from tenants.audit import record, snapshot
from tenants.scope import current_tenant_id
from tenants.wake import wake

_CANCELLATION = ["cancel_at_period_end", "cancel_reason", "cancel_comment"]
_TOLD = ["state", "resumes_at", "next_billing_at", "cancelled_at", *_CANCELLATION]


def pause_subscription(*, actor: Actor, subscription: Subscription, resumes_at: datetime | None = None) -> Subscription:
    """Bill nothing until it is resumed, by hand or at `resumes_at`. The running period is kept; nothing is refunded.

    Raises BillingError `gateway_billed`, `not_pausable`, `bad_date`.
    """
    locked, now = _lock(subscription), timezone.now()
    if locked.state not in BILLED_STATES:
        raise BillingError("not_pausable", _("Only a subscription that is running can be paused."))
    if resumes_at is not None and resumes_at <= now:
        message = _("Choose a moment in the future.")
        raise BillingError("bad_date", message, {"resumes_at": message})
    before = snapshot(locked, _TOLD)
    transitions.pause(locked, at=now, resumes_at=resumes_at)
    _save(locked, actor, "subscription.paused", before)
    mails.tell_changed(locked, mails.Changed.PAUSED)
    return _bring_up(subscription, locked)


def resume_subscription(*, actor: Actor, subscription: Subscription) -> Subscription:
    """Bill it again: from the end of what is paid for, or, where that is over, in new periods from now on.

    Raises BillingError `gateway_billed`, `not_paused`.
    """
    locked = _lock(subscription)
    if locked.state != SubscriptionState.PAUSED:
        raise BillingError("not_paused", _("This subscription is not paused."))
    before = snapshot(locked, _TOLD)
    transitions.resume(locked, timezone.now())
    _save(locked, actor, "subscription.resumed", before)
    mails.tell_changed(locked, mails.Changed.RESUMED)
    return _bring_up(subscription, locked)


def cancel_subscription(
    *, actor: Actor, subscription: Subscription, at_period_end: bool, reason: str = "", comment: str = ""
) -> Subscription:
    """End it now, or when the period that is paid for is over, which can be undone until then. Nothing is refunded.

    A period that is over already ends it now. Raises BillingError `gateway_billed`, `already_cancelled`, `bad_reason`.
    """
    locked, now = _lock(subscription), timezone.now()
    if locked.state == SubscriptionState.CANCELLED:
        raise BillingError("already_cancelled", _("This subscription is cancelled already."))
    if reason and reason not in CancelReason.values:
        message = _("Choose a reason from the list.")
        raise BillingError("bad_reason", message, {"reason": message})
    before = snapshot(locked, _TOLD)
    locked.cancel_reason, locked.cancel_comment = reason, comment.strip()[:400]
    waits = locked.state not in BILLED_STATES
    if at_period_end and not (waits and transitions.covered_until(locked) <= now):
        locked.cancel_at_period_end = True
        locked.next_billing_at = transitions.next_look(locked)
        action = "subscription.cancellation_scheduled"
    else:
        locked.cancel_at_period_end = False
        transitions.end(locked, now)
        action = "subscription.cancelled"
    _save(locked, actor, action, before)
    mails.tell_cancelled(locked)
    return _bring_up(subscription, locked)


def undo_cancellation(*, actor: Actor, subscription: Subscription) -> Subscription:
    """Let it go on after all. Raises BillingError `gateway_billed`, `not_cancelling`."""
    locked = _lock(subscription)
    if not locked.is_ending:
        raise BillingError("not_cancelling", _("This subscription is not about to end."))
    before = snapshot(locked, _TOLD)
    locked.cancel_at_period_end, locked.cancel_reason, locked.cancel_comment = False, "", ""
    locked.next_billing_at = transitions.next_look(locked)
    _save(locked, actor, "subscription.cancellation_undone", before)
    mails.tell_changed(locked, mails.Changed.CONTINUED)
    return _bring_up(subscription, locked)


def pin_profile(*, actor: Actor, subscription: Subscription, profile: PaymentProfile | None) -> Subscription:
    """Have one payment method pay for it; None: whatever is the customer's default.

    Raises BillingError `gateway_billed`, `already_cancelled`, `other_customer`, `profile_not_active`.
    """
    locked = _lock_live(subscription)
    if profile is not None:
        check_can_pay(locked.customer, profile)
    before = {"payment_method": str(locked.payment_profile or "")}
    if locked.payment_profile != profile:
        locked.payment_profile = profile
        locked.save(update_fields=["payment_profile"])
        after = {"payment_method": str(profile or "")}
        record(actor=actor, action="subscription.profile_pinned", target=locked, before=before, after=after)
    return _bring_up(subscription, locked)


def change_quantity(*, actor: Actor, subscription: Subscription, quantity: int) -> Subscription:
    """Bill another quantity from the next period on; one that has begun is billed as it was.

    Raises BillingError `gateway_billed`, `already_cancelled`, `bad_quantity`.
    """
    locked = _lock_live(subscription)
    check_quantity(locked.price, quantity)
    if locked.quantity != quantity:
        _bill_what_has_begun(locked)
        before = {"quantity": locked.quantity}
        locked.quantity = quantity
        locked.save(update_fields=["quantity"])
        after = {"quantity": quantity}
        record(actor=actor, action="subscription.quantity_changed", target=locked, before=before, after=after)
        mails.tell_changed(locked, mails.Changed.QUANTITY)
    return _bring_up(subscription, locked)


def _bill_what_has_begun(locked: Subscription) -> None:
    """The run may not have come yet to periods that began before; one that it cannot bill is left to it."""
    now = timezone.now()
    while not locked.billing_error and transitions.due_event(locked, now) == transitions.Event.BILL:
        bill_locked([locked], now=now)


def _lock(subscription: Subscription) -> Subscription:
    rows = Subscription.objects.select_related("customer", "price__product", "payment_profile__replaced_by")
    locked = rows.select_for_update(of=("self",)).get(pk=subscription.pk)
    if locked.billed_by != BilledBy.US:
        raise BillingError("gateway_billed", _("The gateway bills this subscription. Change it there."))
    return locked


def _lock_live(subscription: Subscription) -> Subscription:
    locked = _lock(subscription)
    if locked.state == SubscriptionState.CANCELLED:
        raise BillingError("already_cancelled", _("This subscription is cancelled already."))
    return locked


def _save(locked: Subscription, actor: Actor, action: str, before: dict[str, Any]) -> None:
    locked.save(update_fields=[*transitions.FIELDS, *_CANCELLATION])
    record(actor=actor, action=action, target=locked, before=before, after=snapshot(locked, _TOLD))
    if locked.next_billing_at is not None and locked.next_billing_at <= timezone.now():
        wake("subscriptions.tasks.bill_tenant", current_tenant_id())


def _bring_up(given: Subscription, locked: Subscription) -> Subscription:
    """The caller's object shows what was saved."""
    for name in (*transitions.FIELDS, *_CANCELLATION, "quantity"):
        setattr(given, name, getattr(locked, name))
    given.payment_profile = locked.payment_profile
    return given
