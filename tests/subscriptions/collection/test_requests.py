"""Charges that someone asks for, the pay page, bank debits, and what the gateway tells of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from django.db import connection

from payments.gateway.stripe_adapter.calls import stripe_client
from payments.models import GatewayAccount, PaymentProfile
from propagation.services import replace_or_add
from subscriptions.collection import collect_now, confirmation_of, request_collection, settle_payment
from subscriptions.collection.engine import claim_next, collect
from subscriptions.errors import BillingError
from subscriptions.models import ChargeState, Invoice, InvoiceState, PaidThrough, SubscriptionState
from tenants.actors import Actor, ActorKind
from tests.factories import PaymentProfileFactory
from tests.processes import PATIENCE_SECONDS
from tests.subscriptions.collection.conftest import ASKS, DECLINED, GOOD, Till

ALICE = Actor.system("alice")


def request(till: Till, invoice: Invoice, profile: PaymentProfile | None = None, through: str = "staff") -> None:
    with till.scope():
        request_collection(actor=ALICE, invoice=invoice, through=through, profile=profile)
    collect_now(till.tenant.pk, invoice.pk)


def refusal(till: Till, invoice: Invoice, **more: object) -> str:
    with till.scope(), pytest.raises(BillingError) as caught:
        request_collection(actor=ALICE, invoice=invoice, through=PaidThrough.STAFF, **more)  # type: ignore[arg-type]
    assert str(caught.value)
    return caught.value.code


def test_staff_collect_what_is_past_due(till: Till) -> None:
    bob = till.bob(DECLINED)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    till.collect()
    other = till.card(bob, "pm_other")
    request(till, invoice, other)
    paid = till.read(invoice)
    assert (paid.state, paid.paid_through, paid.is_recovered) == (InvoiceState.PAID, PaidThrough.STAFF, True)
    assert paid.payment_profile_id == other.pk
    assert till.read(subscription).state == SubscriptionState.ACTIVE


def test_asking_twice_charges_once(till: Till) -> None:
    invoice = till.owes(till.bob(GOOD), next_attempt_at=None)
    with till.scope():
        first = request_collection(actor=ALICE, invoice=invoice, through=PaidThrough.PORTAL)
        again = request_collection(actor=ALICE, invoice=invoice, through=PaidThrough.PORTAL)
    assert first == again
    collect_now(till.tenant.pk, invoice.pk)
    till.collect(days=1)
    assert till.taken() == [1999]


def test_a_page_waits_for_the_worker_that_was_quicker(till: Till) -> None:
    invoice = till.owes(till.bob(GOOD))
    slow = {"account": "acme", "path": "/v1/payment_intents/*/confirm", "kind": "latency", "latency_seconds": 1.0}
    till.sandbox.set_faults(slow)
    found, quicker = claim_next(till.tenant.pk)
    assert found
    assert quicker is not None

    def work() -> None:
        try:
            collect(till.tenant.pk, quicker)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work)
        collect_now(till.tenant.pk, invoice.pk, seconds=PATIENCE_SECONDS)
        assert till.read(invoice).state == InvoiceState.PAID


def test_a_refused_request_uses_up_no_try_of_the_schedule(till: Till) -> None:
    invoice = till.owes(till.bob(DECLINED), due_at=till.start + timedelta(days=3))
    request(till, invoice)
    refused = till.read(invoice)
    assert (refused.attempts, refused.dunning_attempts, refused.first_failed_at) == (1, 0, None)
    assert refused.next_attempt_at == refused.due_at
    assert till.mails() == []


def test_a_refused_request_is_not_followed_at_once_by_the_schedules_own_first_try(till: Till) -> None:
    """The invoice is due just now: the card is not refused twice in a row, and the schedule begins a day later."""
    bob = till.bob(DECLINED)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    request(till, invoice, through=PaidThrough.PORTAL)
    refused = till.read(invoice)
    assert (refused.attempts, refused.dunning_attempts, refused.first_failed_at) == (1, 0, None)
    assert refused.next_attempt_at == refused.due_at + timedelta(days=1)
    assert till.read(subscription).state == SubscriptionState.PAST_DUE
    till.collect(days=0.99)
    assert len(till.charges(invoice)) == 1
    till.collect(days=1)
    tried = till.read(invoice)
    assert (tried.attempts, tried.dunning_attempts, tried.first_failed_at) == (2, 1, till.start + timedelta(days=1))
    assert till.mails() == ["payment_failed"]


def test_a_retry_that_is_near_is_put_off_a_day_at_most_however_often_someone_asks(till: Till) -> None:
    bob = till.bob(DECLINED)
    invoice = till.owes(bob, till.subscribed(bob), due_at=till.start - timedelta(days=5))
    failed = {"first_failed_at": till.start - timedelta(hours=25), "dunning_attempts": 1, "next_attempt_at": None}
    with till.scope():
        Invoice.objects.filter(pk=invoice.pk).update(**failed)
    for _ in range(3):
        request(till, invoice)
    put_off = till.read(invoice)
    assert put_off.dunning_attempts == 1
    assert put_off.next_attempt_at == till.start + timedelta(hours=23)
    till.collect(days=1)
    retried = till.read(invoice)
    assert (retried.dunning_attempts, retried.next_attempt_at) == (2, till.start + timedelta(hours=72 - 25))


def test_says_why_an_invoice_is_not_charged(till: Till) -> None:
    bob, carol = till.bob(GOOD), till.customer("carol")
    with till.scope():
        theirs, gone = PaymentProfileFactory(customer=carol), PaymentProfileFactory(customer=bob, state="disabled")
    open_one = till.owes(bob)
    assert refusal(till, till.owes(bob, state=InvoiceState.VOID)) == "not_payable"
    assert refusal(till, till.owes(bob, gateway_id="in_1")) == "gateway_billed"
    assert refusal(till, till.owes(bob, balance_applied_minor=1999)) == "nothing_due"
    assert refusal(till, till.owes(till.customer("dave"))) == "no_payment_method"
    assert refusal(till, open_one, profile=theirs) == "other_customer"
    assert refusal(till, open_one, profile=gone) == "profile_not_active"


def test_what_was_written_off_can_still_be_paid(till: Till) -> None:
    invoice = till.owes(till.bob(GOOD), state=InvoiceState.UNCOLLECTIBLE, next_attempt_at=None)
    request(till, invoice, through=PaidThrough.PORTAL)
    assert till.read(invoice).state == InvoiceState.PAID


def test_what_was_written_off_is_not_charged_by_the_schedule(till: Till) -> None:
    invoice = till.owes(till.bob(GOOD), state=InvoiceState.UNCOLLECTIBLE)
    till.collect()
    assert (till.read(invoice).next_attempt_at, till.taken()) == (None, [])


def confirm_in_browser(till: Till, invoice: Invoice, outcome: str) -> str:
    """What stripe.js does with the means that the pay page gives it."""
    means = confirmation_of(till.tenant.pk, invoice.pk)
    assert means is not None
    assert means.client_secret not in repr(means)
    answer = httpx.post(
        f"{till.sandbox.url}/v1/payment_intents/{means.payment_id}/confirm",
        headers={"Authorization": f"Bearer {means.publishable_key}"},
        data={"client_secret": means.client_secret, "payment_method": means.method, "use_stripe_sdk": "true"},
    )
    assert answer.json()["status"] == "requires_action"
    till.sandbox.control("POST", f"authenticate/{means.payment_id}", json={"outcome": outcome})
    return means.payment_id


def test_the_customer_confirms_on_the_pay_page(till: Till) -> None:
    bob = till.bob(ASKS)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    till.collect()
    assert till.read(subscription).state == SubscriptionState.PAST_DUE
    payment_id = confirm_in_browser(till, invoice, "fail")
    settle_payment(till.tenant.pk, payment_id, actor=ALICE)
    assert till.read(invoice).state == InvoiceState.OPEN
    assert confirm_in_browser(till, invoice, "complete") == payment_id
    settle_payment(till.tenant.pk, payment_id, actor=ALICE)
    till.event("payment_intent.succeeded", payment_id, times=2)
    paid = till.read(invoice)
    assert (paid.state, paid.paid_through, paid.is_recovered) == (InvoiceState.PAID, PaidThrough.PAY_PAGE, True)
    assert paid.needs_confirmation is False
    assert [row[0] for row in till.charges(invoice)] == [ChargeState.NEEDS_CONFIRMATION, ChargeState.SUCCEEDED]
    assert till.read(subscription).state == SubscriptionState.ACTIVE
    assert (till.taken(), till.mails()) == ([1999], ["payment_confirm", "invoice_paid"])
    assert confirmation_of(till.tenant.pk, invoice.pk) is None


def test_a_browser_that_vanished_after_the_banks_yes_is_settled_by_the_event(till: Till) -> None:
    invoice = till.owes(till.bob(ASKS), next_attempt_at=None)
    payment_id = confirm_in_browser(till, invoice, "complete")
    till.event("payment_intent.payment_failed", payment_id)
    till.event("payment_intent.succeeded", payment_id)
    assert till.read(invoice).state == InvoiceState.PAID
    assert till.read(invoice).paid_through == PaidThrough.PAY_PAGE


def test_a_payment_of_someone_else_is_ignored(till: Till) -> None:
    till.sandbox.clear_requests()
    till.event("payment_intent.succeeded", "pi_of_another_product")
    assert till.sandbox.requests(account="acme") == []


def debtor(till: Till) -> Invoice:
    """Bob pays in euros from a bank account."""
    bob = till.customer()
    account = {"id": "pm_iban", "iban": "DE89370400440532013000"}
    till.sandbox.seed(account="acme", customers=[{"id": "cus_bob", "payment_methods": [account]}])
    with till.scope():
        PaymentProfileFactory(
            customer=bob, gateway_id="pm_iban", kind="sepa_debit", is_default=True, exp_month=None, exp_year=None
        )
    return till.owes(bob, till.subscribed(bob), currency="EUR")


@pytest.mark.parametrize("told_by", ["event", "reading again"])
def test_a_bank_debit_is_waited_for(till: Till, told_by: str) -> None:
    invoice = debtor(till)
    till.collect()
    waits = till.read(invoice)
    assert till.charges(invoice) == [(ChargeState.PROCESSING, "", "pm_iban")]
    assert (waits.state, waits.next_attempt_at) == (InvoiceState.OPEN, till.start + timedelta(hours=1))
    till.collect(days=0.5)
    assert till.charges(invoice) == [(ChargeState.PROCESSING, "", "pm_iban")]
    till.sandbox.control("POST", f"settle/{waits.gateway_payment_id}", json={"outcome": "succeed"})
    if told_by == "event":
        till.event("payment_intent.succeeded", waits.gateway_payment_id, times=2)
    till.collect(days=1)
    paid = till.read(invoice)
    assert (paid.state, paid.paid_through, paid.is_recovered) == (InvoiceState.PAID, PaidThrough.RENEWAL, False)
    assert till.charges(invoice) == [(ChargeState.SUCCEEDED, "", "pm_iban")]
    assert till.taken() == [1999]


@pytest.mark.parametrize("told_by", ["event", "reading again"])
def test_a_bank_debit_that_fails_goes_into_the_schedule(till: Till, told_by: str) -> None:
    invoice = debtor(till)
    till.collect()
    payment_id = till.read(invoice).gateway_payment_id
    till.sandbox.control("POST", f"settle/{payment_id}", json={"outcome": "fail"})
    if told_by == "event":
        till.event("payment_intent.payment_failed", payment_id, times=2)
    else:
        till.collect(days=0.1)
    failed = till.read(invoice)
    assert [row[0] for row in till.charges(invoice)] == [ChargeState.DECLINED]
    assert (failed.dunning_attempts, till.mails()) == (1, ["payment_failed"])
    assert failed.next_attempt_at is not None


def test_a_payment_cancelled_at_the_gateway_makes_way_for_another(till: Till) -> None:
    bob = till.bob(DECLINED)
    invoice = till.owes(bob, till.subscribed(bob))
    till.collect()
    cancelled = till.read(invoice).gateway_payment_id
    with till.scope():
        secret_key = GatewayAccount.objects.get().secret_key
        PaymentProfile.objects.update(is_default=False)
    stripe_client(secret_key).v1.payment_intents.cancel(cancelled)
    till.event("payment_intent.canceled", cancelled)
    till.card(bob, "pm_good", default=True)
    till.collect(days=1)
    paid = till.read(invoice)
    assert paid.state == InvoiceState.PAID
    assert paid.gateway_payment_id not in ("", cancelled)
    assert till.taken() == [1999]


def test_an_update_by_invitation_recovers_the_money(till: Till) -> None:
    bob = till.bob(DECLINED)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    till.collect()
    new = till.new_card(bob, "pm_new")
    invited = Actor(ActorKind.CUSTOMER_INVITATION, str(invoice.pk), "Bob")
    with till.scope():
        old = PaymentProfile.objects.get(gateway_id="pm_default")
        replace_or_add(customer=bob, new_profile=new, old_profile=old, actor=invited, source="invitation")
    till.work()
    till.collect(days=1)
    paid = till.read(invoice)
    assert (paid.state, paid.paid_through, paid.is_recovered) == (InvoiceState.PAID, PaidThrough.INVITATION, True)
    assert paid.dunning_attempts == 1
    assert [row[0] for row in till.charges(invoice)] == [ChargeState.DECLINED, ChargeState.SUCCEEDED]
    assert till.read(subscription).state == SubscriptionState.ACTIVE
    assert till.taken() == [1999]


def test_an_update_that_is_declined_uses_up_no_try_and_is_not_followed_by_one(till: Till) -> None:
    bob = till.bob(DECLINED)
    invoice = till.owes(bob, till.subscribed(bob))
    till.collect()
    new = till.new_card(bob, "pm_new", number=DECLINED)
    with till.scope():
        old = PaymentProfile.objects.get(gateway_id="pm_default")
        replace_or_add(customer=bob, new_profile=new, old_profile=old, actor=ALICE, source="backoffice")
    till.work()
    refused = till.read(invoice)
    assert [row[0] for row in till.charges(invoice)] == [ChargeState.DECLINED] * 2
    assert (refused.dunning_attempts, refused.attempts) == (1, 2)
    assert refused.next_attempt_at is not None
    assert timedelta(0) <= refused.next_attempt_at - (till.start + timedelta(days=1)) < timedelta(minutes=5)
