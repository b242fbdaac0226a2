from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from customers.models import Customer
from subscriptions.errors import BillingError
from subscriptions.models import BilledBy, Interval, Invoice, InvoiceState, Subscription, SubscriptionState
from subscriptions.selectors import products_tried
from subscriptions.services import (
    create_invoice,
    create_price,
    create_product,
    create_subscription,
    mark_invoice_failed,
    mark_invoice_paid,
)
from tenants.actors import Actor
from tenants.models import AuditEntry, Tenant
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


def test_a_trial_comes_before_the_first_period(bob: Customer) -> None:
    """14 days of the tenant's calendar, over the night in which the clocks go forward."""
    Tenant.objects.filter(pk=bob.tenant_id).update(time_zone="America/Toronto")
    start = datetime(2027, 3, 10, 15, tzinfo=UTC)
    price = PriceFactory.create(trial_days=14)
    subscription = create_subscription(actor=ALICE, customer=bob, price=price, started_at=start)
    end = datetime(2027, 3, 24, 14, tzinfo=UTC)
    assert (subscription.state, subscription.time_zone) == (SubscriptionState.TRIALING, "America/Toronto")
    assert subscription.current_period_end == subscription.trial_end == end
    assert (subscription.anchor_at, subscription.next_billing_at, subscription.next_period) == (end, end, 0)


def test_another_trial_of_the_same_product_is_staffs_to_grant(bob: Customer) -> None:
    """The portal gives none (`products_tried`); whoever asks for no other number of days gets the price's."""
    price = PriceFactory.create(trial_days=14)
    first = create_subscription(actor=ALICE, customer=bob, price=price)
    again = create_subscription(actor=ALICE, customer=bob, price=price)
    without = create_subscription(actor=ALICE, customer=bob, price=price, trial_days=0)
    states = [one.state for one in (first, again, without)]
    assert states == [SubscriptionState.TRIALING, SubscriptionState.TRIALING, SubscriptionState.ACTIVE]
    assert without.trial_end is None
    assert products_tried(bob) == {price.product_id}
    assert products_tried(bob, before=first.created_at) == frozenset()


def test_without_a_trial_the_first_period_is_due_when_it_begins(bob: Customer) -> None:
    start = datetime(2027, 1, 31, 15, tzinfo=UTC)
    subscription = create_subscription(actor=ALICE, customer=bob, price=PriceFactory.create(), started_at=start)
    assert subscription.state == SubscriptionState.ACTIVE
    assert (subscription.anchor_at, subscription.next_billing_at, subscription.next_period) == (start, start, 0)
    assert subscription.current_period_end == datetime(2027, 2, 28, 15, tzinfo=UTC)


def test_what_the_gateway_bills_never_comes_to_our_run(bob: Customer) -> None:
    options = {"billed_by": BilledBy.GATEWAY, "gateway_id": "sub_1"}
    subscription = create_subscription(actor=ALICE, customer=bob, price=PriceFactory.create(), **options)  # type: ignore[arg-type]
    assert (subscription.next_billing_at, subscription.anchor_at) == (None, None)


def test_says_what_is_wrong_with_a_product_or_price(bob: Customer) -> None:
    product = ProductFactory.create()
    assert refusal(lambda: create_product(actor=ALICE, name_en=" ")) == "name_missing"
    assert refusal(lambda: create_price(actor=ALICE, product=product, amount_minor=-1, currency="CAD")) == "bad_amount"
    assert refusal(lambda: create_price(actor=ALICE, product=product, amount_minor=1, currency="XX")) == "bad_currency"


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ({"interval": "fortnight"}, "bad_interval"),
        ({"interval_count": 0}, "bad_interval"),
        ({"interval": Interval.MONTH, "interval_count": 37}, "bad_interval"),
        ({"interval": Interval.ONE_TIME, "interval_count": 2}, "bad_interval"),
        ({"interval": Interval.ONE_TIME, "trial_days": 7}, "bad_interval"),
        ({"trial_days": -1}, "bad_interval"),
        ({"trial_days": 731}, "bad_trial"),
        ({"amount_minor": 10**12}, "bad_amount"),
    ],
)
def test_says_what_is_wrong_with_a_price(bob: Customer, price: dict[str, object], code: str) -> None:
    options = {"actor": ALICE, "product": ProductFactory.create(), "amount_minor": 1, "currency": "CAD"} | price
    assert refusal(lambda: create_price(**options)) == code  # type: ignore[arg-type]


def test_a_price_may_be_free(bob: Customer) -> None:
    assert create_price(actor=ALICE, product=ProductFactory.create(), amount_minor=0, currency="JPY").amount_minor == 0


def test_says_what_is_wrong_with_a_subscription(bob: Customer) -> None:
    price = PriceFactory.create()
    theirs, dead = PaymentProfileFactory.create(), PaymentProfileFactory.create(customer=bob, state="disabled")

    def create(**more: object) -> str:
        options = {"actor": ALICE, "customer": bob, "price": price} | more
        return refusal(lambda: create_subscription(**options))

    assert create(quantity=0) == "bad_quantity"
    assert create(quantity=10**10) == "bad_quantity"
    assert create(price=PriceFactory.create(is_active=False)) == "price_inactive"
    assert create(price=PriceFactory.create(interval=Interval.ONE_TIME)) == "one_time_price"
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
