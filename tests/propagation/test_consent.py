"""A customer who is asked moves only what they leave ticked; the rest stays with the method that pays it today."""

import pytest

from payments.models import PaymentProfile, ProfileState
from propagation.impact import Consent, preview
from propagation.models import Change, ChangeKind
from propagation.services import replace_or_add
from subscriptions.models import BilledBy, Invoice, InvoiceState, Subscription, SubscriptionState
from subscriptions.selectors import default_profile, paying_profile
from tests.propagation.conftest import ACTOR, World


def change_with_consent(
    world: World, old: PaymentProfile | None, new: PaymentProfile, subscriptions: list, invoices: list
) -> Change:
    consent = Consent.read(
        {"subscriptions": [str(row.pk) for row in subscriptions], "invoices": [str(row.pk) for row in invoices]}
    )
    with world.scope():
        expected = preview(
            customer=new.customer, kind=ChangeKind.REPLACE if old else ChangeKind.ADD, old_profile=old, consent=consent
        )
        change = replace_or_add(
            customer=new.customer,
            new_profile=new,
            old_profile=old,
            consent=consent,
            make_default=old is None,
            actor=ACTOR,
            source="test",
        )
    world.work()
    assert {name: change.impact[name] for name in ("subscriptions", "invoices", "kept", "retired")} == {
        name: expected.as_json()[name] for name in ("subscriptions", "invoices", "kept", "retired")
    }
    return change


def payer(world: World, subscription: Subscription) -> str:
    with world.scope():
        row = Subscription.objects.select_related("payment_profile__replaced_by").get(pk=subscription.pk)
        profile, _why = paying_profile(row.payment_profile, default_profile(row.customer))
        return profile.gateway_id if profile else ""


@pytest.mark.parametrize("by", [BilledBy.US, BilledBy.GATEWAY])
def test_what_is_not_ticked_stays_with_the_old_method_and_the_default_stays_too(world: World, by: str) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    moves, stays = world.subscription(bob, None, by=by), world.subscription(bob, None, by=by)
    new = world.new_card(bob, "pm_new")
    change = change_with_consent(world, old, new, [moves], [])
    assert set(world.states(change).values()) == {"done"}
    assert (payer(world, moves), payer(world, stays)) == ("pm_new", "pm_old")
    with world.scope():
        assert change.kind == ChangeKind.ADD
        assert change.impact["kept"] == [stays.short_number]
        kept = PaymentProfile.objects.get(pk=old.pk)
        assert (kept.state, kept.is_default) == (ProfileState.ACTIVE, True)
    assert world.at_gateway("payment_method", "pm_old")["customer"] == "cus_bob"
    if by == BilledBy.GATEWAY:
        assert world.at_gateway("subscription", moves.gateway_id)["default_payment_method"] == "pm_new"
        assert world.at_gateway("subscription", stays.gateway_id)["default_payment_method"] is None
        assert world.at_gateway("customer", "cus_bob")["invoice_settings"]["default_payment_method"] == "pm_old"


def test_an_amount_that_is_not_ticked_is_not_collected_now(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    subscription = world.subscription(bob, old, state=SubscriptionState.PAST_DUE)
    paid, left = world.past_due(subscription), world.past_due(subscription, period_start=None)
    change = change_with_consent(world, old, world.new_card(bob, "pm_new"), [subscription], [paid])
    with world.scope():
        assert change.impact["collect_totals"] == {"CAD": 1999}
        assert Invoice.objects.get(pk=paid.pk).state == InvoiceState.PAID
        assert Invoice.objects.get(pk=left.pk).state == InvoiceState.OPEN
        assert PaymentProfile.objects.get(pk=old.pk).state == ProfileState.REPLACED
    assert len(world.effects("/confirm")) == 1


def test_everything_ticked_is_a_plain_replacement(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    first, second = world.subscription(bob, None), world.subscription(bob, old)
    change = change_with_consent(world, old, world.new_card(bob, "pm_new"), [first, second], [])
    with world.scope():
        assert change.kind == ChangeKind.REPLACE
        assert PaymentProfile.objects.get(is_default=True).gateway_id == "pm_new"
        assert PaymentProfile.objects.get(pk=old.pk).state == ProfileState.REPLACED


def test_a_first_method_moves_to_nothing_that_was_unticked(world: World) -> None:
    bob = world.customer()
    moves, stays = world.subscription(bob, None), world.subscription(bob, None)
    change_with_consent(world, None, world.new_card(bob, "pm_first"), [moves], [])
    assert (payer(world, moves), payer(world, stays)) == ("pm_first", "")
