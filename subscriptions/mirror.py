"""Our rows of what the gateway bills by itself: brought up to what it has. Every function runs in the open scope."""

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from payments.gateway.port import InvoiceFacts, SubscriptionFacts
from payments.models import PaymentProfile
from subscriptions.models import BilledBy, Invoice, InvoiceState, PaidThrough, Subscription, SubscriptionState
from subscriptions.services import create_invoice, mark_invoice_paid
from tenants.actors import Actor
from tenants.audit import record

#: https://docs.stripe.com/api/subscriptions/object#subscription_object-status
_STATES = {
    "trialing": SubscriptionState.TRIALING,
    "active": SubscriptionState.ACTIVE,
    "past_due": SubscriptionState.PAST_DUE,
    "unpaid": SubscriptionState.UNPAID,
    "incomplete": SubscriptionState.UNPAID,
    "paused": SubscriptionState.PAUSED,
    "canceled": SubscriptionState.CANCELLED,
    "incomplete_expired": SubscriptionState.CANCELLED,
}
_SETTLED = (InvoiceState.PAID, InvoiceState.VOID)


def _moment(epoch: int | None) -> datetime | None:
    return datetime.fromtimestamp(epoch, UTC) if epoch else None


def mirror_subscription(facts: SubscriptionFacts, *, actor: Actor) -> Subscription | None:
    """Bring our row up to the gateway's subscription; None when it is not one of ours.

    A default method that we do not know leaves our pin as it is.
    """
    subscription = Subscription.objects.select_for_update().filter(gateway_id=facts.id).first()
    if subscription is None or subscription.billed_by != BilledBy.GATEWAY:
        return None
    state = _STATES.get(facts.status, subscription.state)
    values: dict[str, Any] = {
        "state": state,
        "current_period_start": _moment(facts.current_period_start) or subscription.current_period_start,
        "current_period_end": _moment(facts.current_period_end) or subscription.current_period_end,
        "cancel_at_period_end": facts.cancel_at_period_end,
    }
    if state == SubscriptionState.CANCELLED:
        values["cancelled_at"] = subscription.cancelled_at or timezone.now()
    if facts.default_method is None:
        values["payment_profile_id"] = None
    elif pinned := PaymentProfile.objects.filter(gateway_id=facts.default_method).first():
        values["payment_profile_id"] = pinned.pk
    before = {name: getattr(subscription, name) for name in values}
    changed = [name for name in values if values[name] != before[name]]
    if not changed:
        return subscription
    for name in changed:
        setattr(subscription, name, values[name])
    subscription.save(update_fields=changed)
    record(
        actor=actor,
        action="subscription.mirrored",
        target=subscription,
        before={name: str(before[name]) for name in changed},
        after={name: str(values[name]) for name in changed},
    )
    return subscription


def mirror_invoice(facts: InvoiceFacts, *, actor: Actor) -> Invoice | None:
    """Bring our row up to the gateway's invoice. One that we do not know is added if its subscription is ours."""
    invoice = Invoice.objects.select_for_update().filter(gateway_id=facts.id).first() or _adopt(facts, actor)
    if invoice is None or invoice.state in _SETTLED:
        return invoice
    if facts.status == "paid":
        mark_invoice_paid(actor=actor, invoice=invoice, gateway_payment_id=facts.payment, through=PaidThrough.GATEWAY)
        return invoice
    state = InvoiceState(facts.status) if facts.status in InvoiceState.values else InvoiceState(invoice.state)
    attempts = max(invoice.attempts, facts.attempt_count)
    before = {"state": str(invoice.state), "attempts": invoice.attempts}
    after = {"state": str(state), "attempts": attempts}
    if before != after:
        invoice.state, invoice.attempts = state, attempts
        invoice.save(update_fields=["state", "attempts"])
        record(actor=actor, action="invoice.mirrored", target=invoice, before=before, after=after)
    return invoice


def _adopt(facts: InvoiceFacts, actor: Actor) -> Invoice | None:
    """The gateway has billed one of the subscriptions that it bills for us; a draft is not a bill yet."""
    if facts.status == "draft" or not facts.subscription:
        return None
    subscription = (
        Subscription.objects.select_related("customer").filter(
            gateway_id=facts.subscription, billed_by=BilledBy.GATEWAY
        )
    ).first()
    if subscription is None:
        return None
    issued = _moment(facts.created) or timezone.now()
    return create_invoice(
        actor=actor,
        customer=subscription.customer,
        subscription=subscription,
        total_minor=facts.amount_due_minor,
        currency=facts.currency,
        issued_at=issued,
        due_at=_moment(facts.due) or issued,
        gateway_id=facts.id,
    )
