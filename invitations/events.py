"""The gateway's events that finish what a vanished browser began."""

from uuid import UUID

import structlog

from payments.events import on_event, subject_id
from payments.models import GatewayEvent
from propagation.card_setups import complete_card_setup
from propagation.errors import ChangeRefused

log = structlog.get_logger(__name__)


@on_event("setup_intent.requires_action", "setup_intent.setup_failed")
def follow_verification(tenant_id: UUID, event: GatewayEvent) -> None:
    """A bank account that begins to wait for its verification, or has failed it."""
    setup = event.payload["data"]["object"]
    waits_for = (setup.get("next_action") or {}).get("type")
    failed_by = (setup.get("last_setup_error") or {}).get("code") or ""
    if waits_for == "verify_with_microdeposits" or failed_by.startswith("payment_method_microdeposit"):
        finish_card_setup(tenant_id, event)


@on_event("setup_intent.succeeded")
def finish_card_setup(tenant_id: UUID, event: GatewayEvent) -> None:
    """Complete the card entry, whichever door it came through; one that is not ours is nobody's business here."""
    try:
        completed = complete_card_setup(tenant_id, subject_id(event))
    except ChangeRefused as refused:
        log.info("card_setup_of_nobody", error=refused.code)
        return
    log.info("card_setup_event", outcome=completed.outcome)
