"""What a change will move: worked out once, shown before it is made, and used to make it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from customers.models import Customer
from payments.models import PaymentProfile
from propagation.models import ChangeKind
from subscriptions.models import LIVE_STATES, Invoice, InvoiceState, Subscription
from subscriptions.selectors import Why, default_profile, next_charge_at, paying_profile, successor, usable


@dataclass(frozen=True)
class MovedSubscription:
    """`amount_minor` is what one period costs, before tax. `follows_default`: nothing is pinned to it."""

    subscription: Subscription
    product_name: str
    amount_minor: int
    currency: str
    next_charge_at: datetime | None
    billed_by: str
    follows_default: bool


@dataclass(frozen=True)
class MovedInvoice:
    """`collect` is true when the invoice is charged to the new method at once: it is past due or was tried before."""

    invoice: Invoice
    amount_minor: int
    currency: str
    due_at: datetime
    collect: bool
    past_due: bool


@dataclass(frozen=True)
class Consent:
    """What a customer who was asked lets move to the new method: the ids that they left ticked."""

    subscriptions: frozenset[UUID]
    invoices: frozenset[UUID]

    @classmethod
    def read(cls, kept: dict[str, list[str]] | None) -> "Consent | None":
        """As a card entry keeps it; None when nobody was asked, so that everything moves."""
        if kept is None:
            return None
        return cls(
            frozenset(UUID(value) for value in kept.get("subscriptions", [])),
            frozenset(UUID(value) for value in kept.get("invoices", [])),
        )


@dataclass(frozen=True)
class Impact:
    """`retired` are the methods that will be detached at the gateway when everything has moved.

    `kept` are the subscriptions that the customer did not let move; then nothing is retired, and `pinned` are those
    that follow the default today and must be pinned to move alone.
    """

    default_moves: bool
    subscriptions: list[MovedSubscription] = field(default_factory=list)
    invoices: list[MovedInvoice] = field(default_factory=list)
    retired: list[PaymentProfile] = field(default_factory=list)
    kept: list[MovedSubscription] = field(default_factory=list)
    pinned: list[MovedSubscription] = field(default_factory=list)

    @property
    def collected(self) -> list[MovedInvoice]:
        return [moved for moved in self.invoices if moved.collect]

    @property
    def collect_totals(self) -> dict[str, int]:
        """What will be collected at once, in minor units by currency."""
        totals: dict[str, int] = defaultdict(int)
        for moved in self.collected:
            totals[moved.currency] += moved.amount_minor
        return dict(totals)

    @property
    def is_empty(self) -> bool:
        return not (self.subscriptions or self.invoices)

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the change: numbers and amounts."""
        return {
            "default_moves": self.default_moves,
            "subscriptions": [moved.subscription.short_number for moved in self.subscriptions],
            "invoices": [
                {
                    "number": moved.invoice.short_number,
                    "amount_minor": moved.amount_minor,
                    "currency": moved.currency,
                    "collect": moved.collect,
                }
                for moved in self.invoices
            ],
            "collect_totals": self.collect_totals,
            "retired": [str(profile.pk) for profile in self.retired],
            "kept": [moved.subscription.short_number for moved in self.kept],
        }

    def within(self, consent: Consent | None) -> "Impact":
        """What is left of it by the customer's consent. An amount not consented to is not collected now."""
        if consent is None:
            return self
        moved = [row for row in self.subscriptions if row.subscription.pk in consent.subscriptions]
        kept = [row for row in self.subscriptions if row.subscription.pk not in consent.subscriptions]
        kept_ids = {row.subscription.pk for row in kept}
        invoices = [
            row
            for row in self.invoices
            if (row.invoice.pk in consent.invoices if row.collect else row.invoice.subscription_id not in kept_ids)
        ]
        default_moves = self.default_moves and not any(row.follows_default for row in kept)
        lost_default = self.default_moves and not default_moves
        return Impact(
            default_moves=default_moves,
            subscriptions=moved,
            invoices=invoices,
            retired=[] if kept else self.retired,
            kept=kept,
            pinned=[row for row in moved if row.follows_default] if lost_default else [],
        )


def will_be_default(
    *, kind: ChangeKind, old_profiles: Iterable[PaymentProfile], default: PaymentProfile | None, wanted: bool
) -> bool:
    """Whether the new profile becomes the default: wanted, in the place of it, or because none works."""
    if kind == ChangeKind.SET_DEFAULT or wanted:
        return True
    payer = usable(default)
    return payer is None or payer.pk in {profile.pk for profile in old_profiles}


def preview(
    *,
    customer: Customer,
    kind: ChangeKind,
    old_profile: PaymentProfile | None = None,
    duplicates: Iterable[PaymentProfile] = (),
    makes_default: bool = False,
    consent: Consent | None = None,
) -> Impact:
    """What the change would move, for REPLACE, ADD and SET_DEFAULT; reads only.

    `consent` narrows it to what the customer let move. REPLACE and ADD move what the old profiles pay for, and what
    nothing that works pays for. SET_DEFAULT moves what follows the customer's default. The same function decides the
    steps when the change is made.
    """
    old = successor(old_profile)
    old_profiles = [profile for profile in (old, *duplicates) if profile is not None]
    default = default_profile(customer)
    default_moves = will_be_default(kind=kind, old_profiles=old_profiles, default=default, wanted=makes_default)
    old_ids = {profile.pk for profile in old_profiles}

    def moves(pinned: PaymentProfile | None) -> bool:
        own = successor(pinned)
        if own is not None and own.pk in old_ids:
            return True
        payer, why = paying_profile(pinned, default)
        if payer is None:
            return default_moves
        if kind == ChangeKind.SET_DEFAULT:
            return why == Why.DEFAULT
        return payer.pk in old_ids

    live = list(live_subscriptions(customer))
    moved: dict[UUID | None, bool] = {s.pk: moves(s.payment_profile) for s in live}
    subscriptions = [subscription for subscription in live if moved[subscription.pk]]
    # An invoice goes with its subscription; one without, or whose subscription has ended, stands for itself.
    invoices = [
        invoice
        for invoice in open_invoices(customer)
        if moved.get(invoice.subscription_id, moves(invoice.payment_profile))
    ]
    return Impact(
        default_moves=default_moves,
        subscriptions=[_moved_subscription(subscription) for subscription in subscriptions],
        invoices=[_moved_invoice(invoice) for invoice in invoices],
        retired=[] if kind == ChangeKind.SET_DEFAULT else old_profiles,
    ).within(consent)


def live_subscriptions(customer: Customer) -> QuerySet[Subscription]:
    return (
        Subscription.objects.filter(customer=customer, state__in=LIVE_STATES)
        .select_related("price__product", "payment_profile__replaced_by")
        .order_by("number")
    )


def open_invoices(customer: Customer) -> QuerySet[Invoice]:
    return (
        Invoice.objects.filter(customer=customer, state=InvoiceState.OPEN, amount_due_minor__gt=0)
        .select_related("subscription", "payment_profile__replaced_by")
        .order_by("number")
    )


def _moved_subscription(subscription: Subscription) -> MovedSubscription:
    return MovedSubscription(
        subscription=subscription,
        product_name=subscription.price.product.name,
        amount_minor=subscription.amount_minor,
        currency=subscription.price.currency,
        next_charge_at=next_charge_at(subscription),
        billed_by=subscription.billed_by,
        follows_default=subscription.payment_profile_id is None,
    )


def _moved_invoice(invoice: Invoice) -> MovedInvoice:
    return MovedInvoice(
        invoice=invoice,
        amount_minor=invoice.amount_due_minor,
        currency=invoice.currency,
        due_at=invoice.due_at,
        collect=invoice.is_past_due or invoice.attempts > 0,
        past_due=invoice.is_past_due,
    )
