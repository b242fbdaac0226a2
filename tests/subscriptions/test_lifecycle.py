"""Pausing, resuming, cancelling, undoing, pinning, changing the quantity."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from customers.models import Customer
from messaging.models import Message
from subscriptions.billing.run import Billed, bill_due
from subscriptions.errors import BillingError
from subscriptions.lifecycle import (
    cancel_subscription,
    change_quantity,
    pause_subscription,
    pin_profile,
    resume_subscription,
    undo_cancellation,
)
from subscriptions.models import BilledBy, CancelReason, Interval, Invoice, Subscription, SubscriptionState
from subscriptions.services import create_subscription
from tenants.actors import Actor
from tenants.models import AuditEntry, Tenant
from tenants.scope import current_tenant_id, tenant_scope
from tests.factories import (
    CustomerFactory,
    PaymentProfileFactory,
    PriceFactory,
    SubscriptionFactory,
    TenantFactory,
)

ALICE = Actor.system("alice")
START = datetime(2027, 1, 10, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def day(number: float) -> datetime:
    """That many days after the start."""
    return START + timedelta(days=number)


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def bob(clock: Any) -> Iterator[Customer]:
    with tenant_scope(TenantFactory.create().pk):
        yield CustomerFactory.create(email="")


@pytest.fixture
def weekly(bob: Customer) -> Subscription:
    """Begun and billed on day 0; the next period begins on day 7."""
    price = PriceFactory.create(interval=Interval.WEEK, amount_minor=700)
    subscription = create_subscription(actor=ALICE, customer=bob, price=price, started_at=START)
    run(START)
    subscription.refresh_from_db()
    return subscription


def run(now: datetime) -> Billed:
    return bill_due(current_tenant_id(), now=now)


def billed_on() -> list[float]:
    """The days on which billed periods begin."""
    return [
        (invoice.period_start - START) / timedelta(days=1)
        for invoice in Invoice.objects.order_by("number")
        if invoice.period_start
    ]


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(BillingError) as caught:
        call()
    assert str(caught.value)
    return caught.value.code


class TestPause:
    def test_keeps_what_is_paid_for_and_bills_nothing(self, weekly: Subscription, clock: Any) -> None:
        clock.move_to(day(3))
        pause_subscription(actor=ALICE, subscription=weekly)
        assert (weekly.state, weekly.paused_at, weekly.next_billing_at) == (SubscriptionState.PAUSED, day(3), None)
        assert run(day(60)) == Billed()
        assert AuditEntry.objects.get(action="subscription.paused").after["state"] == "paused"

    def test_resumed_within_the_period_goes_on_as_if_nothing_had_been(self, weekly: Subscription, clock: Any) -> None:
        clock.move_to(day(3))
        pause_subscription(actor=ALICE, subscription=weekly)
        clock.move_to(day(5))
        resume_subscription(actor=ALICE, subscription=weekly)
        assert (weekly.state, weekly.paused_at, weekly.next_billing_at) == (SubscriptionState.ACTIVE, None, day(7))
        run(day(14))
        assert billed_on() == [0, 7, 14]

    def test_resumed_later_is_billed_anew_from_then_on(self, weekly: Subscription, clock: Any) -> None:
        clock.move_to(day(3))
        pause_subscription(actor=ALICE, subscription=weekly)
        clock.move_to(day(30))
        resume_subscription(actor=ALICE, subscription=weekly)
        run(day(38))
        assert billed_on() == [0, 30, 37]

    def test_ends_by_itself_as_of_the_day_that_was_chosen(self, weekly: Subscription, clock: Any) -> None:
        clock.move_to(day(3))
        pause_subscription(actor=ALICE, subscription=weekly, resumes_at=day(20))
        assert run(day(19)) == Billed()
        assert run(day(28)) == Billed(resumed=1, invoices=2)
        assert billed_on() == [0, 20, 27]
        weekly.refresh_from_db()
        assert (weekly.state, weekly.resumes_at) == (SubscriptionState.ACTIVE, None)

    def test_before_the_first_bill_moves_the_beginning(self, bob: Customer, clock: Any) -> None:
        price = PriceFactory.create(interval=Interval.WEEK)
        subscription = create_subscription(actor=ALICE, customer=bob, price=price)
        pause_subscription(actor=ALICE, subscription=subscription)
        clock.move_to(day(2))
        resume_subscription(actor=ALICE, subscription=subscription)
        run(day(3))
        assert billed_on() == [2]

    def test_of_a_trial_goes_back_to_the_trial(self, bob: Customer, clock: Any) -> None:
        price = PriceFactory.create(interval=Interval.WEEK, trial_days=14)
        subscription = create_subscription(actor=ALICE, customer=bob, price=price)
        pause_subscription(actor=ALICE, subscription=subscription)
        clock.move_to(day(10))
        resume_subscription(actor=ALICE, subscription=subscription)
        assert (subscription.state, subscription.next_billing_at) == (SubscriptionState.TRIALING, day(14))

    def test_does_not_pay_what_is_past_due(self, weekly: Subscription) -> None:
        Subscription.objects.update(state=SubscriptionState.PAST_DUE, past_due_since=START)
        pause_subscription(actor=ALICE, subscription=weekly)
        resume_subscription(actor=ALICE, subscription=weekly)
        assert weekly.state == SubscriptionState.PAST_DUE

    def test_refuses_what_makes_no_sense(self, weekly: Subscription) -> None:
        assert refusal(lambda: resume_subscription(actor=ALICE, subscription=weekly)) == "not_paused"
        early = {"actor": ALICE, "subscription": weekly, "resumes_at": START}
        assert refusal(lambda: pause_subscription(**early)) == "bad_date"
        for state in (SubscriptionState.PAUSED, SubscriptionState.UNPAID, SubscriptionState.CANCELLED):
            Subscription.objects.update(state=state)
            assert refusal(lambda: pause_subscription(actor=ALICE, subscription=weekly)) == "not_pausable"


class TestCancel:
    def test_now_ends_it_without_another_invoice(self, weekly: Subscription, clock: Any) -> None:
        clock.move_to(day(3))
        reason = CancelReason.NOT_USED
        cancel_subscription(actor=ALICE, subscription=weekly, at_period_end=False, reason=reason, comment=" No time ")
        assert (weekly.state, weekly.cancelled_at, weekly.next_billing_at) == ("cancelled", day(3), None)
        assert (weekly.cancel_reason, weekly.cancel_comment) == (reason, "No time")
        run(day(60))
        assert billed_on() == [0]

    def test_at_the_end_of_the_period_lets_it_run_out(self, weekly: Subscription, clock: Any) -> None:
        cancel_subscription(actor=ALICE, subscription=weekly, at_period_end=True)
        assert (weekly.state, weekly.is_ending) == (SubscriptionState.ACTIVE, True)
        assert run(day(6)) == Billed()
        assert run(day(9)) == Billed(ended=1)
        weekly.refresh_from_db()
        assert (weekly.state, weekly.cancelled_at, weekly.next_billing_at) == ("cancelled", day(7), None)
        assert billed_on() == [0]

    def test_is_undone_until_then(self, weekly: Subscription, clock: Any) -> None:
        cancel_subscription(actor=ALICE, subscription=weekly, at_period_end=True, reason="other", comment="Hm")
        clock.move_to(day(6))
        undo_cancellation(actor=ALICE, subscription=weekly)
        assert (weekly.is_ending, weekly.cancel_reason, weekly.cancel_comment) == (False, "", "")
        run(day(7))
        assert billed_on() == [0, 7]
        assert refusal(lambda: undo_cancellation(actor=ALICE, subscription=weekly)) == "not_cancelling"

    def test_in_a_trial_costs_nothing(self, bob: Customer) -> None:
        price = PriceFactory.create(trial_days=14)
        subscription = create_subscription(actor=ALICE, customer=bob, price=price)
        cancel_subscription(actor=ALICE, subscription=subscription, at_period_end=True)
        run(day(20))
        subscription.refresh_from_db()
        assert (subscription.state, subscription.cancelled_at) == ("cancelled", day(14))
        assert billed_on() == []

    def test_while_paused_comes_at_the_end_of_what_is_paid_for(self, weekly: Subscription, clock: Any) -> None:
        pause_subscription(actor=ALICE, subscription=weekly)
        cancel_subscription(actor=ALICE, subscription=weekly, at_period_end=True)
        assert weekly.next_billing_at == day(7)
        run(day(8))
        weekly.refresh_from_db()
        assert (weekly.state, weekly.cancelled_at) == ("cancelled", day(7))

    @pytest.mark.parametrize(("resumes", "ends"), [(3, 7), (20, 7)])
    def test_of_an_end_and_a_resumption_the_first_comes_first(
        self, weekly: Subscription, resumes: int, ends: int
    ) -> None:
        pause_subscription(actor=ALICE, subscription=weekly, resumes_at=day(resumes))
        cancel_subscription(actor=ALICE, subscription=weekly, at_period_end=True)
        assert weekly.next_billing_at == day(min(resumes, ends))
        run(day(40))
        weekly.refresh_from_db()
        assert (weekly.state, weekly.cancelled_at) == ("cancelled", day(ends))
        assert billed_on() == [0]

    @pytest.mark.parametrize("state", [SubscriptionState.PAUSED, SubscriptionState.UNPAID])
    def test_whose_period_is_long_over_is_at_once(self, weekly: Subscription, state: str, clock: Any) -> None:
        Subscription.objects.update(state=state, next_billing_at=None)
        clock.move_to(day(9))
        cancel_subscription(actor=ALICE, subscription=weekly, at_period_end=True)
        assert (weekly.state, weekly.cancelled_at) == ("cancelled", day(9))

    def test_refuses_what_makes_no_sense(self, weekly: Subscription) -> None:
        def cancel(reason: str = "") -> str:
            return refusal(
                lambda: cancel_subscription(actor=ALICE, subscription=weekly, at_period_end=False, reason=reason)
            )

        assert cancel("boredom") == "bad_reason"
        Subscription.objects.update(state=SubscriptionState.CANCELLED)
        assert cancel() == "already_cancelled"


class TestChanges:
    def test_a_quantity_holds_from_the_next_period_on(self, weekly: Subscription) -> None:
        change_quantity(actor=ALICE, subscription=weekly, quantity=3)
        assert weekly.quantity == 3
        run(day(7))
        assert [invoice.total_minor for invoice in Invoice.objects.order_by("number")] == [700, 2100]

    def test_periods_that_have_begun_are_billed_as_they_were(self, weekly: Subscription, clock: Any) -> None:
        """The run is late: the quantity is changed after the boundary, and long before it comes."""
        clock.move_to(day(15))
        change_quantity(actor=ALICE, subscription=weekly, quantity=3)
        assert (weekly.quantity, weekly.next_billing_at) == (3, day(21))
        run(day(21))
        assert billed_on() == [0, 7, 14, 21]
        assert [invoice.total_minor for invoice in Invoice.objects.order_by("number")] == [700, 700, 700, 2100]

    def test_an_impossible_quantity_is_refused(self, weekly: Subscription) -> None:
        for quantity in (0, -1, 2**31, 10**10):
            assert (
                refusal(lambda q=quantity: change_quantity(actor=ALICE, subscription=weekly, quantity=q))  # type: ignore[misc]
                == "bad_quantity"
            )

    def test_pins_a_method_and_lets_go_of_it(self, weekly: Subscription, bob: Customer) -> None:
        card = PaymentProfileFactory.create(customer=bob)
        pin_profile(actor=ALICE, subscription=weekly, profile=card)
        assert Subscription.objects.get().payment_profile == weekly.payment_profile == card
        pin_profile(actor=ALICE, subscription=weekly, profile=None)
        assert Subscription.objects.get().payment_profile is None
        assert AuditEntry.objects.filter(action="subscription.profile_pinned").count() == 2

    def test_pins_no_method_that_cannot_pay(self, weekly: Subscription, bob: Customer) -> None:
        theirs, dead = PaymentProfileFactory.create(), PaymentProfileFactory.create(customer=bob, state="disabled")
        assert refusal(lambda: pin_profile(actor=ALICE, subscription=weekly, profile=theirs)) == "other_customer"
        assert refusal(lambda: pin_profile(actor=ALICE, subscription=weekly, profile=dead)) == "profile_not_active"

    def test_nothing_is_changed_after_the_end(self, weekly: Subscription) -> None:
        cancel_subscription(actor=ALICE, subscription=weekly, at_period_end=False)
        assert refusal(lambda: change_quantity(actor=ALICE, subscription=weekly, quantity=2)) == "already_cancelled"
        assert refusal(lambda: pin_profile(actor=ALICE, subscription=weekly, profile=None)) == "already_cancelled"

    def test_what_the_gateway_bills_is_changed_there(self, bob: Customer) -> None:
        theirs = SubscriptionFactory.create(customer=bob, billed_by=BilledBy.GATEWAY, gateway_id="sub_1")
        for call in (
            lambda: pause_subscription(actor=ALICE, subscription=theirs),
            lambda: resume_subscription(actor=ALICE, subscription=theirs),
            lambda: cancel_subscription(actor=ALICE, subscription=theirs, at_period_end=True),
            lambda: undo_cancellation(actor=ALICE, subscription=theirs),
            lambda: pin_profile(actor=ALICE, subscription=theirs, profile=None),
            lambda: change_quantity(actor=ALICE, subscription=theirs, quantity=2),
        ):
            assert refusal(call) == "gateway_billed"


def test_the_customer_is_told(weekly: Subscription, bob: Customer) -> None:
    Tenant.objects.filter(pk=current_tenant_id()).update(sender_email="billing@example.com")
    Customer.objects.update(email="bob@example.com")
    pause_subscription(actor=ALICE, subscription=weekly)
    resume_subscription(actor=ALICE, subscription=weekly)
    cancel_subscription(actor=ALICE, subscription=weekly, at_period_end=True)
    told = Message.objects.order_by("created_at", "id").values_list("template", flat=True)
    assert sorted(told) == ["subscription_cancelled", "subscription_changed", "subscription_changed"]
