"""Reads about subscriptions that more than one caller needs."""

from enum import StrEnum

from customers.models import Customer
from payments.models import PaymentProfile, ProfileState
from subscriptions.models import LIVE_STATES, Subscription


class Why(StrEnum):
    """Why a profile pays next."""

    PINNED = "pinned"
    DEFAULT = "default"
    NONE = "none"


def successor(profile: PaymentProfile | None) -> PaymentProfile | None:
    """The profile itself, or what took its place, as far as that is known; None when it was removed."""
    seen = set()
    while profile is not None and profile.state == ProfileState.REPLACED and profile.pk not in seen:
        seen.add(profile.pk)
        profile = profile.replaced_by
    return None if profile is None or profile.state == ProfileState.REMOVED else profile


def usable(profile: PaymentProfile | None) -> PaymentProfile | None:
    """The profile, or the one that took its place, if it can be charged; else None."""
    profile = successor(profile)
    return profile if profile is not None and profile.state == ProfileState.ACTIVE else None


def paying_profile(pinned: PaymentProfile | None, default: PaymentProfile | None) -> tuple[PaymentProfile | None, Why]:
    """Which profile pays next, and why: the one pinned to the subscription while it works, else the customer's default.

    A replaced profile stands for its successor.
    """
    if payer := usable(pinned):
        return payer, Why.PINNED
    if payer := usable(default):
        return payer, Why.DEFAULT
    return None, Why.NONE


def default_profile(customer: Customer) -> PaymentProfile | None:
    """The customer's default, as chosen; whether it can be charged is another matter."""
    return PaymentProfile.objects.filter(customer=customer, is_default=True).first()


def subscriptions_paid_by(customer: Customer, profile: PaymentProfile) -> list[Subscription]:
    """The customer's live subscriptions that this profile pays for next, by number."""
    default = default_profile(customer)
    live = Subscription.objects.filter(customer=customer, state__in=LIVE_STATES)
    return [
        subscription
        for subscription in live.select_related("price__product", "payment_profile__replaced_by").order_by("number")
        if paying_profile(subscription.payment_profile, default)[0] == profile
    ]
