"""Reads about subscriptions that more than one caller needs."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from customers.models import Customer
from payments.models import PaymentProfile
from subscriptions.calculators.payers import Why, paying_profile, successor, usable
from subscriptions.calculators.periods import local_date
from subscriptions.models import BILLED_STATES, LIVE_STATES, Subscription

__all__ = [
    "Why",
    "backup_profile",
    "default_profile",
    "next_charge_at",
    "payer_of",
    "paying_profile",
    "products_tried",
    "profiles_of",
    "subscriptions_paid_by",
    "successor",
    "usable",
]


def default_profile(customer: Customer) -> PaymentProfile | None:
    """The customer's default, as chosen; whether it can be charged is another matter."""
    return PaymentProfile.objects.filter(customer=customer, is_default=True).first()


def backup_profile(customer: Customer) -> PaymentProfile | None:
    """The customer's backup, as chosen; whether it can be charged is another matter."""
    return PaymentProfile.objects.filter(customer=customer, is_backup=True).first()


def next_charge_at(subscription: Subscription) -> datetime | None:
    """When its next period is billed, by us or by the gateway; None when, as things stand, none will be."""
    if subscription.cancel_at_period_end or subscription.state not in BILLED_STATES:
        return None
    return subscription.next_billing_at or subscription.current_period_end


def profiles_of(customer_id: UUID) -> list[PaymentProfile]:
    """All of a customer's, with `replaced_by`, as `payer_of` takes them."""
    return list(PaymentProfile.objects.filter(customer=customer_id).select_related("replaced_by"))


def payer_of(
    subscription: Subscription, on: date | None = None, *, profiles: Iterable[PaymentProfile] | None = None
) -> tuple[PaymentProfile | None, Why]:
    """Which profile pays for the subscription on that local date (by default that of its next charge), and why.

    `profiles` are the customer's, with `replaced_by`, where the caller has read them for several subscriptions.
    """
    if on is None and subscription.current_period_end is not None:
        on = local_date(subscription.current_period_end, subscription.time_zone)
    chosen = profiles_of(subscription.customer_id) if profiles is None else list(profiles)
    default = next((profile for profile in chosen if profile.is_default), None)
    backup = next((profile for profile in chosen if profile.is_backup), None)
    return paying_profile(subscription.payment_profile, default, backup, on=on)


def products_tried(customer: Customer, *, before: datetime | None = None) -> frozenset[UUID]:
    """The ids of the products that the customer has, or has had, a free trial of, until now or before that moment."""
    trials = Subscription.objects.filter(customer=customer, trial_end__isnull=False)
    if before is not None:
        trials = trials.filter(created_at__lt=before)
    return frozenset(trials.values_list("price__product_id", flat=True))


def subscriptions_paid_by(customer: Customer, profile: PaymentProfile) -> list[Subscription]:
    """The customer's live subscriptions that this profile pays for next, by number."""
    default, backup = default_profile(customer), backup_profile(customer)
    live = Subscription.objects.filter(customer=customer, state__in=LIVE_STATES)
    return [
        subscription
        for subscription in live.select_related("price__product", "payment_profile__replaced_by").order_by("number")
        if paying_profile(subscription.payment_profile, default, backup)[0] == profile
    ]
