"""A bank account counts once its holder has verified it; until then nothing moves to it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from backoffice.customers.queries import describe
from customers.models import Customer
from invitations.card_setups import settle_open_setups
from invitations.events import finish_card_setup, follow_verification
from payments.card_setups import StartedSetup, save_billing_details, start_card_setup
from payments.models import CardSetup, GatewayEvent, PaymentProfile, ProfileState, SetupState
from payments.profiles import NOT_VERIFIED, set_backup
from propagation.card_setups import complete_card_setup, verifying_answer
from propagation.models import Change, ChangeKind
from tenants.models import AuditEntry, MethodKind, Tenant
from tests.propagation.conftest import ACTOR, World
from tests.propagation.test_card_setups import confirm

US_ACCOUNT = "pm_usBankAccount_success"


def can_be_debited(customer: Customer) -> bool:
    """What the list of customers calls verified for ACH."""
    return bool(describe([customer])[0].ach_verified)


@pytest.fixture
def world(world: World) -> World:
    """Its tenant takes every kind of method."""
    with world.scope():
        Tenant.objects.filter(pk=world.tenant.pk).update(method_kinds=MethodKind.values)
    return world


def begin(world: World, customer: Customer, **more: Any) -> StartedSetup:
    return start_card_setup(
        world.tenant.pk, customer_id=customer.pk, purpose="test", actor=ACTOR, ip=None, make_default=True, **more
    )


def enter(world: World, customer: Customer, method: str = US_ACCOUNT, **more: Any) -> StartedSetup:
    started = begin(world, customer, **more)
    confirm(world, started, method)
    return started


def waiting(world: World, customer: Customer, **more: Any) -> tuple[StartedSetup, PaymentProfile]:
    """A US account by its numbers, whose deposits are on their way."""
    started = enter(world, customer, **more)
    completed = complete_card_setup(world.tenant.pk, started.gateway_id)
    assert (completed.outcome, completed.change) == ("verifying", None)
    assert completed.profile is not None
    return started, completed.profile


def verify(world: World, started: StartedSetup, code: str = "SM11AA") -> None:
    """As the holder does on the gateway's page."""
    with world.scope():
        page = PaymentProfile.objects.get(state=ProfileState.PENDING).verification_url
    address, _, token = page.partition("?token=")
    world.sandbox.http.post(address, data={"token": token, "code": code})


def told(world: World, started: StartedSetup, kind: str) -> GatewayEvent:
    """The gateway's event, with the object as it is now."""
    setup = world.at_gateway("setup_intent", started.gateway_id)
    with world.scope():
        return GatewayEvent.objects.create(
            gateway_id=f"evt_{kind}", type=kind, payload={"data": {"object": setup}, "type": kind}
        )


def test_the_gateway_is_asked_for_the_tenants_kinds(world: World) -> None:
    started = begin(world, world.customer())
    asked = world.at_gateway("setup_intent", started.gateway_id)
    assert asked["payment_method_types"] == ["card", "sepa_debit", "us_bank_account"]


def test_an_iban_is_on_file_at_once(world: World) -> None:
    bob = world.customer()
    started = enter(world, bob, "pm_success_de")
    completed = complete_card_setup(world.tenant.pk, started.gateway_id)
    assert completed.outcome == "completed"
    world.work()
    with world.scope():
        profile = PaymentProfile.objects.get()
        assert (profile.kind, profile.last4, profile.state, profile.is_default) == (
            "sepa_debit",
            "3000",
            ProfileState.ACTIVE,
            True,
        )
        assert (str(profile), profile.expires_on(), profile.display_state) == ("SEPA •••• 3000", None, "active")
        assert not can_be_debited(bob)


def test_nothing_moves_to_an_account_that_waits(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    started, profile = waiting(world, bob, replaces_id=old.pk)
    assert complete_card_setup(world.tenant.pk, started.gateway_id).outcome == "verifying"
    with world.scope():
        assert (profile.state, str(profile)) == (ProfileState.PENDING, "Stripe Test Bank •••• 6789")
        assert profile.verification_url.startswith(world.sandbox.url)
        assert PaymentProfile.objects.count() == 2
        assert CardSetup.objects.get().state == SetupState.VERIFYING
        assert Change.objects.count() == 0
        assert PaymentProfile.objects.get(is_default=True) == old
        assert not can_be_debited(bob)


def test_the_change_is_made_once_it_is_verified(world: World) -> None:
    bob = world.customer()
    old = world.card(bob, "pm_old", default=True)
    started, profile = waiting(world, bob, replaces_id=old.pk)
    verify(world, started)
    event = told(world, started, "setup_intent.succeeded")
    finish_card_setup(world.tenant.pk, event)
    finish_card_setup(world.tenant.pk, event)
    world.work()
    with world.scope():
        profile.refresh_from_db()
        assert (profile.state, profile.verification_url, profile.is_default) == (ProfileState.ACTIVE, "", True)
        assert Change.objects.get().kind == ChangeKind.REPLACE
        assert CardSetup.objects.get().state == SetupState.COMPLETED
        assert AuditEntry.objects.filter(action="payment_profile.verified").count() == 1
        assert can_be_debited(bob)
    assert world.at_gateway("payment_method", "pm_old")["customer"] is None


@pytest.mark.parametrize("code", ["SM33CC", "SM44DD"])
def test_an_account_that_could_not_be_verified_is_dropped(world: World, code: str) -> None:
    bob = world.customer()
    started, profile = waiting(world, bob)
    verify(world, started, code)
    follow_verification(world.tenant.pk, told(world, started, "setup_intent.setup_failed"))
    with world.scope():
        profile.refresh_from_db()
        assert (profile.state, profile.disabled_reason) == (ProfileState.REMOVED, NOT_VERIFIED)
        assert CardSetup.objects.get().state == SetupState.CANCELED
        assert Change.objects.count() == 0
    assert world.at_gateway("setup_intent", started.gateway_id)["status"] == "canceled"


def test_a_wrong_answer_is_not_the_end(world: World) -> None:
    started, _profile = waiting(world, world.customer())
    verify(world, started, "SM00XX")
    assert complete_card_setup(world.tenant.pk, started.gateway_id).outcome == "verifying"
    verify(world, started)
    assert complete_card_setup(world.tenant.pk, started.gateway_id).outcome == "completed"


def test_an_entry_whose_browser_vanished_is_found_by_the_event(world: World) -> None:
    started = enter(world, world.customer())
    follow_verification(world.tenant.pk, told(world, started, "setup_intent.requires_action"))
    with world.scope():
        assert PaymentProfile.objects.get().state == ProfileState.PENDING


def test_the_sweep_finishes_what_an_event_did_not(world: World) -> None:
    started, profile = waiting(world, world.customer())
    verify(world, started)
    with time_machine.travel(timezone.now() + timedelta(minutes=4, seconds=1), tick=True):
        settle_open_setups(world.tenant.pk)
    with world.scope():
        profile.refresh_from_db()
        assert profile.state == ProfileState.ACTIVE


def test_nobody_waits_for_ever(world: World) -> None:
    _started, profile = waiting(world, world.customer())
    with time_machine.travel(timezone.now() + timedelta(days=15), tick=True):
        settle_open_setups(world.tenant.pk)
    with world.scope():
        profile.refresh_from_db()
        assert profile.state == ProfileState.REMOVED
        assert CardSetup.objects.get().state == SetupState.CANCELED


def test_an_account_removed_while_it_waited_is_not_kept(world: World) -> None:
    started, profile = waiting(world, world.customer())
    with world.scope():
        PaymentProfile.objects.filter(pk=profile.pk).update(state=ProfileState.REMOVED)
    verify_at_gateway(world, started)
    assert complete_card_setup(world.tenant.pk, started.gateway_id).outcome == "lost"
    world.work()
    with world.scope():
        assert PaymentProfile.objects.get().state == ProfileState.REMOVED
    assert world.at_gateway("payment_method", profile.gateway_id)["customer"] is None


def verify_at_gateway(world: World, started: StartedSetup) -> None:
    world.sandbox.control("POST", f"settle/{started.gateway_id}", json={"outcome": "succeed"})


def test_the_form_is_told_where_to_verify(world: World) -> None:
    started, profile = waiting(world, world.customer())
    answer = verifying_answer(complete_card_setup(world.tenant.pk, started.gateway_id))
    assert (answer["state"], answer["url"]) == ("verifying", profile.verification_url)
    assert "Stripe Test Bank •••• 6789" in answer["message"]


def test_the_customers_consent_goes_with_the_account_that_waits(world: World) -> None:
    bob = world.customer()
    started = begin(world, bob)
    with world.scope():
        save_billing_details(
            setup_id=started.setup_id, details={"holder_name": "Bob"}, consent={"subscriptions": [], "invoices": []}
        )
    confirm(world, started, US_ACCOUNT)
    complete_card_setup(world.tenant.pk, started.gateway_id)
    with world.scope():
        assert CardSetup.objects.get().consent == {"subscriptions": [], "invoices": []}


def test_the_backup_is_handed_over_to_what_replaces_it(world: World) -> None:
    bob = world.customer()
    world.card(bob, "pm_default", default=True)
    spare = world.card(bob, "pm_spare")
    with world.scope():
        set_backup(actor=ACTOR, profile=spare, is_backup=True)
    started = start_card_setup(
        world.tenant.pk,
        customer_id=bob.pk,
        purpose="test",
        actor=ACTOR,
        ip=None,
        replaces_id=spare.pk,
        make_default=False,
    )
    confirm(world, started)
    complete_card_setup(world.tenant.pk, started.gateway_id)
    with world.scope():
        assert PaymentProfile.objects.get(is_backup=True).brand == "mastercard"
