"""What happens to the customers: each story lays one customer's cards, subscriptions and invoices."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from backoffice.demo.book import Book
from backoffice.demo.cards import EXPIRED, EXPIRING, add_card
from backoffice.demo.catalogue import DemoTenant
from backoffice.demo.subscribing import add_invoice, subscribe
from customers.models import Customer
from payments.models import ProfileState
from subscriptions.models import BilledBy, Price, SubscriptionState

US, GATEWAY = BilledBy.US, BilledBy.GATEWAY


@dataclass(frozen=True)
class Teller:
    """One customer's story under way. `by` alternates between the two kinds of billing."""

    book: Book
    tenant: DemoTenant
    customer: Customer
    prices: dict[str, list[Price]]
    by: str

    def price(self, offer: int = 0, nth: int = 0) -> Price:
        """The tenant's `offer`th offer: 0 the basic one, 1 the dear one, 2 and 3 extras, 4 the seats."""
        choices = self.prices[self.tenant.offers[offer].key]
        return choices[nth % len(choices)]

    def subscribe(self, price: Price, **more: object) -> None:
        subscribe(self.book, self.tenant, self.customer, price, **{"by": self.by} | more)  # type: ignore[arg-type]


def steady(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(teller.book.chance.randrange(2)), pays=card)


def by_the_year(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(0, 1), pays=card)


def pinned_extra(teller: Teller) -> None:
    """Two cards: the default, and one pinned to an extra."""
    default = add_card(teller.book, teller.customer, default=True)
    second = add_card(teller.book, teller.customer, brand="mastercard")
    teller.subscribe(teller.price(1), pays=default)
    teller.subscribe(teller.price(3), pinned=second, by=GATEWAY if teller.by == US else US)


def expiring(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True, expires=EXPIRING)
    teller.subscribe(teller.price(teller.book.chance.randrange(2)), pays=card)


def expired(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True, expires=EXPIRED)
    teller.subscribe(teller.price(0), pays=card)


def past_due(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True)
    days = teller.book.chance.randrange(9, 25)
    teller.subscribe(teller.price(0), state=SubscriptionState.PAST_DUE, pays=card, period_began_days_ago=days)


def past_due_expired(teller: Teller) -> None:
    """The card ran out; a newer one is on file, but pays for something else."""
    old = add_card(teller.book, teller.customer, default=True, expires=EXPIRED)
    new = add_card(teller.book, teller.customer)
    teller.subscribe(teller.price(1), state=SubscriptionState.PAST_DUE, pays=old, period_began_days_ago=16)
    teller.subscribe(teller.price(2), pinned=new)


def unpaid(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True, expires=EXPIRED)
    teller.subscribe(teller.price(0), state=SubscriptionState.UNPAID, pays=card, period_began_days_ago=28)


def on_trial(teller: Teller) -> None:
    add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(0), state=SubscriptionState.TRIALING, period_began_days_ago=3)


def on_trial_without_card(teller: Teller) -> None:
    teller.subscribe(teller.price(1), state=SubscriptionState.TRIALING, period_began_days_ago=5, by=US)


def without_method(teller: Teller) -> None:
    """Has paid by other means so far; the next invoice is open."""
    subscribe_without_history = {"state": SubscriptionState.ACTIVE, "period_began_days_ago": 2, "by": US}
    teller.subscribe(teller.price(0), **subscribe_without_history)


def newcomer(teller: Teller) -> None:
    """No subscription yet."""


def disabled_card(teller: Teller) -> None:
    """The gateway has forgotten the card that paid."""
    card = add_card(teller.book, teller.customer, default=True, state=ProfileState.DISABLED)
    teller.subscribe(teller.price(0), state=SubscriptionState.PAST_DUE, pays=card, period_began_days_ago=12, by=US)


def disabled_beside_good(teller: Teller) -> None:
    add_card(teller.book, teller.customer, state=ProfileState.DISABLED)
    good = add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(1), pays=good)


def cancelled(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True)
    ended = teller.book.now - timedelta(days=teller.book.chance.randrange(10, 20))
    teller.subscribe(
        teller.price(0), state=SubscriptionState.CANCELLED, pays=card, cancelled_at=ended, period_began_days_ago=26
    )


def ending(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(0), pays=card, cancel_at_period_end=True)


def paused(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(2), state=SubscriptionState.PAUSED, pays=card, by=US)


def two_kinds(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(1), pays=card, by=US)
    teller.subscribe(teller.price(3), pinned=card, by=GATEWAY)


def three_cards(teller: Teller) -> None:
    """One of each age; every one pays for something."""
    old = add_card(teller.book, teller.customer, default=True, expires=EXPIRED)
    soon = add_card(teller.book, teller.customer, expires=EXPIRING)
    good = add_card(teller.book, teller.customer)
    teller.subscribe(teller.price(0), pays=old)
    teller.subscribe(teller.price(2), pinned=soon)
    teller.subscribe(teller.price(3), pinned=good)


def by_the_seat(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True)
    seats = teller.book.chance.randrange(3, 40)
    teller.subscribe(teller.price(4), pays=card, quantity=seats)


def owing_soon(teller: Teller) -> None:
    """An invoice is issued, and not due yet."""
    card = add_card(teller.book, teller.customer, default=True)
    book = teller.book
    subscription = subscribe(
        book, teller.tenant, teller.customer, teller.price(1), by=US, pays=card, period_began_days_ago=29
    )
    issued = book.now - timedelta(days=1)
    add_invoice(book, teller.tenant, subscription, issued, issued + timedelta(days=31), tried=card, attempts=0)


STORIES: list[Callable[[Teller], None]] = [
    steady,
    past_due,
    by_the_seat,
    pinned_extra,
    steady,
    expiring,
    without_method,
    on_trial,
    by_the_year,
    cancelled,
    steady,
    two_kinds,
    expired,
    disabled_card,
    steady,
    newcomer,
    three_cards,
    past_due_expired,
    steady,
    owing_soon,
    paused,
    steady,
    ending,
    on_trial_without_card,
    disabled_beside_good,
    steady,
    past_due,
    expiring,
    steady,
    unpaid,
    by_the_year,
    steady,
]

#: The stories of customers.NEWEST_AGES.
BEGINNINGS: list[Callable[[Teller], None]] = [newcomer, on_trial, newcomer, on_trial_without_card, on_trial, newcomer]


def tell(book: Book, tenant: DemoTenant, customers: list[Customer], prices: dict[str, list[Price]]) -> None:
    """Give every customer a story; organisations rent seats."""
    settled = len(customers) - len(BEGINNINGS)
    for index, customer in enumerate(customers):
        if index >= settled:
            story = BEGINNINGS[index - settled]
        else:
            story = by_the_seat if customer.organisation and index % 3 else STORIES[index % len(STORIES)]
        story(Teller(book, tenant, customer, prices, GATEWAY if index % 2 else US))


def camille(book: Book, tenant: DemoTenant, customer: Customer, prices: dict[str, list[Price]]) -> None:
    """The customer of the tour: three methods, both kinds of billing, one past-due invoice of each."""
    visa = add_card(book, customer, default=True, expires=EXPIRING, brand="visa", last4="1881")
    mastercard = add_card(book, customer, expires=(22, 22), brand="mastercard", last4="3222")
    add_card(book, customer, expires=(-4, -4), brand="amex", last4="8431")
    teller = Teller(book, tenant, customer, prices, US)
    owing = {"state": SubscriptionState.PAST_DUE, "pinned": visa, "period_began_days_ago": 13}
    teller.subscribe(teller.price(1), **owing)
    teller.subscribe(teller.price(3), by=GATEWAY, **owing)
    teller.subscribe(teller.price(0), pays=visa, period_began_days_ago=9)
    teller.subscribe(teller.price(2), by=GATEWAY, pinned=mastercard)
