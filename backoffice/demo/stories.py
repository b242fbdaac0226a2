"""What happens to the customers: each story lays one customer's cards, subscriptions and invoices."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from backoffice.demo.book import Book
from backoffice.demo.cards import EXPIRED, EXPIRING, add_card, add_debit
from backoffice.demo.catalogue import DemoTenant
from backoffice.demo.invoices import buy, credit_balance, credit_to_balance, issue, void
from backoffice.demo.subscribing import subscribe
from customers.models import Customer
from payments.models import PaymentProfile, ProfileState
from subscriptions.models import BilledBy, CancelReason, Invoice, Price, SubscriptionState
from tenants.models import MethodKind

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
        """The tenant's `offer`th offer: 0 the basic one, 1 the dear one, 2 and 3 extras, 4 the seats, 5 and 6 bought
        once; in US dollars for those who live there, where the tenant sells in them."""
        prices = self.prices[self.tenant.offers[offer].key]
        country = str(self.book.billing_address(self.customer).country)
        currency = "USD" if country == "US" else self.book.tenant.currency
        choices = [price for price in prices if price.currency == currency] or prices
        return choices[nth % len(choices)]

    def days_ago(self, least: int, most: int) -> int:
        """Some day in between, on which the customer had been there for a month or more."""
        latest = min(most, (self.book.now - self.customer.created_at).days - 32)
        return self.book.chance.randrange(min(least, latest - 1), latest)

    def buy(self, offer: int, days_ago: int, pays: PaymentProfile) -> Invoice:
        return buy(self.book, self.customer, self.price(offer), days_ago, pays)

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
    """The card runs out soon; a backup stands ready."""
    card = add_card(teller.book, teller.customer, default=True, expires=EXPIRING)
    add_card(teller.book, teller.customer, brand="mastercard", is_backup=True)
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
    """Has paid by other means so far; the newest invoice is open."""
    teller.subscribe(teller.price(0), period_began_days_ago=2, by=US)


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
        teller.price(0),
        state=SubscriptionState.CANCELLED,
        pays=card,
        cancelled_at=ended,
        cancel_reason=CancelReason.TOO_EXPENSIVE,
        period_began_days_ago=26,
    )


def left(teller: Teller) -> None:
    """Was a subscriber, some time in the last year."""
    card = add_card(teller.book, teller.customer, default=True)
    days = teller.days_ago(15, 330)
    teller.subscribe(teller.price(teller.book.chance.randrange(2)), pays=card, by=US, left_days_ago=days)


def lost(teller: Teller) -> None:
    """Never paid up; the subscription was cancelled, and the last invoice written off."""
    card = add_card(teller.book, teller.customer, default=True, expires=EXPIRED)
    days = teller.days_ago(70, 200)
    teller.subscribe(teller.price(0), pays=card, by=US, left_days_ago=days, cancel_reason=CancelReason.UNPAID)


def switched(teller: Teller) -> None:
    """Left one offer for a dearer one."""
    card = add_card(teller.book, teller.customer, default=True)
    days = teller.days_ago(40, 300)
    teller.subscribe(teller.price(0), pays=card, by=US, left_days_ago=days, cancel_reason=CancelReason.SWITCHED)
    teller.subscribe(teller.price(1), pays=card, by=US)


def by_debit(teller: Teller) -> None:
    """Pays from a bank account, where there are such in the customer's currency."""
    price = teller.price(1)
    kind = {"EUR": MethodKind.SEPA_DEBIT, "USD": MethodKind.US_BANK_ACCOUNT}.get(price.currency)
    book, customer = teller.book, teller.customer
    pays = add_debit(book, customer, kind) if kind else add_card(book, customer, default=True)
    teller.subscribe(price, pays=pays, by=US)


def collector(teller: Teller) -> None:
    """Buys things beside the subscription; one was ordered by mistake."""
    card = add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(0), pays=card, by=US)
    for offer, days in ((5, 41), (6, 12)):
        teller.buy(offer, days, card)
    mistaken = issue(teller.book, teller.customer, teller.price(5), teller.book.now - timedelta(days=40))
    void(teller.book, mistaken, timedelta(minutes=26))


def with_credit(teller: Teller) -> None:
    """A credit of which the newest invoice has taken a part."""
    card = add_card(teller.book, teller.customer, default=True)
    price = teller.price(0)
    reason = "Three issues came late"
    credit_balance(teller.book, teller.customer, price.currency, price.amount_minor * 5 // 2, 35, reason)
    teller.subscribe(price, pays=card, by=US)


def in_debt(teller: Teller) -> None:
    """A bank took money back: the next invoice brings it in."""
    card = add_card(teller.book, teller.customer, default=True)
    price = teller.price(1)
    teller.subscribe(price, pays=card, by=US)
    credit_balance(teller.book, teller.customer, price.currency, -500, 3, "Fee for a returned debit")


def made_good(teller: Teller) -> None:
    """Was billed for what never came, and got it back as a credit."""
    card = add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(0), pays=card, by=US)
    credit_to_balance(teller.book, teller.buy(5, 33, card), "Arrived damaged; the customer keeps it")


def ending(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(0), pays=card, cancel_at_period_end=True)


def paused(teller: Teller) -> None:
    card = add_card(teller.book, teller.customer, default=True)
    book = teller.book
    since, until = book.now - timedelta(days=6), None
    if book.chance.random() < 0.5:
        until = book.now + timedelta(days=19)
    teller.subscribe(
        teller.price(2),
        state=SubscriptionState.PAUSED,
        pays=card,
        by=US,
        period_began_days_ago=11,
        paused_at=since,
        resumes_at=until,
    )


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
    """The newest invoice is a day old: not due yet, where the tenant gives time to pay."""
    card = add_card(teller.book, teller.customer, default=True)
    teller.subscribe(teller.price(1), by=US, pays=card, period_began_days_ago=1)


STORIES: list[Callable[[Teller], None]] = [
    steady,
    past_due,
    left,
    by_the_seat,
    pinned_extra,
    steady,
    by_debit,
    expiring,
    without_method,
    on_trial,
    collector,
    by_the_year,
    cancelled,
    steady,
    left,
    two_kinds,
    expired,
    disabled_card,
    with_credit,
    steady,
    newcomer,
    three_cards,
    switched,
    past_due_expired,
    steady,
    owing_soon,
    lost,
    paused,
    steady,
    ending,
    made_good,
    on_trial_without_card,
    disabled_beside_good,
    steady,
    left,
    past_due,
    expiring,
    steady,
    in_debt,
    unpaid,
    by_the_year,
    steady,
]

#: The stories of customers.NEWEST_AGES.
BEGINNINGS: list[Callable[[Teller], None]] = [newcomer, on_trial, newcomer, on_trial_without_card, on_trial, newcomer]


def tell(book: Book, tenant: DemoTenant, customers: list[Customer], prices: dict[str, list[Price]]) -> None:
    """Give every customer a story; organisations rent seats, and every third American pays by debit."""
    settled, americans = len(customers) - len(BEGINNINGS), 0
    for index, customer in enumerate(customers):
        is_american = str(book.billing_address(customer).country) == "US"
        americans += is_american
        if index >= settled:
            story = BEGINNINGS[index - settled]
        elif is_american and americans % 3 == 1:
            story = by_debit
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
