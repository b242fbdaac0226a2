"""What the gateway tells us about the subscriptions and invoices that it bills."""

from uuid import UUID

from payments.events import caused_by_us, on_event, subject_id
from payments.gateway.accounts import paced_gateway_for
from payments.models import GatewayEvent
from subscriptions.mirror import mirror_invoice, mirror_subscription
from subscriptions.models import Invoice, Subscription
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
