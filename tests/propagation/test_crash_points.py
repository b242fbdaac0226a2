"""What happens between any two of a worker's steps: a later change, a row that is gone, keys that stopped working."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.events import process_next_event
from payments.gateway.accounts import gateway_for
from payments.gateway.stripe_adapter.calls import stripe_client
from payments.models import GatewayAccount, GatewayEvent, PaymentProfile, ProfileState
from propagation.engine import Claim, carry_out, claim_next
from propagation.errors import ChangeRefused
from propagation.models import Change, ChangeState, Step, StepKind, StepState
from propagation.services import (
    edit_profile,
    remove_profile,
    replace_or_add,
    retry_after_new_keys,
    set_default,
)
from subscriptions.models import BilledBy, Invoice, InvoiceState, Subscription, SubscriptionState
from tests.propagation.conftest import ACTOR, DECLINED_LATER, World

AMEX = "378282246310005"


def replace(world: World, old: PaymentProfile, new: PaymentProfile) -> Change:
    with world.scope():
        return replace_or_add(customer=new.customer, new_profile=new, old_profile=old, actor=ACTOR, source="test")


def claim_up_to(world: World, kind: StepKind) -> Claim:
    """Carry out what comes before a step of this kind, and claim that one."""
    while (claim := claim_next(world.tenant.pk)) is not None:
        if claim.work.step.kind == kind:
            return claim
        carry_out(world.tenant.pk, claim)
    raise AssertionError(f"no step of kind {kind}")


def test_a_retirement_that_was_running_when_a_later_change_came_is_still_carried_out(world: World) -> None:
    bob = world.customer()
    first = world.card(bob, "pm_1", default=True)
    second, third = world.new_card(bob, "pm_2"), world.new_card(bob, "pm_3", number=AMEX)
    replace(world, first, second)
    running = claim_up_to(world, StepKind.RETIRE)
    replace(world, second, third)
    world.sandbox.set_faults(
        {"account": "acme", "path": "/v1/payment_methods/pm_1", "kind": "server_error", "times": 1}
    )
    carry_out(world.tenant.pk, running)
    world.work(seconds=60)
    on_file = {name: world.at_gateway("payment_method", name)["customer"] for name in ("pm_1", "pm_2", "pm_3")}
    assert on_file == {"pm_1": None, "pm_2": None, "pm_3": "cus_bob"}
    with world.scope():
        assert not Change.objects.filter(state=ChangeState.IN_PROGRESS).exists()


def test_a_decline_that_comes_after_a_later_change_needs_nobody(world: World) -> None:
    bob = world.customer()
    first = world.card(bob, "pm_1", default=True)
    invoice = world.past_due(world.subscription(bob, first))
    second = world.new_card(bob, "pm_2", number=DECLINED_LATER)
    third = world.new_card(bob, "pm_3", number=AMEX)
    earlier = replace(world, first, second)
    running = claim_up_to(world, StepKind.INVOICE_COLLECT)
    replace(world, second, third)
    carry_out(world.tenant.pk, running)
    world.work()
    with world.scope():
        earlier.refresh_from_db()
        assert (earlier.state, earlier.failure_told_at) == (ChangeState.SUPERSEDED, None)
        settled = Invoice.objects.get(pk=invoice.pk)
        assert (settled.state, settled.attempts) == (InvoiceState.PAID, 3)
        assert settled.payment_profile == third


def test_an_outcome_that_cannot_be_recorded_is_tried_again(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    change = replace(world, old, world.new_card(bob, "pm_new"))
    running = claim_up_to(world, StepKind.RETIRE)
    with world.scope():
        PaymentProfile.objects.get(pk=old.pk).delete()
    carry_out(world.tenant.pk, running)
    with world.scope():
        step = Step.objects.get(pk=running.work.step.pk)
        assert (step.state, step.error_code) == (StepState.RETRYING, "internal_error")
    world.work(seconds=60)
    with world.scope():
        change.refresh_from_db()
        assert change.state == ChangeState.DONE


def test_a_worker_that_a_slow_gateway_held_up_gives_its_step_back(world: World) -> None:
    bob = world.customer()
    replace(world, world.card(bob, "pm_old", default=True), world.new_card(bob, "pm_new"))
    claim = claim_up_to(world, StepKind.RETIRE)
    before = timezone.now()
    carry_out(world.tenant.pk, Claim(claim.work, claim.gateway, claim.attempt, deadline=0.0))
    with world.scope():
        step = Step.objects.get(pk=claim.work.step.pk)
        assert (step.state, step.lease_until) == (StepState.RETRYING, None)
        assert step.due_at is not None
        assert step.due_at >= before + timedelta(seconds=0.5)


def test_the_gateways_word_that_we_paid_does_not_hide_what_paid(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    billed = world.subscription(bob, old, by=BilledBy.GATEWAY, state=SubscriptionState.PAST_DUE)
    invoice = world.past_due(billed, payment_profile=old)
    new = world.new_card(bob, "pm_new")
    replace(world, old, new)
    running = claim_up_to(world, StepKind.INVOICE_COLLECT)
    key = running.work.key
    gateway_for(world.tenant.pk).pay_invoice(invoice.gateway_id, method="pm_new", key=key)
    with world.scope():
        GatewayEvent.objects.create(
            gateway_id="evt_1",
            type="invoice.paid",
            payload={"data": {"object": {"id": invoice.gateway_id}}, "request": {"idempotency_key": key}},
        )
    assert process_next_event(world.tenant.pk)
    carry_out(world.tenant.pk, running)
    with world.scope():
        settled = Invoice.objects.get(pk=invoice.pk)
        assert (settled.state, settled.payment_profile) == (InvoiceState.PAID, new)


def test_a_payment_cancelled_at_the_gateway_makes_way_for_another(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    invoice = world.past_due(world.subscription(bob, old))
    replace(world, old, world.new_card(bob, "pm_new", number=DECLINED_LATER))
    world.work()
    with world.scope():
        cancelled = Invoice.objects.get(pk=invoice.pk).gateway_payment_id
        secret_key = GatewayAccount.objects.get().secret_key
        old = PaymentProfile.objects.get(gateway_id="pm_new")
    stripe_client(secret_key).v1.payment_intents.cancel(cancelled)
    replace(world, old, world.new_card(bob, "pm_good"))
    world.work()
    with world.scope():
        settled = Invoice.objects.get(pk=invoice.pk)
        assert settled.state == InvoiceState.PAID
        assert settled.gateway_payment_id not in ("", cancelled)


def test_keys_that_stopped_working_are_not_the_customers_fault(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    subscription = world.subscription(bob, old)
    invoice = world.past_due(subscription)
    change = replace(world, old, world.new_card(bob, "pm_new"))
    with world.scope():
        account = GatewayAccount.objects.get()
        good = account.secret_key
        account.secret_key = "sk_test_revoked"
        account.save()
    world.work()
    with world.scope():
        change.refresh_from_db()
        assert change.state == ChangeState.NEEDS_ATTENTION
        unpaid = Invoice.objects.get(pk=invoice.pk)
        assert (unpaid.attempts, unpaid.last_error) == (1, "")
        assert Subscription.objects.get(pk=subscription.pk).state == SubscriptionState.ACTIVE
        account.secret_key = good
        account.save()
        failed = change.steps.filter(state=StepState.FAILED).count()
        assert retry_after_new_keys(actor=ACTOR) == failed > 0
        assert retry_after_new_keys(actor=ACTOR) == 0
    world.work()
    assert set(world.states(change).values()) == {"done"}


def test_a_method_that_is_being_removed_is_not_made_the_default_or_edited(world: World) -> None:
    bob = world.customer()
    world.card(bob, "pm_1", default=True)
    spare = world.card(bob, "pm_2")
    with world.scope():
        remove_profile(actor=ACTOR, profile=spare)
        with pytest.raises(ChangeRefused) as refused:
            set_default(actor=ACTOR, profile=spare)
        assert refused.value.code == "being_removed"
        with pytest.raises(ChangeRefused, match="being removed"):
            edit_profile(actor=ACTOR, profile=spare, holder_name="Bob", exp_month=1, exp_year=2040, address={})
    world.work()
    with world.scope():
        assert PaymentProfile.objects.get(pk=spare.pk).state == ProfileState.REMOVED
