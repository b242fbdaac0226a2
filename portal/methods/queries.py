"""What the pages about payment methods show."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from customers.models import Customer
from payments.models import PaymentProfile, ProfileState
from subscriptions.models import LIVE_STATES, Subscription
from subscriptions.selectors import subscriptions_paid_by

SHOWN_STATES = (ProfileState.ACTIVE, ProfileState.PENDING, ProfileState.DISABLED)


@dataclass(frozen=True)
class MethodRow:
    """A method and the live subscriptions that it pays for next."""

    profile: PaymentProfile
    pays_for: list[Subscription]


def has_running_subscription(customer: Customer) -> bool:
    """Methods are kept for what will be charged again; without any such subscription there is nothing to keep."""
    return Subscription.objects.filter(customer=customer, state__in=LIVE_STATES).exists()


def methods_of(customer: Customer) -> QuerySet[PaymentProfile]:
    """Those that a customer sees, the default first."""
    shown = PaymentProfile.objects.filter(customer=customer, state__in=SHOWN_STATES)
    return shown.order_by("-is_default", "-is_backup", "created_at")


def method_rows(customer: Customer) -> list[MethodRow]:
    return [MethodRow(profile, subscriptions_paid_by(customer, profile)) for profile in methods_of(customer)]


def own_method(customer: Customer, profile_id: UUID, *states: ProfileState) -> PaymentProfile:
    """The customer's own method in one of the states (those shown, unless told); 404 otherwise."""
    profiles = PaymentProfile.objects.select_related("customer")
    return get_object_or_404(profiles, pk=profile_id, customer=customer, state__in=states or SHOWN_STATES)
