"""What the gateway tells us about payment methods and card entries. https://docs.stripe.com/api/events/types"""

from uuid import UUID

from payments.card_setups import close_card_setup, count_failure
from payments.events import caused_by_us, made_at, on_event, subject_id
from payments.gateway.accounts import paced_gateway_for
from payments.gateway.errors import Gone
from payments.gateway.port import MethodFacts
from payments.models import GatewayEvent, PaymentProfile, ProfileState
from payments.profiles import DETACHED, VANISHED, apply_method_facts, disable_profile, note_network_update
from tenants.actors import Actor
from tenants.scope import tenant_scope


@on_event("payment_method.updated", "payment_method.automatically_updated", "payment_method.detached")
def follow_method(tenant_id: UUID, event: GatewayEvent) -> None:
    """Bring a profile up to what the gateway has now: a renewed card, or one that is gone."""
    gateway_id = subject_id(event)
    with tenant_scope(tenant_id):
        if not PaymentProfile.objects.filter(gateway_id=gateway_id, state=ProfileState.ACTIVE).exists():
            return
    if event.type == "payment_method.detached" and caused_by_us(event):
        return
    facts: MethodFacts | None
    try:
        facts = paced_gateway_for(tenant_id).read_method(gateway_id)
    except Gone:
        facts = None
    with tenant_scope(tenant_id):
        profile = PaymentProfile.objects.select_for_update().get(gateway_id=gateway_id)
        actor = Actor.gateway(event.gateway_id)
        if facts is None:
            disable_profile(actor=actor, profile=profile, reason=VANISHED)
        elif facts.customer is None:
            if profile.replaced_by_id is None:
                disable_profile(actor=actor, profile=profile, reason=DETACHED)
        else:
            apply_method_facts(profile, facts, actor=actor)
            if event.type == "payment_method.automatically_updated":
                note_network_update(profile, at=made_at(event))


@on_event("setup_intent.setup_failed")
def count_failed_setup(tenant_id: UUID, event: GatewayEvent) -> None:
    """The one fact taken from an event itself, since it cannot change any more: that this try failed."""
    setup = event.payload["data"]["object"]
    error = setup.get("last_setup_error") or {}
    count_failure(
        tenant_id,
        setup["id"],
        attempt=str(setup.get("latest_attempt") or event.gateway_id),
        code=str(error.get("decline_code") or error.get("code") or ""),
    )


@on_event("setup_intent.canceled")
def close_cancelled_setup(tenant_id: UUID, event: GatewayEvent) -> None:
    close_card_setup(tenant_id, subject_id(event))
