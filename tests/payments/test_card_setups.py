from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from customers.models import Customer
from payments.card_setups import FORMS_PER_TRY, StartedSetup, note_failure, save_billing_details, start_card_setup
from payments.errors import CardSetupError
from payments.events import process_next_event, store_event
from payments.gateway.errors import GatewayError
from payments.gateway.port import SetupFacts
from payments.gateway.stripe_adapter import SignedEvent
from payments.models import CardSetup, SetupState
from tenants.actors import Actor
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, TenantFactory
from tests.payments.shelf import Shelf

BOB = Actor.invitation(uuid4(), "Bob")
DECLINED = "chargeDeclinedExpiredCard"


def start(customer: Customer, **more: Any) -> StartedSetup:
    options = {"purpose": "invitation", "actor": BOB, "ip": "203.0.113.7"} | more
    return start_card_setup(customer.tenant_id, customer_id=customer.pk, **options)


def stored(customer: Customer, started: StartedSetup) -> CardSetup:
    with tenant_scope(customer.tenant_id):
        return CardSetup.objects.get(pk=started.setup_id)


def refused(customer: Customer, **more: Any) -> None:
    with pytest.raises(CardSetupError) as caught:
        start(customer, **more)
    assert caught.value.code == "too_many_attempts"


def decline(shelf: Shelf, started: StartedSetup) -> None:
    facts = SetupFacts(started.gateway_id, "", started.client_secret, None, {}, None, None)
    assert shelf.fill_in(facts, card=DECLINED) != "succeeded"


def process_events(customer: Customer, shelf: Shelf, times: int = 1) -> None:
    """Deliver what the gateway has to say, each event `times` times, newest first."""
    for _ in range(times):
        for event in shelf.objects("event"):
            with tenant_scope(customer.tenant_id):
                store_event(SignedEvent(event["id"], event["type"], event))
            while process_next_event(customer.tenant_id):
                pass


def test_begins_an_entry_that_the_gateways_object_names(customer: Customer, shelf: Shelf) -> None:
    link = uuid4()
    started = start(customer, purpose_id=link)
    setup = stored(customer, started)
    assert (setup.state, setup.gateway_id, setup.ip) == (SetupState.OPEN, started.gateway_id, "203.0.113.7")
    assert setup.actor == {"kind": "customer_invitation", "id": BOB.id, "label": "Bob"}
    there = shelf.object("setup_intent", started.gateway_id)
    assert there["metadata"] == {
        "tenant": str(customer.tenant_id),
        "customer": str(customer.pk),
        "purpose": "invitation",
        "purpose_id": str(link),
        "setup": str(started.setup_id),
    }
    assert started.publishable_key == shelf.account["publishable_key"]
    assert started.client_secret not in repr(started)


def test_makes_the_customer_known_to_the_gateway_once(customer: Customer, shelf: Shelf) -> None:
    start(customer)
    start(customer)
    (there,) = shelf.objects("customer")
    assert (there["name"], there["metadata"]["number"]) == ("Bob Tremblay", customer.short_number)


def test_two_entries_at_once_make_one_customer(customer: Customer, shelf: Shelf) -> None:
    together = Barrier(4)

    def begin() -> None:
        together.wait()
        start(customer)
        connection.close()

    threads = [Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shelf.objects("customer")) == 1
    with tenant_scope(customer.tenant_id):
        assert CardSetup.objects.filter(state=SetupState.OPEN).count() == 4


def test_a_customer_edited_between_two_tries_is_still_made_known(customer: Customer, shelf: Shelf) -> None:
    shelf.sandbox.set_faults({"account": "acme", "path": "/v1/customers", "kind": "drop_after", "times": 1})
    with pytest.raises(GatewayError):
        start(customer)
    with tenant_scope(customer.tenant_id):
        Customer.objects.filter(pk=customer.pk).update(first_name="Robert")
    assert start(customer).client_secret


def test_an_entry_that_the_gateway_did_not_begin_is_closed_and_counts(
    customer: Customer, shelf: Shelf, settings: Settings
) -> None:
    settings.CARD_TRIES_PER_CUSTOMER = 2
    shelf.sandbox.set_faults({"account": "acme", "path": "/v1/setup_intents", "kind": "server_error"})
    for _ in range(2 * FORMS_PER_TRY):
        with pytest.raises(GatewayError):
            start(customer)
    refused(customer)
    with tenant_scope(customer.tenant_id):
        assert {setup.state for setup in CardSetup.objects.all()} == {SetupState.CANCELED}


def test_one_customer_is_limited_by_the_hour(customer: Customer, shelf: Shelf) -> None:
    for number in range(10):
        started = start(customer, ip=f"203.0.113.{number}")
        decline(shelf, started)
        note_failure(customer.tenant_id, started.gateway_id)
    refused(customer, ip="198.51.100.1")
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert start(customer, ip="198.51.100.1")


def test_tries_at_once_cannot_slip_past_the_limit(customer: Customer, settings: Settings) -> None:
    settings.CARD_TRIES_PER_CUSTOMER = 1
    outcomes: list[str] = []

    def begin() -> None:
        try:
            start(customer)
            outcomes.append("begun")
        except CardSetupError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["begun"] * FORMS_PER_TRY + ["too_many_attempts"] * 4


def test_one_address_is_limited_by_the_hour_but_not_staff_behind_it(customer: Customer, settings: Settings) -> None:
    settings.CARD_TRIES_PER_ADDRESS = 1
    with tenant_scope(customer.tenant_id):
        others = CustomerFactory.create_batch(FORMS_PER_TRY, tenant_id=customer.tenant_id)
    for other in others:
        start(other)
    refused(customer)
    assert start(customer, ip="198.51.100.1")
    assert start(customer, actor=Actor.staff(uuid4(), "Alice"), purpose="backoffice")


def test_one_ipv6_network_is_one_address(customer: Customer, settings: Settings) -> None:
    """Whoever has one address of a /64 has them all."""
    settings.CARD_TRIES_PER_ADDRESS = 1
    with tenant_scope(customer.tenant_id):
        others = CustomerFactory.create_batch(FORMS_PER_TRY, tenant_id=customer.tenant_id)
    for number, other in enumerate(others):
        start(other, ip=f"2001:db8:0:1:{number}::1")
    refused(customer, ip="2001:db8:0:1:ffff:ffff:ffff:ffff")
    assert start(customer, ip="2001:db8:0:2::1")
    assert start(customer, ip="2001:db8::1")
    assert start(customer, ip="0.0.0.1")


def test_another_tenants_tries_do_not_count(customer: Customer, shelf: Shelf, settings: Settings) -> None:
    settings.CARD_TRIES_PER_ADDRESS = 1
    for _ in range(FORMS_PER_TRY):
        start(customer)
    refused(customer)
    elsewhere = TenantFactory()
    with tenant_scope(elsewhere.pk):
        from tests.factories import sandbox_account

        sandbox_account(shelf.sandbox, "elsewhere")
        theirs = CustomerFactory()
    assert start(theirs)


def test_failures_are_counted_once_however_they_are_heard_of(customer: Customer, shelf: Shelf) -> None:
    started = start(customer)
    decline(shelf, started)
    assert note_failure(customer.tenant_id, started.gateway_id, "whatever").count == 1
    assert note_failure(customer.tenant_id, started.gateway_id, "whatever").count == 1
    process_events(customer, shelf, times=2)
    assert stored(customer, started).failures == 1
    decline(shelf, started)
    process_events(customer, shelf, times=2)
    assert note_failure(customer.tenant_id, started.gateway_id).count == 2
    assert stored(customer, started).last_decline == "expired_card"


def test_a_browser_cannot_invent_failures(customer: Customer) -> None:
    started = start(customer)
    for _ in range(3):
        assert note_failure(customer.tenant_id, started.gateway_id, "generic_decline").count == 0
    assert stored(customer, started).state == SetupState.OPEN


def test_a_link_ends_after_too_many_failures(customer: Customer, shelf: Shelf, settings: Settings) -> None:
    settings.CARD_FAILURES_PER_LINK = 3
    link = uuid4()
    first, second = start(customer, purpose_id=link), start(customer, purpose_id=link)
    elsewhere = start(customer, purpose_id=uuid4())
    for started in (first, first, second):
        decline(shelf, started)
        process_events(customer, shelf)
    assert shelf.object("setup_intent", first.gateway_id)["status"] == "canceled"
    assert shelf.object("setup_intent", second.gateway_id)["status"] == "canceled"
    assert {stored(customer, started).state for started in (first, second)} == {SetupState.CANCELED}
    assert stored(customer, elsewhere).state == SetupState.OPEN
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        refused(customer, purpose_id=link)
        assert start(customer, purpose_id=uuid4())


def test_a_browser_is_told_when_it_was_the_last_try(customer: Customer, shelf: Shelf, settings: Settings) -> None:
    settings.CARD_FAILURES_PER_LINK = 1
    started = start(customer, purpose_id=uuid4())
    decline(shelf, started)
    assert note_failure(customer.tenant_id, started.gateway_id).stopped
    assert note_failure(customer.tenant_id, started.gateway_id).stopped


def test_cards_tried_through_one_entry_count_against_the_customer(customer: Customer, shelf: Shelf) -> None:
    started = start(customer)
    for _ in range(10):
        decline(shelf, started)
        process_events(customer, shelf)
    assert shelf.object("setup_intent", started.gateway_id)["status"] == "canceled"
    refused(customer, ip="198.51.100.1")


def test_limits_outlive_valkey(customer: Customer, valkey: Any, settings: Settings) -> None:
    settings.CARD_TRIES_PER_CUSTOMER = 1
    for _ in range(FORMS_PER_TRY):
        start(customer)
    valkey.flushdb()
    refused(customer)


def test_keeps_what_was_typed_beside_the_card(customer: Customer) -> None:
    started = start(customer)
    address = {"line1": " 1000 rue de la Gauchetière ", "country": "CA", "unknown": "x", "city": None}
    with tenant_scope(customer.tenant_id):
        save_billing_details(setup_id=started.setup_id, details={"holder_name": "Bob T.", "address": address})
    details = stored(customer, started).billing_details
    assert details["holder_name"] == "Bob T."
    assert details["address"]["line1"] == "1000 rue de la Gauchetière"
    assert details["address"]["city"] == ""
    assert "unknown" not in details["address"]


def test_keeps_nothing_once_the_entry_has_ended(customer: Customer) -> None:
    started = start(customer)
    with tenant_scope(customer.tenant_id):
        CardSetup.objects.update(state=SetupState.COMPLETED)
        with pytest.raises(CardSetupError):
            save_billing_details(setup_id=started.setup_id, details={})


def test_an_entry_cancelled_at_the_gateway_is_closed(customer: Customer, shelf: Shelf) -> None:
    started = start(customer)
    shelf.gateway.cancel_setup(started.gateway_id, key="cancel")
    process_events(customer, shelf)
    assert stored(customer, started).state == SetupState.CANCELED


def test_no_entry_is_found_in_another_tenant(customer: Customer) -> None:
    started = start(customer)
    elsewhere: UUID = TenantFactory().pk
    assert note_failure(elsewhere, started.gateway_id).count == 0
    with tenant_scope(elsewhere):
        assert not CardSetup.objects.exists()
