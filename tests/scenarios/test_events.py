"""The gateway tells of everything twice, late and out of order; it makes no difference."""

from collections import Counter
from typing import Any

from pytest_django.live_server_helper import LiveServer

from payments.gateway.accounts import connect_account
from payments.models import EventState, GatewayAccount, GatewayEvent, PaymentProfile, ProfileState
from propagation.models import Change
from tenants.actors import Actor
from tenants.models import AuditEntry
from tenants.scope import tenant_scope
from tests.processes import CeleryWorker, wait_until
from tests.scenarios.mass import ACCOUNT, STEPS_EACH, MassChange
from tests.scenarios.test_mass_change import MakeMassChange


def connect(change: MassChange) -> None:
    """The tenant's keys once more as an owner gives them, so that the gateway knows where its events go."""
    with tenant_scope(change.tenant.pk):
        known = GatewayAccount.objects.get()
    connect_account(
        tenant_id=change.tenant.pk,
        actor=Actor.system("test"),
        publishable_key=known.publishable_key,
        secret_key=known.secret_key,
    )


def every_event_settled(change: MassChange) -> bool:
    """Whether all that the gateway has to tell was delivered and processed."""
    waiting = change.sandbox.control("GET", "deliveries", params={"account": ACCOUNT, "state": "pending"})
    with tenant_scope(change.tenant.pk):
        return not waiting and not GatewayEvent.objects.filter(state=EventState.RECEIVED).exists()


def what_is_true(change: MassChange) -> Any:
    """Everything that an event might wrongly change."""
    with tenant_scope(change.tenant.pk):
        return (
            sorted(PaymentProfile.objects.values_list("gateway_id", "state", "is_default", "disabled_reason")),
            Change.objects.count(),
            Counter(AuditEntry.objects.exclude(action="gateway_event.retried").values_list("action", flat=True)),
        )


def test_events_doubled_late_and_again_change_nothing(
    mass_change: MakeMassChange, live_server: LiveServer, celery_worker_process: CeleryWorker
) -> None:
    change = mass_change(5)
    connect(change)
    change.sandbox.set_faults(
        {"kind": "webhook_delay", "probability": 0.5, "latency_seconds": 3, "seed": 1},
        {"kind": "webhook_double", "probability": 1.0},
    )
    change.begin()
    change.wait_for(STEPS_EACH * change.count)
    wait_until(lambda: every_event_settled(change), what="the events to be processed")
    change.sandbox.clear_faults()
    change.check_everything_moved()
    before = what_is_true(change)
    with tenant_scope(change.tenant.pk):
        told = list(GatewayEvent.objects.values_list("gateway_id", flat=True))
    assert len(told) == len(set(told)) >= STEPS_EACH * change.count

    for event_id in reversed(told):
        change.sandbox.control("POST", f"events/{event_id}/resend", json={"times": 10})
    wait_until(lambda: every_event_settled(change), what="the repeated events to be delivered")
    assert what_is_true(change) == before
    with tenant_scope(change.tenant.pk):
        assert GatewayEvent.objects.count() == len(told)
        assert set(GatewayEvent.objects.values_list("state", flat=True)) <= {EventState.PROCESSED, EventState.IGNORED}


def test_events_whose_processing_was_lost_are_found_again(
    mass_change: MakeMassChange, live_server: LiveServer, celery_worker_process: CeleryWorker
) -> None:
    """The card is detached in the gateway's own dashboard while no worker runs; what was told is not forgotten."""
    change = mass_change(1)
    connect(change)
    celery_worker_process.kill()
    change.sandbox.control("POST", "detach/pm_new_0")
    wait_until(lambda: told_of_detachment(change), what="the event to be stored")
    celery_worker_process.start()
    wait_until(lambda: every_event_settled(change), what="the event to be processed")
    with tenant_scope(change.tenant.pk):
        profile = PaymentProfile.objects.get(gateway_id="pm_new_0")
        assert profile.state == ProfileState.DISABLED
        assert profile.disabled_reason


def told_of_detachment(change: MassChange) -> bool:
    with tenant_scope(change.tenant.pk):
        return GatewayEvent.objects.filter(type="payment_method.detached").exists()
