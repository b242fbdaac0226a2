"""The gateway fails in every way it can: each step still happens, and its effect happens once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import PaymentProfile
from propagation.engine import carry_out, carry_out_next, claim_next, settle_abandoned
from propagation.models import Change, ChangeState, Step, StepAttempt, StepKind, StepState
from propagation.services import replace_or_add, retry_step
from subscriptions.models import BilledBy, Invoice, InvoiceState, SubscriptionState
from tests.propagation.conftest import ACTOR, World


def a_full_change(world: World) -> Change:
    """Every kind of step that moves something: both kinds of billing, an invoice of each, the default."""
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    ours = world.subscription(bob, old)
    theirs = world.subscription(bob, old, by=BilledBy.GATEWAY, state=SubscriptionState.PAST_DUE)
    world.past_due(ours)
    world.past_due(theirs)
    new = world.new_card(bob, "pm_new")
    with world.scope():
        return replace_or_add(
            customer=bob, new_profile=new, old_profile=old, carry_details=True, actor=ACTOR, source="test"
        )


def assert_each_effect_once(world: World, change: Change) -> None:
    assert set(world.states(change).values()) == {"done"}
    counted: dict[str, int] = {}
    for request in world.effects("/v1/"):
        what = request["path"] + str(sorted((request.get("params") or {}).keys()))
        counted[what] = counted.get(what, 0) + 1
    assert max(counted.values()) == 1, counted
    with world.scope():
        assert set(Invoice.objects.values_list("state", flat=True)) == {InvoiceState.PAID}
    charges = world.sandbox.control("GET", "objects/charge", params={"account": "acme"})
    rows = charges["data"] if isinstance(charges, dict) else charges
    assert sorted(row["amount"] for row in rows if row["status"] == "succeeded") == [1999, 1999]


@pytest.mark.parametrize(
    "kind", ["rate_limited", "server_error", "conflict", "drop_before", "drop_after", "error_after", "timeout_after"]
)
def test_every_call_fails_once(world: World, settings: object, kind: str) -> None:
    change = a_full_change(world)
    settings.STRIPE_TIMEOUT_SECONDS = 1.0  # type: ignore[attr-defined]
    world.sandbox.clear_requests()
    rules = [
        {"account": "acme", "method": "POST", "path": path, "kind": kind, "times": 1, "latency_seconds": 1.5}
        for path in (
            "/v1/customers/cus_bob",
            "/v1/subscriptions/*",
            "/v1/payment_methods/pm_new",
            "/v1/payment_intents",
            "/v1/payment_intents/*/confirm",
            "/v1/invoices/*/pay",
            "/v1/payment_methods/pm_old/detach",
        )
    ]
    world.sandbox.set_faults(*rules)
    for _ in range(12):
        world.work(seconds=60)
    assert_each_effect_once(world, change)


def test_an_answer_that_was_lost_is_read_not_repeated_after_the_key_is_forgotten(world: World) -> None:
    change = a_full_change(world)
    world.sandbox.clear_requests()
    world.sandbox.set_faults(
        {"account": "acme", "method": "POST", "path": "/v1/payment_intents/*/confirm", "kind": "drop_after", "times": 1}
    )
    while "retrying" not in world.states(change).values():
        assert carry_out_next(world.tenant.pk)
    world.sandbox.control("POST", "forget_idempotency_keys", json={"account": "acme"})
    with world.scope():
        Step.objects.filter(state=StepState.RETRYING).update(first_called_at=timezone.now() - timedelta(hours=30))
    world.work(seconds=60)
    assert_each_effect_once(world, change)


def test_a_pause_that_the_gateway_asks_for_is_kept(world: World) -> None:
    change = a_full_change(world)
    world.sandbox.set_faults(
        {"account": "acme", "path": "/v1/payment_methods/pm_new", "kind": "rate_limited", "times": 1, "retry_after": 40}
    )
    before = timezone.now()
    world.work()
    with world.scope():
        step = change.steps.get(kind=StepKind.ATTACH)
        assert step.state == StepState.RETRYING
        assert step.due_at >= before + timedelta(seconds=40)


def test_a_worker_that_was_held_up_changes_nothing_any_more(world: World) -> None:
    change = a_full_change(world)
    slow = claim_next(world.tenant.pk)
    assert slow is not None
    with world.scope():
        Step.objects.filter(state=StepState.RUNNING).update(lease_until=timezone.now())
    world.work()
    world.sandbox.clear_requests()
    carry_out(world.tenant.pk, slow)
    assert not world.effects("/v1/")
    with world.scope():
        assert change.steps.get(kind=StepKind.ATTACH).tries.count() == 2
    assert set(world.states(change).values()) == {"done"}


def test_a_running_step_that_was_superseded_ends_when_its_worker_died(world: World) -> None:
    bob = world.customer()
    first = world.card(bob, "pm_1", default=True)
    second, third = world.new_card(bob, "pm_2"), world.new_card(bob, "pm_3", number="378282246310005")
    with world.scope():
        earlier = replace_or_add(customer=bob, new_profile=second, old_profile=first, actor=ACTOR, source="test")
    assert claim_next(world.tenant.pk) is not None
    with world.scope():
        later = replace_or_add(customer=bob, new_profile=third, old_profile=first, actor=ACTOR, source="test")
    assert not carry_out_next(world.tenant.pk), "the later change waits for the running step"
    with world.scope():
        Step.objects.filter(state=StepState.RUNNING).update(lease_until=timezone.now())
    world.work()
    settle_abandoned(world.tenant.pk)
    with world.scope():
        earlier.refresh_from_db()
        later.refresh_from_db()
        assert (earlier.state, later.state) == (ChangeState.SUPERSEDED, ChangeState.DONE)
        assert PaymentProfile.objects.get(is_default=True).gateway_id == "pm_3"


def test_a_gateway_that_stays_away_is_given_up_loudly_after_days(world: World) -> None:
    change = a_full_change(world)
    world.sandbox.set_faults({"account": "acme", "path": "/v1/payment_methods/pm_new", "kind": "server_error"})
    world.work(seconds=60)
    assert "retrying" in world.states(change).values()
    with world.scope():
        StepAttempt.objects.update(started_at=timezone.now() - timedelta(days=4))
    world.work(seconds=60)
    with world.scope():
        change.refresh_from_db()
        assert change.state == ChangeState.NEEDS_ATTENTION
        step = change.steps.get(kind=StepKind.ATTACH)
        assert step.state == StepState.FAILED
        retry_step(actor=ACTOR, step=step)
    world.work()
    with world.scope():
        step.refresh_from_db()
        assert step.state == StepState.RETRYING, "retried, it has all its time again"
