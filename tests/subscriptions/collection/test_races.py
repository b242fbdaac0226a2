"""Two who change the same money at the same instant: the order of locks is one, and what is written off stays so."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from customers.services import update_customer
from payments.models import GatewayAccount
from subscriptions.balance import add_balance_entry, balances
from subscriptions.billing.run import Billed, bill_due
from subscriptions.collection import collect_now, request_collection
from subscriptions.collection.engine import claim_next, collect
from subscriptions.credits import credit_invoice, refund_due
from subscriptions.errors import BillingError
from subscriptions.invoicing import mark_uncollectible
from subscriptions.limits import hold_customer
from subscriptions.models import (
    BalanceEntry,
    BalanceEntryKind,
    ChargeState,
    CreditNote,
    Invoice,
    InvoiceState,
    PaidThrough,
    Subscription,
    SubscriptionState,
)
from subscriptions.services import create_subscription
from subscriptions.voiding import void_invoice
from tenants.actors import Actor
from tests.database import admin_connection
from tests.factories import PriceFactory
from tests.processes import PATIENCE_SECONDS, wait_until
from tests.races import all_at_once, meanwhile, someone_waits_for_a_lock, wait_for_a_lock
from tests.subscriptions.collection.conftest import DECLINED, GOOD, Till
from tests.subscriptions.collection.test_requests import debtor

ALICE = Actor.system("alice")


def write_off(till: Till, invoice: Invoice) -> Invoice:
    with till.scope():
        return mark_uncollectible(actor=ALICE, invoice=invoice, reason="Moved abroad")


# Writing off


def test_what_the_bank_is_at_is_not_written_off(till: Till) -> None:
    """It would not be read at the gateway any more, and the money would never be seen."""
    invoice = debtor(till)
    till.collect()
    with pytest.raises(BillingError) as refused:
        write_off(till, invoice)
    assert refused.value.code == "charge_under_way"
    till.sandbox.control("POST", f"settle/{till.read(invoice).gateway_payment_id}", json={"outcome": "succeed"})
    till.collect(days=1)
    assert till.read(invoice).state == InvoiceState.PAID


def test_a_charge_that_was_asked_for_is_not_made_once_the_invoice_is_written_off(till: Till) -> None:
    """And it does not stand in the way of one that is asked for later."""
    invoice = till.owes(till.bob(GOOD), next_attempt_at=None)
    with till.scope():
        request_collection(actor=ALICE, invoice=invoice, through=PaidThrough.STAFF)
    write_off(till, invoice)
    till.collect(days=1)
    assert till.charges(invoice) == [(ChargeState.NOT_TRIED, "", "pm_default")]
    assert till.taken() == []
    with till.scope():
        request_collection(actor=ALICE, invoice=invoice, through=PaidThrough.STAFF)
    collect_now(till.tenant.pk, invoice.pk)
    assert till.read(invoice).state == InvoiceState.PAID
    assert till.taken() == [1999]


@pytest.mark.parametrize("how", ["written off", "voided"])
def test_what_could_not_even_be_begun_is_let_go(till: Till, how: str) -> None:
    """The gateway was never connected, or its keys never worked: the charge waits for it, and nothing was taken."""
    invoice = till.owes(till.bob(GOOD))
    with till.scope():
        GatewayAccount.objects.all().delete()
    till.collect()
    assert till.charges(invoice) == [(ChargeState.RUNNING, "no_gateway_account", "pm_default")]
    if how == "voided":
        void_invoice(till.tenant.pk, actor=ALICE, invoice_id=invoice.pk, reason="Never mind")
    else:
        write_off(till, invoice)
    assert [row[0] for row in till.charges(invoice)] == [ChargeState.NOT_TRIED]


def test_what_someone_is_just_charging_is_not_written_off(till: Till) -> None:
    invoice = till.owes(till.bob(GOOD))
    _found, claim = claim_next(till.tenant.pk)
    assert claim is not None
    with pytest.raises(BillingError) as refused:
        write_off(till, invoice)
    assert refused.value.code == "charge_under_way"
    collect(till.tenant.pk, claim)
    assert till.read(invoice).state == InvoiceState.PAID


# Who waits for whom


def test_voiding_and_the_billing_run_meet_at_the_balance(till: Till, caplog: pytest.LogCaptureFixture) -> None:
    """Voiding gives the balance back what it had paid; the run is about to apply it to the next period."""
    bob = till.bob(GOOD)
    subscription = till.subscribed(bob, next_billing_at=timezone.now(), past_due_since=till.start)
    invoice = till.owes(bob, subscription, balance_applied_minor=500, next_attempt_at=None)
    with till.scope():
        Subscription.objects.filter(pk=subscription.pk).update(anchor_at=timezone.now(), started_at=timezone.now())
        add_balance_entry(actor=ALICE, customer=bob, currency="CAD", amount_minor=300, reason="Goodwill")
    with admin_connection(connection.settings_dict["NAME"]) as other, other.transaction():
        other.execute("SELECT FROM subscriptions_customerbalance FOR UPDATE")
        voided = meanwhile(
            lambda: void_invoice(till.tenant.pk, actor=ALICE, invoice_id=invoice.pk, reason="Billed twice")
        )
        wait_for_a_lock("the voiding to come to the balance")
        ran = meanwhile(lambda: bill_due(till.tenant.pk))
        wait_until(lambda: ran.done() or waiting() == 2, what="the run to come to the balance")
    assert voided.result(60).state == InvoiceState.VOID
    assert ran.result(60).failed == 0
    assert "deadlock" not in caplog.text
    bill_due(till.tenant.pk)
    with till.scope():
        (billed,) = Invoice.objects.filter(state=InvoiceState.OPEN)
        assert (billed.balance_applied_minor, balances(bob)) == (800, {})


def waiting() -> int:
    with admin_connection() as admin:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        row = admin.execute(asked, [connection.settings_dict["NAME"]]).fetchone()
        return int(row[0]) if row else 0


@pytest.mark.parametrize("first_method", [True, False])
def test_a_failure_that_invites_meets_the_customer_who_pays_at_that_moment(till: Till, first_method: bool) -> None:
    """Whoever records the customer's new method holds the customer, and then asks for the invoice to be charged."""
    till.dunning(dunning_invites=True)
    bob = till.customer() if first_method else till.bob(DECLINED)
    invoice = till.owes(bob, till.subscribed(bob))
    new = till.new_card(bob, "pm_new")
    with till.scope():
        hold_customer(bob, alone=True)
        told = meanwhile(till.collect)
        if not first_method:
            wait_for_a_lock("the failure to come to the customer")
        else:
            wait_until(lambda: told.done() or someone_waits_for_a_lock(), what="the failure to come to the customer")
        request_collection(actor=ALICE, invoice=invoice, through=PaidThrough.PAY_PAGE, profile=new)
    told.result(60)
    if first_method:
        till.collect(days=0.01)
        assert till.charges(invoice) == [(ChargeState.SUCCEEDED, "", "pm_new")]


def test_the_run_bills_a_customer_who_is_being_edited_without_waiting(till: Till) -> None:
    bob = till.bob(GOOD)
    with till.scope():
        create_subscription(actor=ALICE, customer=bob, price=PriceFactory())
    with till.scope():
        update_customer(actor=ALICE, customer=bob, values={"organisation": "Bob's Bikes"})
        assert meanwhile(lambda: bill_due(till.tenant.pk)).result(PATIENCE_SECONDS) == Billed(invoices=1)
    with till.scope():
        assert Subscription.objects.get().state == SubscriptionState.ACTIVE
        assert Invoice.objects.get().due_at - timezone.now() < timedelta(days=1)


# Everything at once


@pytest.mark.parametrize("turn", range(3))
def test_from_every_door_at_once_the_money_adds_up(till: Till, turn: int) -> None:
    """Bob's paid invoice is credited, his open one voided, written off and charged, his balance changed, his next
    period billed: what is refused says why, and nothing is paid, given back or counted twice."""
    bob = till.bob(GOOD)
    subscription = till.subscribed(bob, next_billing_at=timezone.now(), anchor_at=timezone.now())
    paid = till.owes(bob)
    till.collect()
    unpaid = till.owes(bob, subscription, balance_applied_minor=500, next_attempt_at=None)

    def in_scope(work: Callable[..., object], **options: Any) -> Callable[[], object]:
        def do() -> object:
            with till.scope():
                return work(actor=ALICE, **options)

        return do

    def charge() -> None:
        in_scope(request_collection, invoice=unpaid, through=PaidThrough.STAFF)()
        collect_now(till.tenant.pk, unpaid.pk)

    credit = {"invoice": paid, "amount_minor": 700, "reason": "Late"}
    goodwill = {"customer": bob, "currency": "CAD", "amount_minor": 300, "reason": "Goodwill"}
    works = [
        in_scope(credit_invoice, destination="refund", **credit),
        in_scope(credit_invoice, destination="balance", **credit),
        in_scope(credit_invoice, destination="refund", **credit),
        in_scope(add_balance_entry, **goodwill),
        in_scope(add_balance_entry, **goodwill | {"amount_minor": -100}),
        in_scope(mark_uncollectible, invoice=unpaid, reason="Moved"),
        partial(void_invoice, till.tenant.pk, actor=ALICE, invoice_id=unpaid.pk, reason="Wrong"),
        charge,
        partial(bill_due, till.tenant.pk),
        partial(refund_due, till.tenant.pk),
    ]
    outcomes = all_at_once(*works[turn:], *works[:turn])
    unexpected = [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, BillingError)]
    assert unexpected == []
    bill_due(till.tenant.pk)
    refund_due(till.tenant.pk)
    till.collect(days=40)
    with till.scope():
        first, second = Invoice.objects.get(pk=paid.pk), Invoice.objects.get(pk=unpaid.pk)
        assert (first.credited_minor, CreditNote.objects.count()) == (1400, 2)
        refunded = sum(row["amount"] for row in till.listed("refund"))
        assert first.refunded_minor == refunded <= 1400
        entries = BalanceEntry.objects.order_by("created_at", "id")
        assert balances(bob).get("CAD", 0) == sum(entry.amount_minor for entry in entries)
        returned = sum(entry.amount_minor for entry in entries if entry.kind == BalanceEntryKind.RETURNED)
        assert returned == (500 if second.state == InvoiceState.VOID else 0)
        assert second.state in (InvoiceState.PAID, InvoiceState.VOID)
        (third,) = Invoice.objects.exclude(pk__in=(first.pk, second.pk))
        due = [one.amount_due_minor for one in (first, second, third) if one.state == InvoiceState.PAID]
    assert sorted(till.taken()) == sorted(amount for amount in due if amount)
