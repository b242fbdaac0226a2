"""Billing by real processes that are killed, doubled and cut off: each period is billed once and charged once."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from django.db import connection
from django.utils import timezone

from customers.services import CannotDelete, delete_customer, update_customer
from messaging.models import Message, MessageState
from subscriptions.billing.run import Billed, bill_due
from subscriptions.invoicing import bill_purchase
from subscriptions.models import Invoice, InvoiceState, Subscription, SubscriptionState
from subscriptions.services import create_subscription
from subscriptions.tasks import sweep_billing
from tenants.actors import Actor
from tenants.models import NumberSequence, Tenant
from tenants.numbers import next_number, next_numbers
from tenants.scope import tenant_scope
from tests import database, factories
from tests.processes import PATIENCE_SECONDS, CeleryWorker, Sandbox, wait_until
from tests.races import in_a_connection_of_its_own, someone_waits_for_a_lock
from tests.scenarios.dues import FIRST, Dues, run_in_a_process
from tests.scenarios.mass import STEPS_EACH, MassChange
from tests.scenarios.test_mass_change import MakeMassChange

ALICE = Actor.system("alice")
#: Every way in which one call can go wrong.
FAULTS = ("rate_limited", "conflict", "server_error", "error_after", "drop_before", "drop_after", "latency")


@contextmanager
def invoice_numbers_held(tenant: Tenant) -> Iterator[None]:
    """Whoever issues an invoice for the tenant must wait, all read and nothing written."""
    with tenant_scope(tenant.pk):
        next_number("invoice")
    with tenant_scope(tenant.pk):
        NumberSequence.objects.filter(name="invoice").update(last=FIRST - 1)
    with database.admin_connection(connection.settings_dict["NAME"]) as other, other.transaction():
        other.execute("SELECT FROM tenants_numbersequence WHERE tenant_id = %s FOR UPDATE", [tenant.pk])
        yield


# The storm


def test_two_hundred_at_once_through_every_calamity(
    measured_gateway: None, sandbox: Sandbox, celery_worker_process: CeleryWorker, valkey: redis.Redis
) -> None:
    """The worker dies in the middle of the run, and again among the charges, where Valkey is emptied as well; one call
    in four to the gateway goes wrong."""
    dues = Dues(sandbox, "acme", customers=200, declining=10, with_mail=60)
    sandbox.set_faults(
        *(
            {"account": "acme", "kind": kind, "probability": 0.05, "seed": seed, "latency_seconds": 0.3}
            for seed, kind in enumerate(FAULTS)
        )
    )
    with invoice_numbers_held(dues.tenant):
        dues.fall_due()
        sweep_billing.delay()
        wait_until(someone_waits_for_a_lock, what="a run that is about to issue its invoices")
        celery_worker_process.kill()
    assert dues.invoices() == []
    celery_worker_process.start()
    sweep_billing.delay()
    wait_until(lambda: sum(dues.charges().values()) >= 40, what="the first charges", seconds=300)
    celery_worker_process.kill()
    valkey.flushdb()
    assert 0 < dues.count_of(attempts=1) < 190
    dues.let_leases_run_out()
    celery_worker_process.start()
    wait_until(lambda: dues.count_of(attempts=1) >= 180, what="most to be charged", seconds=300)
    struck = {line["fault"] for line in sandbox.requests(account="acme", limit=1_000_000)}
    assert set(FAULTS) <= struck
    sandbox.clear_faults()
    dues.let_pauses_pass()
    wait_until(lambda: all_is_told(dues), what="everybody to be charged and written to", seconds=300)
    dues.check_each_invoice_is_there_once()
    dues.check_each_charge_was_made_once()
    check_who_paid(dues)
    check_mails(dues)


def all_is_told(dues: Dues) -> bool:
    with dues.scope():
        told = Message.objects.filter(state__in=(MessageState.SENT, MessageState.DELIVERED)).count()
        return told == dues.with_mail and Invoice.objects.filter(attempts=1).count() == dues.count


def check_who_paid(dues: Dues) -> None:
    """All but those whose cards say no; these are past due, after the one try that was due."""
    with dues.scope():
        states = Counter(Subscription.objects.values_list("state", flat=True))
        late = Invoice.objects.filter(state=InvoiceState.OPEN).values_list("customer__number", "dunning_attempts")
        assert sorted(late) == [(FIRST + n, 1) for n in range(dues.declining)]
    assert states == {SubscriptionState.ACTIVE: dues.count - dues.declining, SubscriptionState.PAST_DUE: dues.declining}


def check_mails(dues: Dues) -> None:
    """One for each customer. A mail that was on its way when the worker died may come twice, as the same mail."""
    with dues.scope():
        kinds = Counter(Message.objects.values_list("template", flat=True))
    assert kinds == {"invoice_paid": dues.with_mail - dues.declining, "payment_failed": dues.declining}
    arrived = Counter((*mail["to"], headers_of(mail)["message-id"]) for mail in dues.sandbox.messages(channel="email"))
    assert len(arrived) == len({to for to, _id in arrived}) == dues.with_mail
    twice = sum(arrived.values()) - dues.with_mail
    assert twice <= 8, "no more than the worker's threads can have had in hand"


def headers_of(mail: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in dict(mail["headers"]).items()}


# Killed between invoice and charge


def is_held(dues: Dues) -> bool:
    return dues.count_of(collection_lease_until__isnull=False) == 1


def has_begun_a_payment(dues: Dues) -> bool:
    return bool(dues.listed("payment_intent"))


def knows_its_payment(dues: Dues) -> bool:
    return dues.count_of(gateway_payment_id__gt="") == 1


def has_charged(dues: Dues) -> bool:
    return bool(dues.charges())


@pytest.mark.parametrize(
    ("path", "kind", "has_come_so_far"),
    [
        ("/v1/payment_intents", "timeout_before", is_held),
        ("/v1/payment_intents", "timeout_after", has_begun_a_payment),
        ("/v1/payment_intents/*/confirm", "timeout_before", knows_its_payment),
        ("/v1/payment_intents/*/confirm", "timeout_after", has_charged),
    ],
)
def test_a_run_killed_between_invoice_and_charge(
    transactional_db: None, sandbox: Sandbox, path: str, kind: str, has_come_so_far: Callable[[Dues], bool]
) -> None:
    """The process is killed while it waits for the gateway, which has done what was asked or has not."""
    dues = Dues(sandbox, "acme", customers=1)
    dues.fall_due()
    sandbox.set_faults({"account": "acme", "method": "POST", "path": path, "kind": kind, "latency_seconds": 120})
    now = timezone.now()
    process = run_in_a_process(dues, now)
    try:
        wait_until(lambda: has_come_so_far(dues), what="the run to come so far")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    sandbox.clear_faults()
    (invoice,) = dues.invoices()
    assert (invoice.state, invoice.attempts) == (InvoiceState.OPEN, 0)
    assert run_in_a_process(dues, now).wait(timeout=PATIENCE_SECONDS) == 0
    assert dues.invoices()[0].state == InvoiceState.OPEN, "it is still held for the one that died"
    assert run_in_a_process(dues, now + timedelta(hours=1)).wait(timeout=PATIENCE_SECONDS) == 0
    assert dues.invoices()[0].state == InvoiceState.PAID
    dues.check_each_invoice_is_there_once()
    dues.check_each_charge_was_made_once()


# Two at once


def test_three_runs_at_once_in_three_processes(transactional_db: None, sandbox: Sandbox) -> None:
    """Each bills what the others do not, period by period, and charges what the others do not."""
    dues = Dues(sandbox, "acme", customers=15)
    dues.fall_due(each=2, since=timedelta(days=3, hours=1), interval="day")
    now = timezone.now()
    processes = [run_in_a_process(dues, now) for _ in range(3)]
    assert [process.wait(timeout=240) for process in processes] == [0, 0, 0]
    assert dues.count_of(state=InvoiceState.PAID) == 30 * 4
    dues.check_each_invoice_is_there_once(periods=4)
    dues.check_each_charge_was_made_once()


# Room for everybody


def test_two_thousand_invoices_of_one_tenant_leave_room_for_the_single_one_of_another(
    sandbox: Sandbox, celery_worker_process: CeleryWorker
) -> None:
    large, small = Dues(sandbox, "large", customers=20), Dues(sandbox, "small", customers=1)
    large.fall_due(each=100)
    sweep_billing.delay()
    wait_until(lambda: large.count_of() == 2000, what="the large tenant's invoices", seconds=300)
    wait_until(lambda: large.count_of(state=InvoiceState.PAID) >= 20, what="the first charges", seconds=300)
    small.fall_due()
    left = large.count_of(state=InvoiceState.OPEN)
    sweep_billing.delay()
    wait_until(lambda: small.count_of(state=InvoiceState.PAID) == 1, what="the single one", seconds=300)
    assert large.count_of(state=InvoiceState.OPEN) > left // 2, "the single invoice had to wait"


@pytest.fixture
def slow_gateway(monkeypatch: pytest.MonkeyPatch) -> float:
    """The account's calls per second, far fewer than the machine could make."""
    monkeypatch.setenv("GATEWAY_CALLS_PER_SECOND", "8")
    return 8.0


def test_collections_and_changes_share_the_accounts_calls_per_second(
    slow_gateway: float, mass_change: MakeMassChange, celery_worker_process: CeleryWorker
) -> None:
    change = mass_change(10)
    began = time.time()
    purchases = buy(change, 30)
    change.begin()
    change.wait_for(STEPS_EACH * change.count)
    wait_until(lambda: all_paid(change, purchases), what="the purchases to be paid", seconds=300)
    calls = sorted(line["time"] for line in change.sandbox.requests(account="acme", limit=1_000_000))
    collected = [line["time"] for line in change.sandbox.requests(account="acme", path="/v1/payment_intents")]
    assert len(calls) > 100
    # As many calls as that cannot have been begun in less, whoever made them and however late they arrived.
    assert calls[-1] - began >= (len(calls) - 1) / slow_gateway - 1.0
    assert min(collected) < calls[len(calls) // 2], "neither waited for the other to be done"


def buy(change: MassChange, count: int) -> list[UUID]:
    """Purchases of the same tenant by a customer whose card stays, due at once."""
    card = {"id": "pm_carol", "number": "4242424242424242", "exp_month": 12, "exp_year": 2034}
    change.sandbox.seed(account="acme", customers=[{"id": "cus_carol", "payment_methods": [card]}])
    with tenant_scope(change.tenant.pk):
        carol = factories.CustomerFactory(number=9001, email="")
        factories.GatewayCustomerFactory(customer=carol, gateway_id="cus_carol")
        factories.PaymentProfileFactory(customer=carol, gateway_id="pm_carol", is_default=True)
        next_numbers("invoice", 9000)  # past those that were made without asking
        once = factories.PriceFactory(interval="one_time")
        return [bill_purchase(actor=ALICE, customer=carol, price=once).pk for _ in range(count)]


def all_paid(change: MassChange, invoices: list[UUID]) -> bool:
    with tenant_scope(change.tenant.pk):
        return not Invoice.objects.filter(pk__in=invoices).exclude(state=InvoiceState.PAID).exists()


# The calendar


@pytest.mark.parametrize(
    ("zone", "starts", "interval", "expected"),
    [
        # On 6 September 2026 Chile goes from midnight to one o'clock; a day begins an hour late, and none is lost.
        (
            "America/Santiago",
            "2026-09-04T04:00",
            "day",
            ["2026-09-04T04:00", "2026-09-05T04:00", "2026-09-06T04:00", "2026-09-07T03:00", "2026-09-08T03:00"],
        ),
        # Lebanon goes forward at midnight of the last Sunday of March.
        ("Asia/Beirut", "2027-02-27T22:00", "month", ["2027-02-27T22:00", "2027-03-27T22:00", "2027-04-27T21:00"]),
        # Samoa had no 30 December 2011 at all.
        (
            "Pacific/Apia",
            "2011-12-28T10:00",
            "day",
            ["2011-12-28T10:00", "2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"],
        ),
    ],
)
def test_a_midnight_that_the_zone_skips(
    transactional_db: None, zone: str, starts: str, interval: str, expected: list[str]
) -> None:
    """The run comes every hour; a tax that changes on that day is charged from that day on."""
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in expected]
    tenant = factories.TenantFactory(country="CA", time_zone=zone)
    skipped = moments[-2].astimezone(UTC)
    with tenant_scope(tenant.pk):
        price = factories.PriceFactory(interval=interval, amount_minor=1000)
        create_subscription(
            actor=ALICE, customer=factories.CustomerFactory(email=""), price=price, started_at=moments[0]
        )
    hour = moments[0] - timedelta(hours=3)
    while hour < moments[-1] + timedelta(hours=2):
        bill_due(tenant.pk, now=hour)
        hour += timedelta(hours=1)
    with tenant_scope(tenant.pk):
        made = list(Invoice.objects.order_by("number"))
    assert skipped in moments
    assert [one.period_start for one in made] == moments
    assert [one.issued_at for one in made] == moments
    assert [one.period_end for one in made[:-1]] == moments[1:]


# Mid-run


def test_a_customer_exempted_in_the_middle_of_a_run_that_catches_up(transactional_db: None) -> None:
    tenant = factories.TenantFactory(country="CA")
    start = datetime(2027, 1, 1, 12, tzinfo=UTC)
    with tenant_scope(tenant.pk):
        factories.TaxRateFactory()
        bob = factories.CustomerFactory(email="")
        price = factories.PriceFactory(interval="day", amount_minor=1000)
        create_subscription(actor=ALICE, customer=bob, price=price, started_at=start)
    assert bill_due(tenant.pk, now=start + timedelta(days=3), limit=2) == Billed(invoices=2, more=True)
    with tenant_scope(tenant.pk):
        update_customer(actor=ALICE, customer=bob, values={"tax_exempt": True})
    assert bill_due(tenant.pk, now=start + timedelta(days=3)) == Billed(invoices=2)
    with tenant_scope(tenant.pk):
        made = Invoice.objects.order_by("number").values_list("tax_minor", "tax_treatment", "customer_details")
        assert [(tax, treatment, details["tax_exempt"]) for tax, treatment, details in made] == [
            (50, "standard", False),
            (50, "standard", False),
            (0, "exempt", True),
            (0, "exempt", True),
        ]


def test_a_customer_deleted_in_the_middle_of_a_run_stays(transactional_db: None) -> None:
    tenant = factories.TenantFactory(country="CA")
    with tenant_scope(tenant.pk):
        bob = factories.CustomerFactory(email="")
        create_subscription(actor=ALICE, customer=bob, price=factories.PriceFactory(), started_at=timezone.now())
    with ThreadPoolExecutor(1) as pool:
        with invoice_numbers_held(tenant):
            billed = pool.submit(in_a_connection_of_its_own, lambda: bill_due(tenant.pk))
            wait_until(someone_waits_for_a_lock, what="the run to have read the customer")
            with tenant_scope(tenant.pk), pytest.raises(CannotDelete):
                delete_customer(actor=ALICE, customer=bob)
        assert billed.result() == Billed(invoices=1)
