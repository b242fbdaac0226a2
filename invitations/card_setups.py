"""Card entries that nobody has finished: ask the gateway what became of them, cancel those that can lead nowhere."""

from datetime import timedelta
from uuid import UUID

import structlog
from django.utils import timezone

from invitations.completion import PURPOSE
from invitations.models import OPEN_STATES, Invitation
from payments.card_setups import UNSETTLED, close_card_setup, stop_card_setup
from payments.gateway.errors import GatewayError, Gone
from payments.models import CardSetup, SetupState
from propagation.card_setups import complete_card_setup
from propagation.errors import ChangeRefused
from tenants.scope import tenant_scope

log = structlog.get_logger(__name__)

QUIET_FOR = timedelta(minutes=2)
#: Longer than any page that could still finish the entry is open.
ABANDONED_AFTER = timedelta(hours=5)
#: The gateway itself waits ten days for a bank account to be verified by small deposits.
UNVERIFIED_AFTER = timedelta(days=14)
BATCH = 200


def settle_open_setups(tenant_id: UUID) -> None:
    """Settle one tenant's open card entries. Opens its own scopes; called once a minute."""
    now = timezone.now()
    with tenant_scope(tenant_id):
        waiting = CardSetup.objects.filter(state__in=UNSETTLED, created_at__lte=now - QUIET_FOR)
        setups = list(waiting.order_by("created_at"))
        purposes = [setup.purpose_id for setup in setups if setup.purpose == PURPOSE and setup.purpose_id]
        usable = set(Invitation.objects.filter(pk__in=purposes, state__in=OPEN_STATES).values_list("pk", flat=True))

    def is_useless(setup: CardSetup) -> bool:
        if setup.state == SetupState.VERIFYING:
            return now - setup.created_at >= UNVERIFIED_AFTER
        ended = setup.purpose == PURPOSE and setup.purpose_id not in usable
        return ended or now - setup.created_at >= ABANDONED_AFTER

    due = [setup for setup in setups if is_useless(setup) or is_time_to_ask(now - setup.created_at)]
    for setup in due[:BATCH]:
        _settle(tenant_id, setup, cancel=is_useless(setup))


def is_time_to_ask(age: timedelta) -> bool:
    """Minutes 2, 4, 8, 16 ... of an entry's life: the gateway's event is the usual way, this one is for its loss."""
    minutes = int(age.total_seconds() // 60)
    return minutes >= 2 and minutes & (minutes - 1) == 0


def _settle(tenant_id: UUID, setup: CardSetup, *, cancel: bool) -> None:
    try:
        completed = complete_card_setup(tenant_id, setup.gateway_id)
        if cancel and completed.outcome in ("not_yet", "failed", "verifying"):
            stop_card_setup(tenant_id, setup.gateway_id)
    except Gone:
        close_card_setup(tenant_id, setup.gateway_id)
    except (GatewayError, ChangeRefused) as error:
        log.warning("card_setup_not_settled", setup=str(setup.pk), error=error.code)
