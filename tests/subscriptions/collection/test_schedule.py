"""The schedule: charged when due, tried again, ended as the tenant says; what brought the money is told."""

from datetime import timedelta

import pytest

from payments.models import PaymentProfile
from subscriptions.models import (
    BilledBy,
    CancelReason,
    ChargeState,
    Invoice,
    InvoiceState,
    PaidThrough,
    SubscriptionState,
)
from subscriptions.settlement import mark_invoice_paid
from tenants.actors import Actor
from tenants.models import AuditEntry
from tests.subscriptions.collection.conftest import ASKS, DECLINED, GOOD, LOST, MASTERCARD, Till

NO_RETRIES: list[int] = []


def test_charges_what_is_due_once_to_whoever_pays(till: Till) -> None:
    bob = till.bob(GOOD)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription, total_minor=2299, balance_applied_minor=300)
    till.collect(days=-1)
    assert till.taken() == []
    till.collect()
    till.collect(days=40)
    assert till.taken() == [1999]
    paid: Invoice = till.read(invoice)
    assert (paid.state, paid.paid_through, paid.is_recovered) == (InvoiceState.PAID, PaidThrough.RENEWAL, False)
    assert (paid.attempts, paid.next_attempt_at, paid.collection_lease_until) == (1, None, None)
    assert till.at_gateway("payment_intent", paid.gateway_payment_id)["status"] == "succeeded"
    assert till.charges(invoice) == [(ChargeState.SUCCEEDED, "", "pm_default")]
    assert till.mails() == ["invoice_paid"]
    with till.scope():
        assert AuditEntry.objects.filter(action="invoice.paid", customer_id=bob.pk).count() == 1


def test_what_the_gateway_bills_is_left_to_it(till: Till) -> None:
    bob = till.bob(GOOD)
    theirs = till.subscription(bob, None, by=BilledBy.GATEWAY)
    till.owes(bob, theirs, gateway_id="in_1", next_attempt_at=None)
    till.collect()
    assert till.taken() == []


def test_an_amount_that_the_gateway_does_not_charge_makes_nobody_late(till: Till) -> None:
    bob = till.bob(GOOD)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription, total_minor=49)
    till.collect()
    till.collect(days=40)
    left = till.read(invoice)
    assert (left.state, left.last_error_code, left.next_attempt_at) == (InvoiceState.OPEN, "amount_too_small", None)
    assert (left.attempts, left.dunning_attempts, till.mails()) == (0, 0, [])
    assert till.read(subscription).state == SubscriptionState.ACTIVE
    with till.scope():
        assert AuditEntry.objects.filter(action="invoice.too_small_to_charge", customer_id=bob.pk).count() == 1


def test_a_declined_renewal_is_tried_again_by_the_schedule_and_counted_when_it_succeeds(till: Till) -> None:
    bob = till.bob(DECLINED)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    till.collect()
    late = till.read(invoice)
    assert (late.first_failed_at, late.dunning_attempts, late.attempts) == (till.start, 1, 1)
    assert late.next_attempt_at == till.start + timedelta(days=1)
    assert late.last_error_code == "generic_decline"
    assert till.read(subscription).state == SubscriptionState.PAST_DUE
    assert subscription.past_due_since == till.start
    good = till.card(bob, "pm_good")
    with till.scope():
        PaymentProfile.objects.filter(customer=bob).update(is_default=False)
        PaymentProfile.objects.filter(pk=good.pk).update(is_default=True)
    till.collect(days=0.9)
    assert till.taken() == []
    till.collect(days=1)
    paid = till.read(invoice)
    assert (paid.state, paid.paid_through, paid.is_recovered) == (InvoiceState.PAID, PaidThrough.RETRY, True)
    assert till.taken() == [1999]
    assert len(till.listed("payment_intent")) == 1
    assert till.read(subscription).state == SubscriptionState.ACTIVE
    assert subscription.past_due_since is None
    assert till.mails() == ["payment_failed", "invoice_paid"]


def test_a_card_that_its_network_refreshed_is_what_recovered_the_money(till: Till) -> None:
    bob = till.bob(LOST)
    invoice = till.owes(bob, till.subscribed(bob))
    till.collect()
    till.card(bob, "pm_refreshed")
    with till.scope():
        PaymentProfile.objects.filter(gateway_id="pm_refreshed").delete()
        PaymentProfile.objects.filter(gateway_id="pm_default").update(
            gateway_id="pm_refreshed", network_updated_at=till.start + timedelta(hours=3)
        )
    till.collect(days=1)
    paid = till.read(invoice)
    assert (paid.state, paid.paid_through, paid.is_recovered) == (InvoiceState.PAID, PaidThrough.UPDATER, True)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("cancel", SubscriptionState.CANCELLED),
        ("unpaid", SubscriptionState.UNPAID),
        ("keep", SubscriptionState.PAST_DUE),
    ],
)
def test_when_every_retry_has_failed_the_tenants_outcome_comes(till: Till, outcome: str, state: str) -> None:
    till.dunning(dunning_outcome=outcome, dunning_retry_days=[2, 5])
    bob = till.bob(DECLINED)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    for days in (0, 1, 2, 4, 5, 6, 60):
        till.collect(days=days)
    failed = till.read(invoice)
    assert [row[0] for row in till.charges(invoice)] == [ChargeState.DECLINED] * 3
    assert (failed.state, failed.dunning_attempts, failed.next_attempt_at) == (InvoiceState.OPEN, 3, None)
    ended = till.read(subscription)
    assert ended.state == state
    ended_at = till.start + timedelta(days=5)
    if outcome == "cancel":
        assert (ended.cancel_reason, ended.cancelled_at) == (CancelReason.UNPAID, ended_at)
    assert (ended.next_billing_at is None) == (outcome != "keep")
    cancelled = ["subscription_cancelled"] if outcome == "cancel" else []
    assert till.mails() == ["payment_failed"] * 3 + cancelled


def test_retries_that_an_outage_made_late_are_not_made_up_for_in_one_go(till: Till) -> None:
    bob = till.bob(DECLINED)
    invoice = till.owes(bob, till.subscribed(bob))
    till.collect()
    till.collect(days=10)
    assert till.read(invoice).dunning_attempts == 2
    assert invoice.next_attempt_at == till.start + timedelta(days=11)


def test_without_retries_the_first_failure_is_the_last(till: Till) -> None:
    till.dunning(dunning_outcome="unpaid", dunning_retry_days=NO_RETRIES)
    bob = till.bob(DECLINED)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    till.collect()
    assert till.read(invoice).next_attempt_at is None
    assert till.read(subscription).state == SubscriptionState.UNPAID


@pytest.mark.parametrize(("days_late", "anew"), [(3, False), (45, True)])
def test_an_unpaid_subscription_that_is_paid_up_goes_on_as_one_that_is_resumed(
    till: Till, days_late: int, anew: bool
) -> None:
    end = till.start + timedelta(days=30)
    bob = till.bob(GOOD)
    subscription = till.subscribed(
        bob,
        state=SubscriptionState.UNPAID,
        anchor_at=end,
        next_period=0,
        current_period_start=till.start,
        current_period_end=end,
        next_billing_at=None,
    )
    invoice, paid_at = till.owes(bob, subscription, next_attempt_at=None), till.start + timedelta(days=days_late)
    with till.scope():
        assert mark_invoice_paid(actor=Actor.system("test"), invoice=invoice, through="staff", now=paid_at)
    active = till.read(subscription)
    assert active.state == SubscriptionState.ACTIVE
    assert active.next_billing_at == (paid_at if anew else end)
    assert (active.anchor_at, active.next_period) == (paid_at if anew else end, 0)


def test_the_backup_is_charged_at_once_as_part_of_the_same_try(till: Till) -> None:
    bob = till.bob(DECLINED, MASTERCARD)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    till.collect()
    paid = till.read(invoice)
    assert till.charges(invoice) == [
        (ChargeState.DECLINED, "generic_decline", "pm_default"),
        (ChargeState.SUCCEEDED, "", "pm_backup"),
    ]
    assert (paid.state, paid.dunning_attempts, paid.is_recovered) == (InvoiceState.PAID, 0, False)
    assert (till.taken(), len(till.listed("payment_intent"))) == ([1999], 1)
    assert till.read(subscription).state == SubscriptionState.ACTIVE
    assert till.mails() == ["invoice_paid"]


def test_a_backup_that_is_declined_too_is_one_failure(till: Till) -> None:
    bob = till.bob(DECLINED, DECLINED)
    invoice = till.owes(bob, till.subscribed(bob))
    till.collect()
    failed = till.read(invoice)
    assert [row[0] for row in till.charges(invoice)] == [ChargeState.DECLINED] * 2
    assert (failed.attempts, failed.dunning_attempts) == (1, 1)
    assert till.mails() == ["payment_failed"]


def test_a_lost_card_is_not_asked_again_for_the_same_invoice(till: Till) -> None:
    bob = till.bob(LOST)
    invoice = till.owes(bob, till.subscribed(bob))
    for days in (0, 1, 3):
        till.collect(days=days)
    assert till.charges(invoice) == [
        (ChargeState.DECLINED, "lost_card", "pm_default"),
        (ChargeState.NOT_TRIED, "lost_card", "pm_default"),
        (ChargeState.NOT_TRIED, "lost_card", "pm_default"),
    ]
    assert len([row for row in till.listed("charge") if row["status"] == "failed"]) == 1
    assert till.read(invoice).dunning_attempts == 3


def test_without_a_payment_method_the_schedule_goes_on_all_the_same(till: Till) -> None:
    bob = till.customer()
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    till.collect()
    assert till.charges(invoice) == [(ChargeState.NOT_TRIED, "no_payment_method", "")]
    assert till.read(invoice).next_attempt_at == till.start + timedelta(days=1)
    assert till.read(subscription).state == SubscriptionState.PAST_DUE
    till.card(bob, "pm_first", default=True)
    till.collect(days=1)
    assert till.read(invoice).state == InvoiceState.PAID


def test_a_bank_that_wants_the_customer_is_told_to_the_customer(till: Till) -> None:
    bob = till.bob(ASKS)
    subscription = till.subscribed(bob)
    invoice = till.owes(bob, subscription)
    till.collect()
    asked = till.read(invoice)
    assert till.charges(invoice) == [(ChargeState.NEEDS_CONFIRMATION, "authentication_required", "pm_default")]
    assert (asked.needs_confirmation, asked.dunning_attempts) == (True, 1)
    assert till.read(subscription).state == SubscriptionState.PAST_DUE
    assert till.mails() == ["payment_confirm"]


def test_a_pause_does_not_hide_that_the_subscription_is_past_due(till: Till) -> None:
    bob = till.bob(DECLINED)
    subscription = till.subscribed(bob, state=SubscriptionState.PAUSED)
    invoice = till.owes(bob, subscription)
    till.collect()
    assert (till.read(subscription).state, subscription.past_due_since) == (SubscriptionState.PAUSED, till.start)
    with till.scope():
        mark_invoice_paid(actor=Actor.system("test"), invoice=invoice, through="staff")
    assert (till.read(subscription).state, subscription.past_due_since) == (SubscriptionState.PAUSED, None)
