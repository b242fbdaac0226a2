"""Credit notes, refunds and voiding: what goes back goes back once, and never more than was paid."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from customers.models import Customer
from messaging.models import Message
from payments.gateway.accounts import gateway_for
from payments.gateway.errors import Busy
from subscriptions import voiding
from subscriptions.balance import add_balance_entry, balances
from subscriptions.collection import confirmation_of, request_collection
from subscriptions.collection.charging import Order, begin_payment
from subscriptions.credits import credit_invoice, refund_due, refund_to_balance, retry_refund
from subscriptions.errors import BillingError
from subscriptions.invoicing import bill_purchase
from subscriptions.models import (
    BalanceEntryKind,
    ChargeState,
    CreditNote,
    Invoice,
    InvoiceState,
    PaidThrough,
    Refund,
    RefundState,
    SubscriptionState,
)
from subscriptions.refunds import carry_out, claim_next
from subscriptions.voiding import void_invoice
from tenants.actors import Actor
from tenants.models import Role
from tests.factories import InvoiceFactory, InvoiceTaxFactory, MembershipFactory, PriceFactory, TaxRateFactory
from tests.subscriptions.collection.conftest import DECLINED, GOOD, Till

ALICE = Actor.system("alice")
REFUND_WAITS, REFUND_FAILS = "4000000000007726", "4000000000005126"


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(BillingError) as caught:
        call()
    assert str(caught.value)
    return caught.value.code


def paid(till: Till, number: str = GOOD, **more: Any) -> Invoice:
    invoice = till.owes(till.bob(number), **more)
    till.collect()
    assert till.read(invoice).state == InvoiceState.PAID
    return invoice


def credit(till: Till, invoice: Invoice, amount_minor: int, destination: str = "refund") -> CreditNote:
    with till.scope():
        return credit_invoice(
            actor=ALICE, invoice=invoice, amount_minor=amount_minor, destination=destination, reason="Billed twice"
        )


def refund_of(till: Till, note: CreditNote) -> Refund:
    with till.scope():
        return Refund.objects.get(credit_note=note)


def given_back(till: Till) -> list[int]:
    return sorted(row["amount"] for row in till.listed("refund") if row["status"] not in ("failed", "canceled"))


def test_part_of_an_invoice_goes_back_to_the_card(till: Till) -> None:
    invoice = paid(till)
    note = credit(till, invoice, 500)
    assert not refund_due(till.tenant.pk)
    assert not refund_due(till.tenant.pk)
    refund = refund_of(till, note)
    assert (refund.state, refund.due_at, refund.lease_until) == (RefundState.SUCCEEDED, None, None)
    assert given_back(till) == [500]
    after = till.read(invoice)
    assert (after.credited_minor, after.refunded_minor, after.state) == (500, 500, InvoiceState.PAID)
    assert till.mails() == ["invoice_paid", "credit_note"]


def test_never_more_than_was_paid(till: Till) -> None:
    invoice = paid(till, total_minor=2299, balance_applied_minor=300)
    assert refusal(lambda: credit(till, invoice, 2300)) == "credit_too_large"
    assert refusal(lambda: credit(till, invoice, 2000)) == "refund_too_large"
    credit(till, invoice, 1999)
    assert refusal(lambda: credit(till, invoice, 1)) == "refund_too_large"
    credit(till, invoice, 300, "balance")
    assert refusal(lambda: credit(till, invoice, 1, "balance")) == "credit_too_large"
    refund_due(till.tenant.pk)
    assert given_back(till) == [1999]
    with till.scope():
        assert balances(invoice.customer) == {"CAD": 300}


@pytest.mark.parametrize(
    ("currency", "unit", "total", "between"), [("KWD", 4990, 5490, 5), ("ISK", 50100, 55100, 50), ("JPY", 555, 611, 0)]
)
def test_every_currency_is_charged_and_given_back_in_steps_that_the_gateway_takes(
    till: Till, currency: str, unit: int, total: int, between: int
) -> None:
    """With 10 % of tax, which would come to fractions of a step."""
    bob = till.bob(GOOD)
    with till.scope():
        TaxRateFactory(percent=Decimal(10))
        price = PriceFactory(interval="one_time", amount_minor=unit, currency=currency)
        invoice = bill_purchase(actor=ALICE, customer=bob, price=price)
    till.collect(days=1)
    assert (till.read(invoice).state, invoice.total_minor, till.taken()) == (InvoiceState.PAID, total, [total])
    if between:
        assert refusal(lambda: credit(till, invoice, between)) == "bad_amount"
        with till.scope():
            debit = {"amount_minor": -between, "reason": "Postage"}
            assert refusal(lambda: add_balance_entry(actor=ALICE, customer=bob, currency=currency, **debit)) == (
                "bad_amount"
            )
    credit(till, invoice, 100)
    credit(till, invoice, 200, "balance")
    refund_due(till.tenant.pk)
    assert given_back(till) == [100]
    credit(till, invoice, total - 300)
    refund_due(till.tenant.pk)
    assert sum(given_back(till)) == total - 200


def test_says_why_nothing_is_credited(till: Till) -> None:
    bob = till.bob(GOOD)
    still_open = till.owes(bob)
    with till.scope():
        settled = InvoiceFactory(customer=bob, state=InvoiceState.PAID, paid_through=PaidThrough.BALANCE)
    assert refusal(lambda: credit(till, still_open, 100)) == "not_paid"
    assert refusal(lambda: credit(till, settled, 0)) == "bad_amount"
    assert refusal(lambda: credit(till, settled, -1)) == "bad_amount"
    assert refusal(lambda: credit(till, settled, 100, "cash")) == "bad_amount"
    assert refusal(lambda: credit(till, settled, 100)) == "refund_too_large", "nothing was charged to a card"
    with till.scope():
        options = {"actor": ALICE, "invoice": settled, "amount_minor": 1, "destination": "balance", "reason": " "}
        assert refusal(lambda: credit_invoice(**options)) == "reason_missing"  # type: ignore[arg-type]
        assert not CreditNote.objects.exists()


def test_net_and_taxes_are_credited_in_proportion_and_sum_to_the_whole(till: Till) -> None:
    invoice = paid(till, subtotal_minor=1000, tax_minor=150, total_minor=1150)
    with till.scope():
        for position, (code, tax) in enumerate((("GST", 50), ("QST", 100))):
            InvoiceTaxFactory(
                invoice=invoice,
                position=position,
                code=code,
                percent=Decimal(5),
                taxable_minor=1000,
                tax_minor=tax,
            )
    notes = [credit(till, invoice, amount, "balance") for amount in (333, 333, 484)]
    for note in notes:
        assert note.subtotal_minor + note.tax_minor == note.total_minor
        assert note.tax_minor == sum(row["tax_minor"] for row in note.taxes)
    by_code = {
        code: sum(r["tax_minor"] for n in notes for r in n.taxes if r["code"] == code) for code in ("GST", "QST")
    }
    assert by_code == {"GST": 50, "QST": 100}
    assert [note.short_number for note in notes] == ["CN-1001", "CN-1002", "CN-1003"]


@pytest.mark.parametrize(
    "kind", ["rate_limited", "server_error", "conflict", "drop_before", "drop_after", "error_after", "timeout_after"]
)
def test_a_refund_whose_call_failed_is_made_once(till: Till, settings: object, kind: str) -> None:
    invoice = paid(till)
    note = credit(till, invoice, 700)
    settings.STRIPE_TIMEOUT_SECONDS = 1.0  # type: ignore[attr-defined]
    fault = {"account": "acme", "method": "POST", "path": "/v1/refunds", "kind": kind, "times": 1}
    till.sandbox.set_faults(fault | {"latency_seconds": 1.5})
    for hours in range(4):
        refund_due(till.tenant.pk, now=timezone.now() + timedelta(hours=hours))
    assert refund_of(till, note).state == RefundState.SUCCEEDED
    assert given_back(till) == [700]
    assert till.read(invoice).refunded_minor == 700


def test_a_worker_that_died_after_the_refund_is_followed_by_one_that_reads(till: Till) -> None:
    note = credit(till, paid(till), 700)
    dead = claim_next(till.tenant.pk, timezone.now())
    assert dead is not None
    gateway_for(till.tenant.pk).create_refund(
        payment=dead.payment, amount_minor=700, metadata={"refund_id": str(dead.refund.pk)}, key=dead.key
    )
    till.sandbox.control("POST", "forget_idempotency_keys", json={"account": "acme"})
    assert not refund_due(till.tenant.pk), "it is held"
    assert refund_of(till, note).state == RefundState.RUNNING
    refund_due(till.tenant.pk, now=timezone.now() + timedelta(days=2))
    assert refund_of(till, note).state == RefundState.SUCCEEDED
    assert given_back(till) == [700]


def test_a_worker_that_was_held_up_changes_nothing_of_a_refund_any_more(till: Till) -> None:
    note = credit(till, paid(till), 700)
    slow = claim_next(till.tenant.pk, timezone.now())
    assert slow is not None
    refund_due(till.tenant.pk, now=timezone.now() + timedelta(hours=1))
    finished_at = refund_of(till, note).finished_at
    assert finished_at is not None
    carry_out(till.tenant.pk, slow)
    assert refund_of(till, note).finished_at == finished_at
    assert given_back(till) == [700]


@pytest.mark.parametrize("told_by", ["refund.updated", "charge.refunded", "reading again"])
def test_a_refund_that_the_bank_is_at_is_waited_for(till: Till, told_by: str) -> None:
    invoice = paid(till, REFUND_WAITS)
    note = credit(till, invoice, 1999)
    refund_due(till.tenant.pk)
    refund = refund_of(till, note)
    assert (refund.state, till.read(invoice).refunded_minor) == (RefundState.PENDING, 0)
    till.sandbox.control("POST", f"settle/{refund.gateway_id}", json={"outcome": "succeed"})
    if told_by == "refund.updated":
        till.event(told_by, refund.gateway_id, times=2)
    elif told_by == "charge.refunded":
        till.event(told_by, "ch_1", times=2, payment_intent=invoice.gateway_payment_id)
    else:
        refund_due(till.tenant.pk, now=timezone.now() + timedelta(days=1))
    assert till.read(refund).state == RefundState.SUCCEEDED
    assert till.read(invoice).refunded_minor == 1999


def failed_refund(till: Till) -> Refund:
    """It fails at the bank after the gateway had said yes; an owner is told, once."""
    with till.scope():
        MembershipFactory(role=Role.OWNER, user__email="olga@example.com")
    invoice = paid(till, REFUND_FAILS)
    note = credit(till, invoice, 1999)
    refund_due(till.tenant.pk)
    refund = refund_of(till, note)
    if refund.state != RefundState.FAILED:
        till.sandbox.control("POST", f"settle/{refund.gateway_id}", json={"outcome": "fail"})
        till.event("refund.failed", refund.gateway_id, times=2)
    assert till.read(refund).state == RefundState.FAILED
    assert till.read(invoice).refunded_minor == 0
    with till.scope():
        told = Message.objects.get(template="refund_failed")
    assert (told.to, invoice.short_number in told.text) == ("olga@example.com", True)
    return refund


def test_a_refund_that_failed_moves_to_the_balance_once(till: Till) -> None:
    refund = failed_refund(till)
    with till.scope():
        refund_to_balance(actor=ALICE, refund=refund)
        assert refusal(lambda: refund_to_balance(actor=ALICE, refund=refund)) == "not_failed"
        assert refusal(lambda: retry_refund(actor=ALICE, refund=refund)) == "not_failed"
        assert balances(refund.invoice.customer) == {"CAD": 1999}


def test_a_refund_that_failed_is_tried_once_more_as_a_new_one(till: Till) -> None:
    refund = failed_refund(till)
    first = refund.gateway_id
    with till.scope():
        retry_refund(actor=ALICE, refund=refund)
    refund_due(till.tenant.pk)
    assert till.read(refund).gateway_id not in ("", first)
    assert len(till.listed("refund")) == 2


def void(till: Till, invoice: Invoice, reason: str = "Sent by mistake") -> Invoice:
    return void_invoice(till.tenant.pk, actor=ALICE, invoice_id=invoice.pk, reason=reason)


def test_a_void_invoice_cannot_be_paid_and_gives_the_balance_back(till: Till) -> None:
    bob = till.bob(DECLINED)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription, total_minor=2299, balance_applied_minor=300)
    till.collect()
    assert till.read(subscription).state == SubscriptionState.PAST_DUE
    voided = void(till, invoice)
    assert (voided.state, voided.next_attempt_at) == (InvoiceState.VOID, None)
    assert till.at_gateway("payment_intent", voided.gateway_payment_id)["status"] == "canceled"
    assert till.read(subscription).state == SubscriptionState.ACTIVE
    till.collect(days=30)
    assert till.taken() == []
    with till.scope():
        assert balances(bob) == {"CAD": 300}
        assert bob.balance_entries.get().kind == BalanceEntryKind.RETURNED
    assert refusal(lambda: void(till, invoice)) == "not_open"
    assert till.read(invoice).collection_lease_until is None


def test_voiding_gives_a_debt_back_too(till: Till) -> None:
    bob = till.bob(GOOD)
    invoice = till.owes(bob, balance_applied_minor=-400)
    void(till, invoice)
    with till.scope():
        assert balances(bob) == {"CAD": -400}
        add_balance_entry(actor=ALICE, customer=bob, currency="CAD", amount_minor=400, reason="Let go")


def test_an_invoice_that_was_paid_at_that_moment_is_settled_and_not_voided(till: Till) -> None:
    """The charge succeeded and its worker died before it could say so."""
    till.sandbox.set_faults(
        {"account": "acme", "method": "POST", "path": "/v1/payment_intents/*/confirm", "kind": "drop_after", "times": 1}
    )
    invoice = till.owes(till.bob(GOOD))
    till.collect()
    with till.scope():
        invoice.charges.update(state=ChargeState.DECLINED)
    assert refusal(lambda: void(till, invoice)) == "was_paid"
    assert till.read(invoice).state == InvoiceState.PAID
    assert till.taken() == [1999]


def test_says_why_an_invoice_is_not_voided(till: Till) -> None:
    bob = till.bob(GOOD)
    under_way, held = till.owes(bob), till.owes(bob, collection_lease_until=timezone.now() + timedelta(minutes=1))
    till.sandbox.set_faults(
        {"account": "acme", "path": "/v1/payment_intents/*/confirm", "kind": "rate_limited", "times": 1}
    )
    till.collect()
    assert refusal(lambda: void(till, under_way, " ")) == "reason_missing"
    assert refusal(lambda: void(till, under_way)) == "charge_under_way"
    assert refusal(lambda: void(till, held)) == "charge_under_way"
    assert refusal(lambda: void(till, till.owes(bob, gateway_id="in_1"))) == "gateway_billed"
    assert refusal(lambda: void(till, till.owes(bob, state=InvoiceState.PAID))) == "not_open"


def test_a_charge_that_was_asked_for_and_not_begun_is_not_made(till: Till) -> None:
    invoice = till.owes(till.bob(GOOD), next_attempt_at=None)
    with till.scope():
        request_collection(actor=ALICE, invoice=invoice, through=PaidThrough.STAFF)
    void(till, invoice)
    till.collect(days=1)
    assert [row[0] for row in till.charges(invoice)] == [ChargeState.NOT_TRIED]
    assert till.taken() == []


def test_of_credits_given_at_once_no_more_than_was_paid_goes_back(till: Till) -> None:
    """Two people, a double click and a program: each asks for most of the invoice, to the card or to the balance."""
    invoice = paid(till)
    start = Barrier(6)

    def ask(number: int) -> str:
        start.wait()
        try:
            credit(till, invoice, 700, "refund" if number % 2 else "balance")
        except BillingError as error:
            return error.code
        else:
            return "credited"
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        told = sorted(pool.map(ask, range(6)))
    assert told == ["credit_too_large"] * 4 + ["credited"] * 2
    refund_due(till.tenant.pk)
    with till.scope():
        on_balance = balances(Customer.objects.get(pk=invoice.customer_id)).get("CAD", 0)
    assert sum(given_back(till)) + on_balance == 1400
    assert till.read(invoice).credited_minor == 1400


def test_of_those_who_decide_about_a_failed_refund_at_once_one_does(till: Till) -> None:
    invoice = paid(till)
    refund = refund_of(till, credit(till, invoice, 500))
    with till.scope():
        Refund.objects.filter(pk=refund.pk).update(state=RefundState.FAILED, due_at=None)
    start = Barrier(6)

    def decide(number: int) -> str:
        start.wait()
        try:
            with till.scope():
                (retry_refund if number % 2 else refund_to_balance)(actor=ALICE, refund=refund)
        except BillingError as error:
            return error.code
        else:
            return "done"
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(decide, range(6))) == ["done"] + ["not_failed"] * 5
    refund_due(till.tenant.pk)
    with till.scope():
        on_balance = balances(Customer.objects.get(pk=invoice.customer_id)).get("CAD", 0)
    assert sum(given_back(till)) + on_balance == 500


def test_an_invoice_is_not_voided_over_a_payment_that_was_begun_meanwhile(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer's browser gets the means to pay in the very moment in which staff void the invoice."""
    invoice = till.owes(till.bob(DECLINED))
    till.collect()
    cancel = voiding._cancel_payment

    def cancel_and_be_late(*args: Any) -> None:
        cancel(*args)
        confirmation = confirmation_of(till.tenant.pk, invoice.pk)
        assert confirmation is not None

    with monkeypatch.context() as patch:
        patch.setattr(voiding, "_cancel_payment", cancel_and_be_late)
        assert refusal(lambda: void(till, invoice)) == "charge_under_way"
    void(till, invoice)
    assert till.read(invoice).state == InvoiceState.VOID
    assert {row["status"] for row in till.listed("payment_intent")} == {"canceled"}


def test_nobody_is_given_the_means_to_pay_a_void_invoice(till: Till) -> None:
    """The page had read the invoice before it was voided, and asks the gateway for a payment after."""
    bob = till.bob(GOOD)
    invoice = till.owes(bob)
    with till.scope():
        as_read = Invoice.objects.select_related("customer").get(pk=invoice.pk)
    void(till, invoice)
    order = Order(as_read, "cus_bob", "pm_default", ["card"], key="late", is_retry=False)
    with pytest.raises(Busy):
        begin_payment(gateway_for(till.tenant.pk), order)
    assert till.read(invoice).gateway_payment_id == ""
