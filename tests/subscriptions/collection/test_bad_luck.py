"""The gateway fails in every way it can, workers die and meet: each invoice is charged once, and no failure counts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from payments.models import GatewayAccount
from subscriptions.collection.engine import Claim, claim_next, collect, collect_due
from subscriptions.models import Charge, ChargeState, Invoice, InvoiceState, SubscriptionState
from tests.processes import CeleryWorker, wait_until
from tests.subscriptions.collection.conftest import DECLINED, GOOD, Till

KINDS = ["rate_limited", "server_error", "conflict", "drop_before", "drop_after", "error_after", "timeout_after"]


def collect_until_settled(till: Till) -> None:
    for hours in range(1, 12):
        till.collect(days=hours / 24)


@pytest.mark.parametrize("kind", KINDS)
def test_every_call_fails_once(till: Till, monkeypatch: pytest.MonkeyPatch, settings: object, kind: str) -> None:
    settings.STRIPE_TIMEOUT_SECONDS = 1.0  # type: ignore[attr-defined]
    bob = till.bob(GOOD)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    till.sandbox.set_faults(
        *[
            {"account": "acme", "method": "POST", "path": path, "kind": kind, "times": 1, "latency_seconds": 1.5}
            for path in ("/v1/payment_intents", "/v1/payment_intents/*/confirm")
        ]
    )
    collect_until_settled(till)
    paid = till.read(invoice)
    assert (paid.state, paid.dunning_attempts, paid.first_failed_at) == (InvoiceState.PAID, 0, None)
    assert (till.taken(), till.mails()) == ([1999], ["invoice_paid"])
    assert [row[0] for row in till.charges(invoice)] == [ChargeState.SUCCEEDED]
    assert len(till.listed("payment_intent")) == 1
    assert till.read(subscription).state == SubscriptionState.ACTIVE


def test_a_payment_whose_beginning_was_lost_is_found_after_the_key_is_forgotten(till: Till) -> None:
    invoice = till.owes(till.bob(GOOD))
    till.sandbox.set_faults(
        {"account": "acme", "method": "POST", "path": "/v1/payment_intents", "kind": "drop_after", "times": 1}
    )
    till.collect()
    assert till.read(invoice).gateway_payment_id == ""
    till.sandbox.control("POST", "forget_idempotency_keys", json={"account": "acme"})
    till.collect(days=2)
    assert till.read(invoice).state == InvoiceState.PAID
    assert (till.taken(), len(till.listed("payment_intent"))) == ([1999], 1)


def test_an_answer_that_was_lost_is_read_after_the_key_is_forgotten(till: Till) -> None:
    invoice = till.owes(till.bob(GOOD))
    till.sandbox.set_faults(
        {"account": "acme", "method": "POST", "path": "/v1/payment_intents/*/confirm", "kind": "drop_after", "times": 1}
    )
    till.collect()
    assert till.read(invoice).state == InvoiceState.OPEN
    assert till.taken() == [1999]
    till.sandbox.control("POST", "forget_idempotency_keys", json={"account": "acme"})
    till.collect(days=2)
    assert till.read(invoice).state == InvoiceState.PAID
    assert till.taken() == [1999]


def test_a_decline_whose_answer_was_lost_is_one_decline(till: Till) -> None:
    invoice = till.owes(till.bob(DECLINED))
    till.sandbox.set_faults(
        {"account": "acme", "method": "POST", "path": "/v1/payment_intents/*/confirm", "kind": "drop_after", "times": 1}
    )
    collect_until_settled(till)
    assert till.charges(invoice) == [(ChargeState.DECLINED, "generic_decline", "pm_default")]
    assert len([row for row in till.listed("charge") if row["status"] == "failed"]) == 1


def test_a_pause_that_the_gateway_asks_for_is_kept(till: Till) -> None:
    invoice = till.owes(till.bob(GOOD))
    till.sandbox.set_faults(
        {"account": "acme", "path": "/v1/payment_intents", "kind": "rate_limited", "times": 1, "retry_after": 40}
    )
    till.collect()
    waits = till.read(invoice)
    assert waits.next_attempt_at >= till.start + timedelta(seconds=40)
    assert waits.attempts == 0


def test_keys_that_stopped_working_are_not_the_customers_fault(till: Till) -> None:
    bob = till.bob(GOOD)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    with till.scope():
        account = GatewayAccount.objects.get()
        good = account.secret_key
        account.secret_key = "sk_test_revoked"
        account.save()
    for days in (0, 1, 20):
        till.collect(days=days)
    assert (till.read(invoice).attempts, till.read(subscription).state) == (0, SubscriptionState.ACTIVE)
    with till.scope():
        account.secret_key = good
        account.save()
    till.collect(days=21)
    assert till.read(invoice).state == InvoiceState.PAID


def claim(till: Till) -> Claim:
    found, claimed = claim_next(till.tenant.pk, now=till.start)
    assert found
    assert claimed is not None
    return claimed


def test_a_worker_that_died_after_charging_is_followed_by_one_that_reads(till: Till) -> None:
    """The first worker got as far as the gateway's yes, and no further."""
    invoice = till.owes(till.bob(GOOD))
    dead = claim(till)
    assert claim_next(till.tenant.pk, now=till.start) == (False, None), "it is held"
    collect(till.tenant.pk, dead)
    with till.scope():
        Charge.objects.update(state=ChargeState.RUNNING, finished_at=None)
        Invoice.objects.update(
            state=InvoiceState.OPEN, paid_at=None, next_attempt_at=till.start, collection_lease_until=dead.lease
        )
    till.collect(days=1)
    assert till.read(invoice).state == InvoiceState.PAID
    assert till.taken() == [1999]


def test_a_worker_that_was_held_up_changes_nothing_any_more(till: Till) -> None:
    invoice = till.owes(till.bob(GOOD))
    slow = claim(till)
    till.collect(days=1)
    paid_at = till.read(invoice).paid_at
    collect(till.tenant.pk, slow)
    assert till.read(invoice).paid_at == paid_at
    assert [row[0] for row in till.charges(invoice)] == [ChargeState.SUCCEEDED]
    assert till.taken() == [1999]


def test_engines_that_work_at_once_share_the_invoices_out(till: Till) -> None:
    bob = till.bob(GOOD)
    invoices = [till.owes(bob, total_minor=1000 + number) for number in range(24)]

    def work() -> None:
        try:
            collect_due(till.tenant.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: work(), range(6)))
    assert till.taken() == [1000 + number for number in range(24)]
    assert {till.read(invoice).state for invoice in invoices} == {InvoiceState.PAID}
    with till.scope():
        assert Charge.objects.count() == 24


def test_a_worker_killed_between_invoice_and_charge_loses_nothing(
    till: Till, celery_worker_process: CeleryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real worker, killed while it waits for the gateway's answer to a charge; another one settles what it left."""
    bob = till.bob(GOOD)
    till.sandbox.set_faults(
        {"account": "acme", "path": "/v1/payment_intents/*/confirm", "kind": "timeout_after", "times": 1}
    )
    invoices = [till.owes(bob, total_minor=1000 + number) for number in range(12)]
    wait_until(till.taken, what="the first charge, whose answer is held back")
    celery_worker_process.kill()
    with till.scope():
        held = Invoice.objects.filter(collection_lease_until__isnull=False)
        assert held.update(collection_lease_until=till.start) > 0
    celery_worker_process.start()

    def all_paid() -> bool:
        return {till.read(invoice).state for invoice in invoices} == {InvoiceState.PAID}

    wait_until(all_paid, what="every invoice to be paid")
    assert till.taken() == [1000 + number for number in range(12)]
