"""What the gateway tells us: of subscriptions and invoices that it bills, and of payments and refunds of ours."""

from uuid import UUID

from payments.events import caused_by_us, on_event, subject_id
from payments.gateway.accounts import paced_gateway_for
from payments.models import GatewayEvent
from subscriptions.collection.settling import settle_payment
from subscriptions.mirror import mirror_invoice, mirror_subscription
from subscriptions.models import Invoice, Refund, RefundState, Subscription
from subscriptions.refunds import settle_refund
from tenants.actors import Actor
from tenants.scope import tenant_scope


@on_event(
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
)
def follow_subscription(tenant_id: UUID, event: GatewayEvent) -> None:
    gateway_id = subject_id(event)
    with tenant_scope(tenant_id):
        if not Subscription.objects.filter(gateway_id=gateway_id).exists():
            return
    facts = paced_gateway_for(tenant_id).read_subscription(gateway_id)
    with tenant_scope(tenant_id):
        mirror_subscription(facts, actor=Actor.gateway(event.gateway_id))


@on_event(
    "invoice.finalized",
    "invoice.updated",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "invoice.marked_uncollectible",
)
def follow_invoice(tenant_id: UUID, event: GatewayEvent) -> None:
    """Only invoices that are ours, or whose subscription is, are read. What a step of ours did, that step records,
    with the method that it used."""
    if caused_by_us(event):
        return
    gateway_id = subject_id(event)
    parent = (event.payload["data"]["object"].get("parent") or {}).get("subscription_details") or {}
    with tenant_scope(tenant_id):
        known = Invoice.objects.filter(gateway_id=gateway_id).exists()
        billed = Subscription.objects.filter(gateway_id=str(parent.get("subscription") or "-")).exists()
        if not (known or billed):
            return
    facts = paced_gateway_for(tenant_id).read_invoice(gateway_id)
    with tenant_scope(tenant_id):
        mirror_invoice(facts, actor=Actor.gateway(event.gateway_id))


@on_event(
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
)
def follow_payment(tenant_id: UUID, event: GatewayEvent) -> None:
    """Payments that are no invoice's of ours are someone else's. What work of ours did, that work records."""
    if not caused_by_us(event):
        settle_payment(tenant_id, subject_id(event), actor=Actor.gateway(event.gateway_id))


@on_event("refund.created", "refund.updated", "refund.failed")
def follow_refund(tenant_id: UUID, event: GatewayEvent) -> None:
    if not caused_by_us(event):
        settle_refund(tenant_id, subject_id(event), actor=Actor.gateway(event.gateway_id))


@on_event("charge.refunded")
def follow_refunds_of_charge(tenant_id: UUID, event: GatewayEvent) -> None:
    """The event names no refund: read those of this payment that the bank is still at."""
    payment = str(event.payload["data"]["object"].get("payment_intent") or "-")
    with tenant_scope(tenant_id):
        pending = Refund.objects.filter(invoice__gateway_payment_id=payment, state=RefundState.PENDING)
        refunds = list(pending.values_list("gateway_id", flat=True))
    for refund_id in refunds:
        settle_refund(tenant_id, refund_id, actor=Actor.gateway(event.gateway_id))
