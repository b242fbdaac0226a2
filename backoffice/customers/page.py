"""What a customer's page shows."""

from dataclasses import dataclass, field
from typing import Any

from backoffice.billing.balance import balances_of, entries_of
from backoffice.billing.queries import ShownSubscription, with_payer
from backoffice.customers.timeline import timeline
from customers.addresses import AddressValues, format_address
from customers.models import Address, AddressKind, Customer
from customers.sign_in.status import sign_in_status
from invitations.models import OPEN_STATES, Invitation
from payments.models import PaymentProfile, ProfileState
from propagation.models import Change, ChangeState
from subscriptions.models import LIVE_STATES, Invoice, Subscription

SHOWN_INVOICES = 10
SHOWN_CHANGES = 6
SHOWN_INVITATIONS = 6
SHOWN_EVENTS = 6
SHOWN_ENTRIES = 3


@dataclass
class ShownProfile:
    """A payment method with what it pays for next."""

    profile: PaymentProfile
    address: list[str]
    pays_for: list[Subscription] = field(default_factory=list)

    @property
    def is_usable(self) -> bool:
        return self.profile.state == ProfileState.ACTIVE


def customer_page(customer: Customer, slug: str) -> dict[str, Any]:
    """The page's context, in a fixed number of queries whatever the customer has."""
    profiles = list(customer.payment_profiles.select_related("replaced_by").order_by("-is_default", "-id"))
    subscriptions = list(
        customer.subscriptions.select_related("price__product", "payment_profile__replaced_by").order_by("-number")
    )
    subscriptions.sort(key=lambda subscription: subscription.state not in LIVE_STATES)
    shown_subscriptions = with_payer(subscriptions)
    addresses = {address.kind: address for address in customer.addresses.all()}
    invitations = list(
        Invitation.objects.filter(customer=customer).select_related("profile").order_by("-number")[:SHOWN_INVITATIONS]
    )
    invoices = list(_invoices(customer)[: SHOWN_INVOICES + 1])
    changes = list(_changes(customer)[: SHOWN_CHANGES + 1])
    return {
        "customer": customer,
        "is_active": any(subscription.state in LIVE_STATES for subscription in subscriptions),
        "past_due": [invoice for invoice in invoices if invoice.is_past_due],
        "profiles": _current_profiles(profiles, shown_subscriptions),
        "earlier_profiles": [p for p in profiles if p.state in (ProfileState.REPLACED, ProfileState.REMOVED)],
        "subscriptions": shown_subscriptions,
        "invoices": invoices[:SHOWN_INVOICES],
        "has_more_invoices": len(invoices) > SHOWN_INVOICES,
        "balances": balances_of(customer),
        "balance_entries": entries_of(customer, SHOWN_ENTRIES),
        "invitations": invitations,
        "open_invitation": next((i for i in invitations if i.state in OPEN_STATES and i.is_open), None),
        "changes": changes[:SHOWN_CHANGES],
        "has_more_changes": len(changes) > SHOWN_CHANGES,
        "open_changes": [change for change in changes if change.state == ChangeState.IN_PROGRESS],
        "failed_changes": [change for change in changes if change.state == ChangeState.NEEDS_ATTENTION],
        "billing_address": _address_lines(addresses.get(AddressKind.BILLING)),
        "shipping_address": _address_lines(addresses.get(AddressKind.SHIPPING)),
        "same_email": _others_with_email(customer),
        "sign_in": sign_in_status(customer),
        "timeline": timeline(customer, slug, size=SHOWN_EVENTS, in_short=True),
    }


def _current_profiles(profiles: list[PaymentProfile], subscriptions: list[ShownSubscription]) -> list[ShownProfile]:
    shown = {
        profile.pk: ShownProfile(profile, format_address(AddressValues.of(profile.billing_address)))
        for profile in profiles
        if profile.state in (ProfileState.ACTIVE, ProfileState.DISABLED)
    }
    for item in subscriptions:
        if item.pays and item.pays.pk in shown and item.subscription.state in LIVE_STATES:
            shown[item.pays.pk].pays_for.append(item.subscription)
    return sorted(shown.values(), key=lambda item: (not item.profile.is_default, not item.is_usable))


def _invoices(customer: Customer) -> Any:
    return (
        Invoice.objects.filter(customer=customer).select_related("payment_profile", "subscription").order_by("-number")
    )


def _changes(customer: Customer) -> Any:
    return Change.objects.filter(customer=customer).select_related("old_profile", "new_profile").order_by("-number")


def _address_lines(address: Address | None) -> list[str]:
    return format_address(address) if address else []


def _others_with_email(customer: Customer) -> list[Customer]:
    if not customer.email_normalized:
        return []
    same = Customer.objects.filter(email_normalized=customer.email_normalized)
    return list(same.exclude(pk=customer.pk).order_by("number")[:3])
