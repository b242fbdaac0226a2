"""A card entry ends by the gateway's word: once, for its own customer, whoever reports it."""

from typing import Any
from uuid import uuid4

import pytest

from customers.models import Address, Customer
from payments.card_setups import StartedSetup, save_billing_details, start_card_setup
from payments.models import CardSetup, PaymentProfile, ProfileState, SetupState
from propagation import card_setups
from propagation.card_setups import complete_card_setup
from propagation.errors import ChangeRefused
from propagation.models import Change, ChangeKind, StepKind
from tests import factories
from tests.propagation.conftest import ACTOR, World


def begin(world: World, customer: Customer, **more: Any) -> StartedSetup:
    return start_card_setup(
        world.tenant.pk, customer_id=customer.pk, purpose=more.pop("purpose", "test"), actor=ACTOR, ip=None, **more
    )


def confirm(world: World, started: StartedSetup, card: str = "pm_card_mastercard") -> None:
    """What the browser does with the publishable key."""
    answer = world.sandbox.http.post(
        f"/v1/setup_intents/{started.gateway_id}/confirm",
        data={"client_secret": started.client_secret, "payment_method": card},
        headers={"Authorization": f"Bearer {started.publishable_key}"},
    )
    assert answer.status_code in (200, 402), answer.text


def test_a_confirmed_card_becomes_a_profile_and_a_change_once(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    started = begin(world, bob, replaces_id=old.pk)
    with world.scope():
        address = {"line1": "1 King St", "city": "Toronto", "region": "ON", "postal_code": "M5H 1A1", "country": "CA"}
        save_billing_details(setup_id=started.setup_id, details={"holder_name": "Bob", "address": address})
    assert complete_card_setup(world.tenant.pk, started.gateway_id).outcome == "not_yet"
    confirm(world, started)
    first = complete_card_setup(world.tenant.pk, started.gateway_id)
    again = complete_card_setup(world.tenant.pk, started.gateway_id)
    assert (first.outcome, again.outcome) == ("completed", "already")
    assert first.change == again.change
    world.work()
    with world.scope():
        assert Change.objects.get().kind == ChangeKind.REPLACE
        assert PaymentProfile.objects.get(is_default=True).brand == "mastercard"
        assert Address.objects.get(customer=bob).city == "Toronto"
    assert world.at_gateway("customer", "cus_bob")["address"]["city"] == "Toronto"
    assert world.at_gateway("payment_method", "pm_old")["customer"] is None


def test_a_declined_card_is_explained_and_leaves_nothing(world: World) -> None:
    bob = world.customer()
    started = begin(world, bob)
    confirm(world, started, "pm_card_visa_chargeDeclined")
    completed = complete_card_setup(world.tenant.pk, started.gateway_id)
    assert completed.outcome == "failed"
    assert completed.error is not None
    assert completed.error.code == "generic_decline"
    with world.scope():
        assert not PaymentProfile.objects.exists()
        assert not Change.objects.exists()


def test_entries_of_others_are_refused(world: World) -> None:
    bob, carol = world.customer("bob"), world.customer("carol")
    started, other = begin(world, bob), begin(world, carol)
    confirm(world, other)
    with pytest.raises(ChangeRefused) as refused:
        complete_card_setup(world.tenant.pk, other.gateway_id, expected_setup_id=started.setup_id)
    assert refused.value.code == "unknown_setup"
    with pytest.raises(ChangeRefused):
        complete_card_setup(world.tenant.pk, "seti_unknown")
    with world.scope():
        # Even a row that was bent to point at another's entry does not get past the marks at the gateway.
        CardSetup.objects.filter(pk=other.setup_id).update(gateway_id="seti_elsewhere")
        CardSetup.objects.filter(pk=started.setup_id).update(gateway_id=other.gateway_id)
    with pytest.raises(ChangeRefused):
        complete_card_setup(world.tenant.pk, other.gateway_id)
    with world.scope():
        assert not PaymentProfile.objects.exists()


def test_the_card_that_came_second_is_discarded_at_the_gateway(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[CardSetup] = []

    def first_wins(setup: CardSetup, actor: object) -> bool:
        taken.append(setup)
        return len(taken) == 1

    monkeypatch.setitem(card_setups._claims, "race", first_wins)
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    link = uuid4()
    one, two = (begin(world, bob, purpose="race", purpose_id=link, replaces_id=old.pk) for _ in range(2))
    confirm(world, one)
    confirm(world, two, "pm_card_amex")
    assert complete_card_setup(world.tenant.pk, one.gateway_id).outcome == "completed"
    assert complete_card_setup(world.tenant.pk, two.gateway_id).outcome == "lost"
    assert complete_card_setup(world.tenant.pk, two.gateway_id).outcome == "lost"
    world.work()
    with world.scope():
        assert PaymentProfile.objects.get(is_default=True).brand == "mastercard"
        loser = PaymentProfile.objects.get(brand="amex")
        assert loser.state == ProfileState.REMOVED
        assert CardSetup.objects.get(pk=two.setup_id).state == SetupState.DISCARDED
        assert Change.objects.get(kind=ChangeKind.DISCARD).steps.get().kind == StepKind.RETIRE
    assert world.at_gateway("payment_method", loser.gateway_id)["customer"] is None


def test_the_same_card_again_is_recognised_by_its_fingerprint(world: World) -> None:
    bob = world.customer()
    for _ in range(2):
        started = begin(world, bob)
        confirm(world, started)
        complete_card_setup(world.tenant.pk, started.gateway_id)
        world.work()
    with world.scope():
        assert [change.kind for change in Change.objects.order_by("number")] == [ChangeKind.ADD, ChangeKind.REPLACE]
        assert PaymentProfile.objects.filter(state=ProfileState.ACTIVE).count() == 1
        assert PaymentProfile.objects.get(is_default=True).state == ProfileState.ACTIVE


def test_a_profile_replaced_meanwhile_stands_for_its_successor(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    subscription = world.subscription(bob, old)
    one, two = begin(world, bob, replaces_id=old.pk), begin(world, bob, replaces_id=old.pk)
    confirm(world, one)
    complete_card_setup(world.tenant.pk, one.gateway_id)
    confirm(world, two, "pm_card_amex")
    complete_card_setup(world.tenant.pk, two.gateway_id)
    world.work()
    with world.scope():
        subscription.refresh_from_db()
        assert subscription.payment_profile.brand == "amex"
        assert PaymentProfile.objects.filter(state=ProfileState.ACTIVE).count() == 1


def test_a_stranger_tenant_does_not_see_the_entry(world: World) -> None:
    started = begin(world, world.customer())
    confirm(world, started)
    stranger = factories.TenantFactory(slug="stranger")
    with pytest.raises(ChangeRefused):
        complete_card_setup(stranger.pk, started.gateway_id)
