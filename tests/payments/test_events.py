"""The gateway's events, applied once, in any order, late or doubled."""

import itertools
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
import stripe
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from customers.models import Customer
from payments import events
from payments.events import on_event, process_next_event, retry_event, store_event
from payments.gateway.errors import RateLimited
from payments.gateway.stripe_adapter import SignedEvent
from payments.models import EventState, GatewayAccount, GatewayEvent, PaymentProfile, ProfileState
from payments.tasks import sweep_events
from payments.webhooks import MAX_BODY
from tenants.actors import Actor
from tenants.models import AuditEntry, Tenant
from tenants.scope import forbid_open_transaction, tenant_scope
from tests.factories import GatewayCustomerFactory, PaymentProfileFactory, TenantFactory
from tests.payments.shelf import Shelf

SECRET = "whsec_for_tests"
SYSTEM = Actor.system("test")
_numbers = itertools.count(1)
#: What the handlers below do when they are called.
_script: list[Exception | None] = []
_calls: list[str] = []


def follow_script(tenant_id: UUID, event: GatewayEvent) -> None:
    forbid_open_transaction()
    _calls.append(event.gateway_id)
    if _script and (error := _script.pop(0)):
        raise error


@pytest.fixture(autouse=True)
def scripted_handler() -> Iterator[None]:
    """Only while a test runs: the webhook asks the gateway for every type that has a handler."""
    _script.clear()
    _calls.clear()
    on_event("test.happened")(follow_script)
    yield
    events._handlers.pop("test.happened")


def event(kind: str = "test.happened", object_id: str = "obj_1", **more: Any) -> dict[str, Any]:
    subject = {"id": object_id, "object": "thing", "client_secret": "seti_1_secret_2"}
    return {"id": f"evt_{next(_numbers)}", "object": "event", "type": kind, "data": {"object": subject}} | more


def store(tenant_id: UUID, payload: dict[str, Any]) -> GatewayEvent:
    with tenant_scope(tenant_id):
        stored = store_event(SignedEvent(payload["id"], payload["type"], payload))
    assert stored is not None
    return stored


def process(tenant_id: UUID) -> None:
    while process_next_event(tenant_id):
        pass


def again(stored: GatewayEvent) -> GatewayEvent:
    with tenant_scope(stored.tenant_id):
        return GatewayEvent.objects.get(pk=stored.pk)


def post(client: Client, body: bytes, signature: str, slug: str = "acme") -> int:
    address = f"/webhooks/stripe/{slug}/"
    headers = {"Stripe-Signature": signature}
    return client.post(address, body, content_type="application/json", headers=headers).status_code


def signed(body: bytes, secret: str = SECRET, at: int | None = None) -> str:
    return stripe.WebhookSignature.generate_signature_header(body.decode(), secret, timestamp=at)


# Receiving


def test_stores_a_signed_event_once_without_secrets(tenant: Tenant, client: Client) -> None:
    body = json.dumps(event()).encode()
    assert post(client, body, signed(body)) == 200
    assert post(client, body, signed(body)) == 200
    with tenant_scope(tenant.pk):
        stored = GatewayEvent.objects.get()
    assert (stored.state, stored.type) == (EventState.RECEIVED, "test.happened")
    assert "secret" not in json.dumps(stored.payload)


def test_an_event_that_nothing_here_handles_is_kept_and_ignored(tenant: Tenant, client: Client) -> None:
    body = json.dumps(event("charge.updated")).encode()
    assert post(client, body, signed(body)) == 200
    with tenant_scope(tenant.pk):
        assert GatewayEvent.objects.get().state == EventState.IGNORED


@pytest.mark.parametrize(
    "signature",
    ["", "nonsense", "t=1,v1=\u00e9", signed(b"{}", "whsec_other"), signed(b"other body"), signed(b"{}", at=1)],
    ids=["missing", "nonsense", "not ASCII", "another secret", "another body", "too old"],
)
def test_refuses_what_is_not_signed_by_the_gateway(tenant: Tenant, client: Client, signature: str) -> None:
    assert post(client, b"{}", signature.encode().decode("latin-1")) == 400


def test_refuses_an_old_event_played_again(tenant: Tenant, client: Client) -> None:
    body = json.dumps(event()).encode()
    with time_machine.travel(timezone.now(), tick=False):
        assert post(client, body, signed(body, at=int(time.time()) - 301)) == 400
        assert post(client, body, signed(body, at=int(time.time()) - 299)) == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'"event"', b"not json", b"\xff\xfe", b'{"object": "event"}'])
def test_refuses_a_signed_body_that_is_no_event(tenant: Tenant, client: Client, body: bytes) -> None:
    assert post(client, body, signed(body) if body != b"\xff\xfe" else signed(b"x")) == 400


@pytest.mark.parametrize(
    "more", [{"id": "evt_" + "x" * 100}, {"id": ["evt_1"]}, {"type": "x" * 100}, {"type": 7}], ids=str
)
def test_refuses_a_signed_event_without_a_name_to_know_it_by(
    tenant: Tenant, client: Client, more: dict[str, Any]
) -> None:
    body = json.dumps(event() | more).encode()
    assert post(client, body, signed(body)) == 400


def test_refuses_a_signed_body_with_a_number_that_is_none(tenant: Tenant, client: Client) -> None:
    body = json.dumps(event(amount=float("nan"))).encode()
    assert post(client, body, signed(body)) == 400


def test_refuses_a_signed_body_without_a_bottom(tenant: Tenant, client: Client) -> None:
    body = b"[" * 200_000
    assert post(client, body, signed(body)) == 400


def test_keeps_what_the_database_can_hold_of_an_event(tenant: Tenant, client: Client) -> None:
    body = json.dumps(event(name="Bob\x00 Roy \ud800", **{"odd\x00": 1})).encode()
    assert post(client, body, signed(body)) == 200
    with tenant_scope(tenant.pk):
        stored = GatewayEvent.objects.get()
    assert (stored.payload["name"], stored.payload["odd"]) == ("Bob Roy ?", 1)


def test_refuses_everything_for_a_tenant_without_an_account(transactional_db: None, client: Client) -> None:
    TenantFactory(slug="acme")
    body = json.dumps(event()).encode()
    assert post(client, body, signed(body, "")) == 400


def test_another_tenants_signature_does_not_open_the_door(tenant: Tenant, client: Client) -> None:
    other = TenantFactory(slug="other")
    with tenant_scope(other.pk):
        GatewayAccount.objects.create(
            account_id="a", publishable_key="p", secret_key="s", webhook_secret="whsec_other", tested_at=timezone.now()
        )
    body = json.dumps(event()).encode()
    assert post(client, body, signed(body), slug="other") == 400
    assert post(client, body, signed(body, "whsec_other"), slug="other") == 200
    with tenant_scope(tenant.pk):
        assert not GatewayEvent.objects.exists()


def test_answers_like_a_door_that_takes_only_events(tenant: Tenant, client: Client) -> None:
    assert client.get("/webhooks/stripe/acme/").status_code == 405
    assert post(client, b"{}", "", slug="nobody") == 404
    assert post(client, b"x" * (MAX_BODY + 1), "") == 413


def test_needs_no_csrf_token(tenant: Tenant) -> None:
    body = json.dumps(event()).encode()
    assert post(Client(enforce_csrf_checks=True), body, signed(body)) == 200


# Processing


def test_handles_an_event_once(tenant_id: UUID) -> None:
    stored = store(tenant_id, event())
    process(tenant_id)
    process(tenant_id)
    assert _calls == [stored.gateway_id]
    assert again(stored).state == EventState.PROCESSED


def test_tries_again_later_and_does_not_hold_up_others(tenant_id: UUID) -> None:
    _script[:] = [RuntimeError("boom"), None]
    bad, good = store(tenant_id, event()), store(tenant_id, event())
    for _event in (bad, good):
        assert process_next_event(tenant_id)
    assert again(good).state == EventState.PROCESSED
    waiting = again(bad)
    assert (waiting.state, waiting.attempts) == (EventState.RECEIVED, 1)
    assert "boom" in waiting.error
    with time_machine.travel(timezone.now() + timedelta(seconds=10)):
        process(tenant_id)
    assert (again(bad).state, again(bad).error) == (EventState.PROCESSED, "")


def test_waits_as_long_as_the_gateway_asked(tenant_id: UUID) -> None:
    _script[:] = [RateLimited(code="rate_limited", retry_after=600)]
    stored = store(tenant_id, event())
    process(tenant_id)
    assert again(stored).due_at > timezone.now() + timedelta(seconds=590)


def test_gives_up_loudly_after_ten_tries_and_can_be_sent_round_again(tenant_id: UUID) -> None:
    _script[:] = [RuntimeError("boom")] * 10
    stored = store(tenant_id, event())
    for hours in range(12):
        with time_machine.travel(timezone.now() + timedelta(hours=2 * hours)):
            process(tenant_id)
    assert len(_calls) == 10
    given_up = again(stored)
    assert (given_up.state, given_up.attempts) == (EventState.FAILED, 10)
    with tenant_scope(tenant_id):
        assert retry_event(actor=SYSTEM, event=given_up)
        assert not retry_event(actor=SYSTEM, event=given_up)
    process(tenant_id)
    assert again(stored).state == EventState.PROCESSED


def test_an_event_whose_worker_died_is_taken_up_again(tenant_id: UUID) -> None:
    class Killed(BaseException):
        pass

    _script[:] = [Killed()]  # type: ignore[list-item]
    stored = store(tenant_id, event())
    with pytest.raises(Killed):
        process(tenant_id)
    process(tenant_id)
    assert len(_calls) == 1
    with time_machine.travel(timezone.now() + timedelta(seconds=91)):
        process(tenant_id)
    assert len(_calls) == 2
    assert again(stored).state == EventState.PROCESSED


def test_workers_side_by_side_share_the_events_out(tenant_id: UUID) -> None:
    stored = [store(tenant_id, event()) for _ in range(40)]
    together = Barrier(4)

    def work() -> None:
        together.wait()
        process(tenant_id)
        connection.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(_calls) == sorted(one.gateway_id for one in stored)


def test_the_sweep_wakes_workers_for_events_whose_wake_up_was_lost(tenant_id: UUID, valkey: Any) -> None:
    store(tenant_id, event())
    sweep_events()
    assert str(tenant_id) in str(valkey.lrange("celery", 0, -1)) or valkey.llen("celery") == 1


# Payment methods


@pytest.fixture
def profile(customer: Customer, shelf: Shelf) -> PaymentProfile:
    """Bob's default card, alike here and there."""
    there = shelf.customer()
    method = shelf.method(there)
    shelf.stripe.v1.customers.update(there, {"invoice_settings": {"default_payment_method": method}})
    with tenant_scope(customer.tenant_id):
        GatewayCustomerFactory(customer=customer, gateway_id=there)
        facts = shelf.object("payment_method", method)["card"]
        return PaymentProfileFactory.create(
            customer=customer, gateway_id=method, is_default=True, fingerprint=facts["fingerprint"]
        )


def now(profile: PaymentProfile) -> PaymentProfile:
    with tenant_scope(profile.tenant_id):
        return PaymentProfile.objects.get(pk=profile.pk)


def tell(profile: PaymentProfile, kind: str, **more: Any) -> None:
    stored = store(profile.tenant_id, event(f"payment_method.{kind}", profile.gateway_id, **more))
    process(profile.tenant_id)
    assert again(stored).state == EventState.PROCESSED


def test_a_card_renewed_by_its_network_is_renewed_here(profile: PaymentProfile, shelf: Shelf) -> None:
    renewed = {"exp_month": 5, "exp_year": 2041, "last4": "0005"}
    shelf.sandbox.control("POST", f"card_updater/{profile.gateway_id}", json=renewed)
    tell(profile, "automatically_updated")
    card = now(profile)
    assert (card.exp_month, card.exp_year, card.last4, card.is_default) == (5, 2041, "0005", True)
    assert card.network_updated_at is not None


def test_an_edit_at_the_gateway_is_no_update_by_the_network(profile: PaymentProfile, shelf: Shelf) -> None:
    shelf.sandbox.control("POST", f"card_updater/{profile.gateway_id}", json={"exp_year": 2042})
    tell(profile, "updated")
    assert (now(profile).exp_year, now(profile).network_updated_at) == (2042, None)


@pytest.mark.parametrize("key", ["step-1-0", "charge-2-0", "refund-3-0"])
def test_knows_what_work_of_our_own_caused(profile: PaymentProfile, key: str) -> None:
    stored = store(profile.tenant_id, event(request={"id": "req_1", "idempotency_key": key}))
    assert events.caused_by_us(stored)
    other = store(profile.tenant_id, event(request={"id": "req_2", "idempotency_key": "customer-1"}))
    assert not events.caused_by_us(other)


def test_an_event_is_only_a_hint(profile: PaymentProfile) -> None:
    """What an event carries may be long out of date: the gateway's present word counts."""
    payload = event("payment_method.detached", profile.gateway_id)
    store(profile.tenant_id, payload)
    process(profile.tenant_id)
    assert now(profile).state == ProfileState.ACTIVE


def test_a_method_that_vanished_can_no_longer_be_charged(profile: PaymentProfile, shelf: Shelf) -> None:
    shelf.sandbox.control("POST", f"vanish/{profile.gateway_id}")
    tell(profile, "updated")
    assert (now(profile).state, now(profile).is_default) == (ProfileState.DISABLED, False)


@pytest.mark.parametrize("order", list(itertools.permutations(["updated", "detached", "detached"])))
def test_a_method_removed_at_the_gateway_is_disabled_once(
    profile: PaymentProfile, shelf: Shelf, order: tuple[str, ...]
) -> None:
    shelf.sandbox.control("POST", f"detach/{profile.gateway_id}")
    for kind in order:
        tell(profile, kind)
    assert now(profile).state == ProfileState.DISABLED
    with tenant_scope(profile.tenant_id):
        assert AuditEntry.objects.filter(action="payment_profile.disabled").count() == 1


def test_a_method_that_we_replace_or_remove_ourselves_is_left_to_that_change(
    profile: PaymentProfile, shelf: Shelf
) -> None:
    shelf.gateway.detach_method(profile.gateway_id, key="step-1-0")
    tell(profile, "detached", request={"id": "req_1", "idempotency_key": "step-1-0"})
    assert now(profile).state == ProfileState.ACTIVE
    with tenant_scope(profile.tenant_id):
        newer = PaymentProfileFactory(customer=profile.customer)
        PaymentProfile.objects.filter(pk=profile.pk).update(replaced_by=newer)
    tell(profile, "detached")
    assert now(profile).state == ProfileState.ACTIVE
    with tenant_scope(profile.tenant_id):
        PaymentProfile.objects.filter(pk=profile.pk).update(state=ProfileState.REPLACED)
    tell(profile, "detached")
    assert now(profile).state == ProfileState.REPLACED


def test_a_method_of_nobody_we_know_changes_nothing(profile: PaymentProfile, shelf: Shelf) -> None:
    stored = store(profile.tenant_id, event("payment_method.updated", "pm_unknown"))
    process(profile.tenant_id)
    assert again(stored).state == EventState.PROCESSED
    assert not any("pm_unknown" in line["path"] for line in shelf.sandbox.requests(account="acme"))
