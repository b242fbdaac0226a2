"""A new method takes an old one's place everywhere: decided once, carried out in order, at both ends."""

import pytest
from django.utils import timezone

from messaging.models import Message
from payments.models import PaymentProfile, ProfileState
from propagation.engine import carry_out_next, claim_next
from propagation.errors import ChangeRefused
from propagation.impact import preview
from propagation.models import Change, ChangeKind, ChangeState, Step, StepKind, StepState
from propagation.services import (
    edit_profile,
    remove_profile,
    replace_or_add,
    retry_step,
    set_default,
    waive_step,
)
from subscriptions.models import BilledBy, Invoice, InvoiceState, Subscription, SubscriptionState
from tenants.models import Role
from tests import factories
from tests.propagation.conftest import ACTOR, DECLINED_LATER, World


def replace(world: World, old: PaymentProfile | None, new: PaymentProfile, **more: object) -> Change:
    with world.scope():
        return replace_or_add(
            customer=new.customer, new_profile=new, old_profile=old, actor=ACTOR, source="test", **more
        )


def test_everything_moves_and_the_old_method_goes_last(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    ours = world.subscription(bob, old)
    theirs = world.subscription(bob, old, by=BilledBy.GATEWAY, state=SubscriptionState.PAST_DUE)
    following = world.subscription(bob, None)
    our_invoice, their_invoice = world.past_due(ours), world.past_due(theirs)
    new = world.new_card(bob, "pm_new")
    with world.scope():
        impact = preview(customer=bob, kind=ChangeKind.REPLACE, old_profile=old)
    change = replace(world, old, new)
    world.work()
    assert set(world.states(change).values()) == {"done"}
    with world.scope():
        change.refresh_from_db()
        assert change.state == ChangeState.DONE
        assert change.impact == impact.as_json()
        assert change.impact["collect_totals"] == {"CAD": 3998}
        assert {s.pk for s in Subscription.objects.filter(payment_profile=new)} == {ours.pk, theirs.pk}
        assert Subscription.objects.get(pk=following.pk).payment_profile is None
        assert set(Invoice.objects.values_list("state", flat=True)) == {InvoiceState.PAID}
        assert PaymentProfile.objects.get(is_default=True).pk == new.pk
        assert PaymentProfile.objects.get(pk=old.pk).state == ProfileState.REPLACED
    assert world.at_gateway("customer", "cus_bob")["invoice_settings"]["default_payment_method"] == "pm_new"
    assert world.at_gateway("subscription", theirs.gateway_id)["default_payment_method"] == "pm_new"
    assert world.at_gateway("invoice", their_invoice.gateway_id)["status"] == "paid"
    assert world.at_gateway("payment_method", "pm_new")["metadata"][ours.short_number] == "billed by us"
    payment_id = payment_of(world, our_invoice)
    assert world.at_gateway("payment_intent", payment_id)["status"] == "succeeded"
    paths = [request["path"] for request in world.effects("/v1/")]
    assert paths[-1].endswith("/pm_old/detach")
    assert len([path for path in paths if path.endswith(("/pay", "/confirm"))]) == 2


def payment_of(world: World, invoice: Invoice) -> str:
    with world.scope():
        return Invoice.objects.get(pk=invoice.pk).gateway_payment_id


def test_first_method_becomes_default_and_collects_what_is_owed(world: World) -> None:
    bob = world.customer()
    subscription = world.subscription(bob, None, state=SubscriptionState.PAST_DUE)
    invoice = world.past_due(subscription)
    change = replace(world, None, world.new_card(bob, "pm_first"))
    world.work()
    with world.scope():
        assert change.kind == ChangeKind.ADD
        assert Invoice.objects.get(pk=invoice.pk).state == InvoiceState.PAID
        assert PaymentProfile.objects.get(is_default=True).gateway_id == "pm_first"


def test_another_methods_subscriptions_stay(world: World) -> None:
    bob = world.customer()
    default, other = world.card(bob, "pm_default", default=True), world.card(bob, "pm_other")
    stays, moves = world.subscription(bob, None), world.subscription(bob, other)
    change = replace(world, other, world.new_card(bob, "pm_new"))
    world.work()
    with world.scope():
        assert change.impact["subscriptions"] == [moves.short_number]
        assert PaymentProfile.objects.get(is_default=True).pk == default.pk
        assert Subscription.objects.get(pk=stays.pk).payment_profile is None


def test_an_invoice_not_yet_due_is_moved_but_not_charged(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    invoice = world.past_due(world.subscription(bob, old))
    with world.scope():
        Invoice.objects.filter(pk=invoice.pk).update(due_at="2099-01-01T00:00Z", attempts=0)
    change = replace(world, old, world.new_card(bob, "pm_new"))
    world.work()
    with world.scope():
        assert change.impact["collect_totals"] == {}
        moved = Invoice.objects.get(pk=invoice.pk)
        assert (moved.state, moved.payment_profile.gateway_id) == (InvoiceState.OPEN, "pm_new")
    assert not world.effects("payment_intents")


def test_the_same_card_entered_twice_takes_its_own_place(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    subscription = world.subscription(bob, old)
    new = world.new_card(bob, "pm_again")
    with world.scope():
        change = replace_or_add(customer=bob, new_profile=new, duplicates=[old], actor=ACTOR, source="test")
    world.work()
    with world.scope():
        assert change.kind == ChangeKind.REPLACE
        assert Subscription.objects.get(pk=subscription.pk).payment_profile == new
        assert PaymentProfile.objects.get(pk=old.pk).replaced_by == new
    assert world.at_gateway("payment_method", "pm_old")["customer"] is None


def test_a_declined_collection_is_told_and_does_not_hold_up_the_rest(world: World) -> None:
    with world.scope():
        factories.MembershipFactory(role=Role.OWNER)
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    subscription = world.subscription(bob, old)
    invoice = world.past_due(subscription)
    change = replace(world, old, world.new_card(bob, "pm_new", number=DECLINED_LATER))
    world.work()
    with world.scope():
        change.refresh_from_db()
        assert change.state == ChangeState.NEEDS_ATTENTION
        step = change.steps.get(kind=StepKind.INVOICE_COLLECT)
        assert step.state == StepState.FAILED
        assert step.error_code == "generic_decline"
        assert step.gateway_message
        assert step.gateway_request_id.startswith("req_")
        assert Invoice.objects.get(pk=invoice.pk).state == InvoiceState.OPEN
        assert change.steps.get(kind=StepKind.RETIRE).state == StepState.DONE
        assert Message.objects.filter(template="change_failed").count() == 1


def test_a_failed_step_can_be_retried_under_a_new_key(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    invoice = world.past_due(world.subscription(bob, old))
    change = replace(world, old, world.new_card(bob, "pm_new", number=DECLINED_LATER))
    world.work()
    with world.scope():
        step = change.steps.get(kind=StepKind.INVOICE_COLLECT)
        key = step.idempotency_key
        retry_step(actor=ACTOR, step=step)
    world.work()
    with world.scope():
        step.refresh_from_db()
        assert step.idempotency_key != key
        assert step.tries.count() == 2
        assert Invoice.objects.get(pk=invoice.pk).attempts >= 2


def test_nothing_is_detached_while_a_subscription_has_not_moved(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    subscription = world.subscription(bob, old, by=BilledBy.GATEWAY)
    world.sandbox.set_faults(
        {"account": "acme", "path": f"/v1/subscriptions/{subscription.gateway_id}", "kind": "server_error"}
    )
    change = replace(world, old, world.new_card(bob, "pm_new"))
    world.work()
    assert world.states(change)[f"Subscription {subscription.short_number}"] == "retrying"
    assert world.at_gateway("payment_method", "pm_old")["customer"] == "cus_bob"
    world.sandbox.clear_faults()
    world.work(seconds=60)
    assert set(world.states(change).values()) == {"done"}
    assert world.at_gateway("payment_method", "pm_old")["customer"] is None


def test_without_the_method_nothing_is_tried_until_staff_decide(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    world.past_due(world.subscription(bob, old))
    change = replace(world, old, world.new_card(bob, "pm_new"))
    world.sandbox.control("POST", "vanish/pm_new", params={"account": "acme"})
    world.work()
    with world.scope():
        states = dict(change.steps.values_list("kind", "state"))
        assert states.pop(StepKind.ATTACH) == StepState.FAILED
        assert set(states.values()) == {StepState.WAITING}
        assert PaymentProfile.objects.get(gateway_id="pm_new").state == ProfileState.DISABLED
        waive_step(actor=ACTOR, step=change.steps.get(kind=StepKind.ATTACH), reason="Tried for the test")
    world.work()
    with world.scope():
        assert StepState.WAITING not in set(change.steps.exclude(kind=StepKind.RETIRE).values_list("state", flat=True))
    assert world.at_gateway("payment_method", "pm_old")["customer"] == "cus_bob"


def test_a_waived_subscription_keeps_its_method(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    subscription = world.subscription(bob, old, by=BilledBy.GATEWAY)
    with world.scope():
        Subscription.objects.filter(pk=subscription.pk).update(gateway_id="sub_unknown")
    change = replace(world, old, world.new_card(bob, "pm_new"))
    world.work()
    with world.scope():
        step = change.steps.get(kind=StepKind.SUBSCRIPTION)
        assert step.state == StepState.FAILED
        with pytest.raises(ChangeRefused) as refused:
            waive_step(actor=ACTOR, step=step, reason=" ")
        assert refused.value.code == "reason_missing"
        waive_step(actor=ACTOR, step=step, reason="Deleted at the gateway by hand")
    world.work()
    with world.scope():
        retirement = change.steps.get(kind=StepKind.RETIRE)
        assert retirement.state == StepState.WAIVED
        assert subscription.short_number in retirement.note
    assert world.at_gateway("payment_method", "pm_old")["customer"] == "cus_bob"


def test_of_two_changes_the_later_wins_everywhere(world: World) -> None:
    bob = world.customer()
    first = world.card(bob, "pm_1", default=True)
    ours = world.subscription(bob, first)
    theirs = world.subscription(bob, first, by=BilledBy.GATEWAY)
    second, third = world.new_card(bob, "pm_2"), world.new_card(bob, "pm_3", number="378282246310005")
    earlier = replace(world, first, second)
    for _ in range(3):
        carry_out_next(world.tenant.pk)
    later = replace(world, first, third)
    world.work()
    with world.scope():
        earlier.refresh_from_db()
        later.refresh_from_db()
        assert (earlier.state, later.state) == (ChangeState.SUPERSEDED, ChangeState.DONE)
        assert earlier.superseded_by == later
        assert set(Subscription.objects.values_list("payment_profile__gateway_id", flat=True)) == {"pm_3"}
    assert world.at_gateway("customer", "cus_bob")["invoice_settings"]["default_payment_method"] == "pm_3"
    assert world.at_gateway("subscription", theirs.gateway_id)["default_payment_method"] == "pm_3"
    assert {m: world.at_gateway("payment_method", m)["customer"] for m in ("pm_1", "pm_2", "pm_3")} == {
        "pm_1": None,
        "pm_2": None,
        "pm_3": "cus_bob",
    }
    assert ours.pk


def test_default_moves_only_what_follows_it(world: World) -> None:
    bob = world.customer()
    first, second = world.card(bob, "pm_1", default=True), world.card(bob, "pm_2")
    pinned, follower = world.subscription(bob, first), world.subscription(bob, None)
    with world.scope():
        change = set_default(actor=ACTOR, profile=second)
        assert change.impact["subscriptions"] == [follower.short_number]
    world.work()
    with world.scope():
        assert PaymentProfile.objects.get(is_default=True).pk == second.pk
        assert Subscription.objects.get(pk=pinned.pk).payment_profile == first
        with pytest.raises(ChangeRefused, match="already"):
            set_default(actor=ACTOR, profile=second)
    assert world.at_gateway("payment_method", "pm_1")["customer"] == "cus_bob"


def test_removal_is_refused_while_it_pays_and_says_for_what(world: World) -> None:
    bob = world.customer()
    first, spare = world.card(bob, "pm_1", default=True), world.card(bob, "pm_2")
    subscription = world.subscription(bob, None)
    with world.scope():
        with pytest.raises(ChangeRefused, match=subscription.short_number):
            remove_profile(actor=ACTOR, profile=first)
        remove_profile(actor=ACTOR, profile=spare)
    world.work()
    with world.scope():
        assert PaymentProfile.objects.get(pk=spare.pk).state == ProfileState.REMOVED
    assert world.at_gateway("payment_method", "pm_2")["customer"] is None


def test_an_edit_is_true_here_only_when_the_gateway_has_it(world: World) -> None:
    bob = world.customer()
    card = world.card(bob, "pm_1", default=True)
    address = {"line1": "1 King St", "line2": "", "city": "Toronto", "region": "ON", "postal_code": "M5H 1A1"}
    with world.scope():
        edit_profile(
            actor=ACTOR,
            profile=card,
            holder_name="Robert Tremblay",
            exp_month=3,
            exp_year=2035,
            address=address | {"country": "CA"},
        )
        card.refresh_from_db()
        assert card.exp_year == 2034
    world.work()
    with world.scope():
        card.refresh_from_db()
        assert (card.holder_name, card.exp_month, card.exp_year) == ("Robert Tremblay", 3, 2035)
    assert world.at_gateway("payment_method", "pm_1")["billing_details"]["address"]["city"] == "Toronto"


def test_steps_of_a_change_survive_a_worker_that_dies_holding_one(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    change = replace(world, old, world.new_card(bob, "pm_new"))
    assert claim_next(world.tenant.pk) is not None
    world.work()
    assert "running" in world.states(change).values()
    with world.scope():
        Step.objects.filter(state=StepState.RUNNING).update(lease_until=timezone.now())
    world.work()
    assert set(world.states(change).values()) == {"done"}
