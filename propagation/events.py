"""What the gateway tells us that concerns who pays with what."""

from uuid import UUID

from payments.events import on_event
from payments.gateway.accounts import paced_gateway_for
from payments.models import GatewayCustomer, GatewayEvent, PaymentProfile, ProfileState
from propagation.models import OPEN_STEP_STATES, Step
from tenants.actors import Actor
from tenants.audit import record
from tenants.scope import tenant_scope


@on_event("customer.updated")
def adopt_default(tenant_id: UUID, event: GatewayEvent) -> None:
    """Someone chose another default at the gateway: follow, if it is a card of ours and no change is under way."""
    gateway_id = event.payload["data"]["object"]["id"]
    with tenant_scope(tenant_id):
        if not GatewayCustomer.objects.filter(gateway_id=gateway_id).exists():
            return
    default = paced_gateway_for(tenant_id).read_customer(gateway_id).default_method
    with tenant_scope(tenant_id):
        customer = GatewayCustomer.objects.select_related("customer").get(gateway_id=gateway_id).customer
        type(customer).objects.select_for_update(no_key=True).get(pk=customer.pk)
        chosen = PaymentProfile.objects.filter(
            customer=customer, gateway_id=default or "", state=ProfileState.ACTIVE, is_default=False
        ).first()
        moving = Step.objects.filter(customer=customer, state__in=OPEN_STEP_STATES).exists()
        if chosen is None or moving:
            return
        before = PaymentProfile.objects.filter(customer=customer, is_default=True).first()
        PaymentProfile.objects.filter(customer=customer, is_default=True).update(is_default=False)
        PaymentProfile.objects.filter(pk=chosen.pk).update(is_default=True)
        record(
            actor=Actor.gateway(event.gateway_id),
            action="customer.default_method_adopted",
            target=customer,
            before={"payment_method": str(before) if before else None},
            after={"payment_method": str(chosen)},
        )
