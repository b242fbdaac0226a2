from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from customers.models import Customer
from subscriptions.calculators.periods import add_interval
from subscriptions.errors import BillingError
from subscriptions.models import BilledBy, Interval, Invoice, InvoiceState, Subscription, SubscriptionState
from subscriptions.services import (
    create_invoice,
    create_price,
    create_product,
    create_subscription,
    mark_invoice_failed,
    mark_invoice_paid,
)
from tenants.actors import Actor
from tenants.models import AuditEntry
from tenants.scope import tenant_scope
from tests.factories import (
    CustomerFactory,
    InvoiceFactory,
    PaymentProfileFactory,
    PriceFactory,
    ProductFactory,
    SubscriptionFactory,
    TenantFactory,
)

ALICE = Actor.system("alice")


@pytest.fixture
def bob(db: None) -> Iterator[Customer]:
    with tenant_scope(TenantFactory.create().pk):
        yield CustomerFactory.create()


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(BillingError) as caught:
        call()
    assert str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    ("start", "interval", "count", "end"),
    [
        ("2026-01-15", Interval.MONTH, 1, "2026-02-15"),
        ("2026-01-31", Interval.MONTH, 1, "2026-02-28"),
        ("2028-01-31", Interval.MONTH, 1, "2028-02-29"),
        ("2026-11-30", Interval.MONTH, 3, "2027-02-28"),
        ("2028-02-29", Interval.YEAR, 1, "2029-02-28"),
        ("2026-12-31", Interval.DAY, 1, "2027-01-01"),
        ("2026-12-31", Interval.WEEK, 2, "2027-01-14"),
    ],
)
def test_a_period_ends_on_the_same_day_or_the_months_last(start: str, interval: str, count: int, end: str) -> None:
    moment = datetime.fromisoformat(start).replace(hour=9, tzinfo=UTC)
    assert add_interval(moment, interval, count) == datetime.fromisoformat(end).replace(hour=9, tzinfo=UTC)


def test_what_is_bought_once_has_no_period() -> None:
    assert add_interval(timezone.now(), Interval.ONE_TIME, 1) is None


def test_sells_a_product_at_a_price(bob: Customer) -> None:
    product = create_product(actor=ALICE, name_en=" Magazine ", name_fr="Revue")
    price = create_price(actor=ALICE, product=product, amount_minor=1999, currency="cad")
    start = datetime(2026, 1, 31, tzinfo=UTC)
    one = create_subscription(actor=ALICE, customer=bob, price=price, quantity=2, started_at=start)
    other = create_subscription(actor=ALICE, customer=bob, price=price)
    assert (product.name_en, price.currency, one.amount_minor) == ("Magazine", "CAD", 3998)
    assert (one.state, one.current_period_end) == (SubscriptionState.ACTIVE, datetime(2026, 2, 28, tzinfo=UTC))
    assert (one.short_number, other.short_number) == ("S-1001", "S-1002")
    assert AuditEntry.objects.filter(action="subscription.created", customer_id=bob.pk).count() == 2


def test_a_trial_is_the_first_period(bob: Customer) -> None:
    subscription = create_subscription(actor=ALICE, customer=bob, price=PriceFactory.create(trial_days=14))
    assert subscription.state == SubscriptionState.TRIALING
    assert subscription.current_period_end == subscription.trial_end == subscription.started_at + timedelta(days=14)


def test_says_what_is_wrong_with_a_product_or_price(bob: Customer) -> None:
    product = ProductFactory.create()
    assert refusal(lambda: create_product(actor=ALICE, name_en=" ")) == "name_missing"
    assert refusal(lambda: create_price(actor=ALICE, product=product, amount_minor=-1, currency="CAD")) == "bad_amount"
    assert refusal(lambda: create_price(actor=ALICE, product=product, amount_minor=1, currency="XX")) == "bad_currency"
    assert (
        refusal(
            lambda: create_price(actor=ALICE, product=product, amount_minor=1, currency="CAD", interval="fortnight")
        )
        == "bad_interval"
    )


def test_says_what_is_wrong_with_a_subscription(bob: Customer) -> None:
    price = PriceFactory.create()
    theirs, dead = PaymentProfileFactory.create(), PaymentProfileFactory.create(customer=bob, state="disabled")

    def create(**more: object) -> str:
        options = {"actor": ALICE, "customer": bob, "price": price} | more
        return refusal(lambda: create_subscription(**options))

    assert create(quantity=0) == "bad_quantity"
    assert create(price=PriceFactory.create(is_active=False)) == "price_inactive"
    assert create(payment_profile=theirs) == "other_customer"
    assert create(payment_profile=dead) == "profile_not_active"
    assert create(billed_by=BilledBy.GATEWAY) == "gateway_id_missing"
    assert not Subscription.objects.exists()


def test_numbers_invoices_without_gaps(bob: Customer) -> None:
    made = [create_invoice(actor=ALICE, customer=bob, total_minor=100, currency="CAD") for _ in range(2)]
    assert refusal(lambda: create_invoice(actor=ALICE, customer=bob, total_minor=-1, currency="CAD")) == "bad_amount"
    made.append(create_invoice(actor=ALICE, customer=bob, total_minor=100, currency="CAD"))
    assert [invoice.short_number for invoice in made] == ["INV-1001", "INV-1002", "INV-1003"]


def test_paying_the_last_late_invoice_makes_a_subscription_active_again(bob: Customer) -> None:
    subscription = SubscriptionFactory.create(customer=bob, state=SubscriptionState.PAST_DUE)
    first, second = InvoiceFactory.create_batch(2, customer=bob, subscription=subscription)
    card = PaymentProfileFactory.create(customer=bob)
    assert mark_invoice_paid(actor=ALICE, invoice=first, gateway_payment_id="pi_1", profile=card)
    subscription.refresh_from_db()
    assert subscription.state == SubscriptionState.PAST_DUE
    assert mark_invoice_paid(actor=ALICE, invoice=second, gateway_payment_id="pi_2", profile=card)
    subscription.refresh_from_db()
    assert subscription.state == SubscriptionState.ACTIVE
    assert (first.state, first.gateway_payment_id, first.payment_profile) == (InvoiceState.PAID, "pi_1", card)
    assert first.paid_at is not None


def test_a_subscription_that_the_gateway_bills_waits_for_the_gateways_word(bob: Customer) -> None:
    late = {"state": SubscriptionState.PAST_DUE, "billed_by": BilledBy.GATEWAY, "gateway_id": "sub_1"}
    subscription = SubscriptionFactory.create(customer=bob, **late)
    mark_invoice_paid(actor=ALICE, invoice=InvoiceFactory.create(customer=bob, subscription=subscription))
    subscription.refresh_from_db()
    assert subscription.state == SubscriptionState.PAST_DUE


@pytest.mark.parametrize("state", [InvoiceState.PAID, InvoiceState.VOID, InvoiceState.DRAFT])
def test_an_invoice_that_is_not_open_is_left_alone(bob: Customer, state: str) -> None:
    invoice = InvoiceFactory.create(customer=bob, state=state)
    assert not mark_invoice_paid(actor=ALICE, invoice=invoice)
    assert not mark_invoice_failed(actor=ALICE, invoice=invoice)
    assert Invoice.objects.get().attempts == 0


def test_a_failed_collection_is_counted_and_explained(bob: Customer) -> None:
    subscription = SubscriptionFactory.create(customer=bob)
    invoice, card = (
        InvoiceFactory.create(customer=bob, subscription=subscription),
        PaymentProfileFactory.create(customer=bob),
    )
    for attempt in (1, 2):
        assert mark_invoice_failed(actor=ALICE, invoice=invoice, profile=card, error_code="insufficient_funds")
        assert (invoice.attempts, invoice.payment_profile) == (attempt, card)
    assert "funds" in invoice.last_error
    subscription.refresh_from_db()
    assert subscription.state == SubscriptionState.PAST_DUE


def test_an_invoice_not_yet_due_makes_nothing_past_due(bob: Customer) -> None:
    subscription = SubscriptionFactory.create(customer=bob)
    tomorrow = timezone.now() + timedelta(days=1)
    invoice = InvoiceFactory.create(customer=bob, subscription=subscription, due_at=tomorrow)
    mark_invoice_failed(actor=ALICE, invoice=invoice)
    subscription.refresh_from_db()
    assert subscription.state == SubscriptionState.ACTIVE


@pytest.mark.django_db(transaction=True)
def test_of_two_who_settle_an_invoice_at_once_one_does() -> None:
    tenant_id: UUID = TenantFactory.create().pk
    with tenant_scope(tenant_id):
        invoice = InvoiceFactory.create()
    outcomes: list[bool] = []

    def settle() -> None:
        with tenant_scope(tenant_id):
            outcomes.append(mark_invoice_paid(actor=ALICE, invoice=Invoice.objects.get(pk=invoice.pk)))
        connection.close()

    threads = [Thread(target=settle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, False, False, True]
    with tenant_scope(tenant_id):
        assert AuditEntry.objects.filter(action="invoice.paid").count() == 1
