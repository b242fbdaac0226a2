"""What is offered to customers, and what an order comes to."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone

from customers.models import Customer
from payments.models import PaymentProfile, ProfileState
from portal.models import Checkout
from subscriptions.billing.issue import Sale, Taxation
from subscriptions.calculators.periods import trial_end
from subscriptions.calculators.trials import free_days
from subscriptions.models import LIVE_STATES, Price, Product, Subscription, in_reader_language
from subscriptions.selectors import products_tried
from tenants.models import Tenant
from tenants.templatetags.ui import percent


@dataclass(frozen=True)
class Offer:
    """A product with its prices, the cheapest first; `held` are the ids of those that the customer subscribes to.
    `is_tried`: the customer has had a free trial of the product, and gets no other.
    """

    product: Product
    prices: list[Price]
    held: set[UUID]
    is_tried: bool


@dataclass(frozen=True)
class Order:
    """What a price x quantity comes to, in minor units, by today's taxes. `free_until`: when the trial ends, if any.

    `due_now_minor` is charged when the order is placed.
    """

    price: Price
    quantity: int
    subtotal_minor: int
    taxes: list[tuple[str, int]]
    total_minor: int
    free_until: datetime | None

    @property
    def is_tried(self) -> bool:
        """Others begin with a free trial; this customer has had theirs."""
        return self.free_until is None and self.price.is_recurring and self.price.trial_days > 0

    @property
    def due_now_minor(self) -> int:
        return 0 if self.free_until else self.total_minor

    @property
    def needs_method(self) -> bool:
        return self.total_minor > 0


def offered() -> QuerySet[Price]:
    rows = Price.objects.filter(is_public=True, is_active=True, product__is_active=True)
    rows = rows.filter(tenant__portal_shows_offers=True)
    return rows.select_related("product")


def offers_for(customer: Customer) -> list[Offer]:
    live = Subscription.objects.filter(customer=customer, state__in=LIVE_STATES)
    held = set(live.values_list("price_id", flat=True))
    tried = products_tried(customer)
    rows = offered().order_by("product__name_en", "product_id", "currency", "amount_minor")
    return [
        Offer(product, list(prices), held, product.pk in tried)
        for product, prices in groupby(rows, key=lambda price: price.product)
    ]


def free_days_for(customer: Customer, price: Price, *, before: datetime | None = None) -> int:
    """For how many days the price is free to this customer, by the trials that they have had (before that moment)."""
    days = price.trial_days if price.is_recurring else 0
    return free_days(days, price.product_id, products_tried(customer, before=before)) if days else 0


def own_checkout(customer: Customer, checkout_id: UUID) -> Checkout:
    """404 for another customer's."""
    rows = Checkout.objects.select_related("customer", "price__product", "subscription__price__product")
    return get_object_or_404(rows, pk=checkout_id, customer=customer)


def order_of(customer: Customer, tenant: Tenant, price: Price, quantity: int) -> Order:
    """By the calculators that will make the invoice. In the open scope."""
    now = timezone.now()
    amounts = Taxation(tenant, [customer.pk]).amounts(Sale(customer, price, quantity), now)
    free = free_days_for(customer, price)
    return Order(
        price=price,
        quantity=quantity,
        subtotal_minor=amounts.subtotal_minor,
        taxes=[
            (f"{in_reader_language(tax.name_en, tax.name_fr)} ({percent(tax.percent)})", tax.tax_minor)
            for tax in amounts.taxes
        ],
        total_minor=amounts.total_minor,
        free_until=trial_end(now, tenant.time_zone, free) if free else None,
    )


def saved_methods(customer: Customer) -> list[PaymentProfile]:
    """Those that can be charged, the default first."""
    rows = PaymentProfile.objects.filter(customer=customer, state=ProfileState.ACTIVE)
    return [profile for profile in rows.order_by("-is_default", "created_at") if not profile.is_expired]
