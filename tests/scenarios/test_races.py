"""Two things at the same instant, with the order forced."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from django.db import connection, transaction

from payments.models import PaymentProfile
from propagation.engine import Claim, claim_next
from propagation.models import Change, Step, StepState
from propagation.services import set_default
from tenants.actors import Actor
from tenants.scope import tenant_scope
from tests.races import wait_for_a_lock
from tests.scenarios.mass import MassChange
from tests.scenarios.test_mass_change import MakeMassChange

ACTOR = Actor.system("test")


def choose_default(change: MassChange, gateway_id: str) -> Change:
    with tenant_scope(change.tenant.pk):
        return set_default(actor=ACTOR, profile=PaymentProfile.objects.get(gateway_id=gateway_id))


def test_a_step_claimed_while_a_later_change_is_recorded_is_not_tried_again(mass_change: MakeMassChange) -> None:
    """Otherwise its second try could undo the later change."""
    change = mass_change(1)
    earlier = choose_default(change, "pm_new_0")
    claimed, recorded_waits = Event(), Event()

    def claim() -> Claim | None:
        try:
            with transaction.atomic():
                found = claim_next(change.tenant.pk)
                claimed.set()
                recorded_waits.wait(30)
            return found
        finally:
            connection.close()

    def record() -> None:
        try:
            claimed.wait(30)
            choose_default(change, "pm_old_0")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        claiming, recording = pool.submit(claim), pool.submit(record)
        wait_for_a_lock("the later change to wait for the claim")
        recorded_waits.set()
        held = claiming.result()
        recording.result()
    assert held is not None
    with tenant_scope(change.tenant.pk):
        step = Step.objects.get(pk=held.work.step.pk)
        assert (step.change_id, step.state, step.due_at) == (earlier.pk, StepState.RUNNING, None)
