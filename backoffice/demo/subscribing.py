"""Subscriptions, on the calendar that the billing run goes by."""

from datetime import datetime, timedelta
from typing import Any

from backoffice.demo.book import Book
from backoffice.demo.cards import at_gateway, months_later
from backoffice.demo.catalogue import DemoTenant
from backoffice.demo.ids import gateway_id
from backoffice.demo.invoices import Story, bill_period
from customers.models import Customer
from payments.models import PaymentProfile
from subscriptions.billing.transitions import next_look
from subscriptions.calculators.periods import Period, period, trial_end
from subscriptions.models import BilledBy, CancelReason, Interval, Price, Subscription, SubscriptionState
from tenants.numbers import next_number

#: The periods that have their invoices here: a year and the current one; of what the gateway bills, the last ones.
INVOICES_KEPT, GATEWAY_INVOICES_KEPT = 14, 3
LONGEST_PAST = 30
_OWING = (SubscriptionState.PAST_DUE, SubscriptionState.UNPAID)


def period_months(price: Price) -> int:
    return price.interval_count * (12 if price.interval == Interval.YEAR else 1)


def subscribe(
    book: Book,
    tenant: DemoTenant,
    customer: Customer,
    price: Price,
    *,
    by: str = BilledBy.US,
    state: str = SubscriptionState.ACTIVE,
    pinned: PaymentProfile | None = None,
    pays: PaymentProfile | None = None,
    period_began_days_ago: int | None = None,
    left_days_ago: int | None = None,
    **more: Any,
) -> Subscription:
    """A subscription with its invoices. `pays` is the profile that has paid so far: the pinned one, if any.

    `left_days_ago`: it was cancelled at the end of the period that ended about then.
    """
    until = book.now - timedelta(days=left_days_ago or 0)
    if state == SubscriptionState.TRIALING:
        values = _on_trial(book, price, period_began_days_ago or 0)
        periods: list[Period] = []
    else:
        values, periods = _running(book, customer, price, until, period_began_days_ago)
    number = next_number("subscription")
    if left_days_ago is not None:
        values |= _left(periods, until) | {"cancel_reason": book.chance.choice(CancelReason.values[:5])}
    values |= {"state": state, **more} if left_days_ago is None else more
    if by == BilledBy.GATEWAY:
        at_gateway(book, customer)
        values |= {"anchor_at": None, "next_period": 0, "gateway_id": gateway_id("sub", tenant.slug, number)}
    subscription = book.add(
        Subscription,
        number=number,
        customer=customer,
        price=price,
        billed_by=by,
        payment_profile=pinned,
        time_zone=book.tenant.time_zone,
        created_at=values["started_at"],
        **{"quantity": 1} | values,
    )
    _bill(book, subscription, periods, pays or pinned)
    if by == BilledBy.US:
        subscription.next_billing_at = next_look(subscription)
    return subscription


def _on_trial(book: Book, price: Price, days: int) -> dict[str, Any]:
    start = book.now - timedelta(days=days)
    end = trial_end(start, book.tenant.time_zone, price.trial_days or 14)
    return {
        "started_at": start,
        "trial_end": end,
        "anchor_at": end,
        "current_period_start": start,
        "current_period_end": end,
    }


def _running(
    book: Book, customer: Customer, price: Price, until: datetime, days: int | None
) -> tuple[dict[str, Any], list[Period]]:
    """It has run for as long as its customer has been there; the last of its periods holds `until`."""
    chance, months = book.chance, period_months(price)
    span = (months_later(until, months) - until).days
    ago = days if days is not None else chance.randrange(1, span)
    start = until - timedelta(days=ago, minutes=chance.randrange(1, 600))
    past = max(0, min(LONGEST_PAST, (start - customer.created_at).days // (31 * months)))
    anchor = months_later(start, -months * past)
    periods = _periods(book, price, anchor, until)
    started = anchor - timedelta(days=price.trial_days)
    had_trial = price.trial_days > 0 and started > customer.created_at
    values = {
        "started_at": started if had_trial else anchor,
        "trial_end": anchor if had_trial else None,
        "anchor_at": anchor,
        "next_period": periods[-1].following,
        "current_period_start": periods[-1].start,
        "current_period_end": periods[-1].end,
    }
    return values, periods


def _periods(book: Book, price: Price, anchor: datetime, until: datetime) -> list[Period]:
    found: list[Period] = []
    while not found or found[-1].end <= until:
        number = found[-1].following if found else 0
        found.append(period(anchor, book.tenant.time_zone, price.interval, price.interval_count, number))
    return found


def _left(periods: list[Period], until: datetime) -> dict[str, Any]:
    """Cancelled where the period that was under way began; the one before it is the last that was billed. In the first
    period, at once."""
    last = periods.pop() if len(periods) > 1 else None
    return {
        "state": SubscriptionState.CANCELLED,
        "cancelled_at": last.start if last else until,
        "next_period": last.number if last else periods[-1].following,
        "current_period_start": periods[-1].start,
        "current_period_end": periods[-1].end,
    }


def _bill(book: Book, subscription: Subscription, periods: list[Period], pays: PaymentProfile | None) -> None:
    """One invoice for each period: paid, but what is past due, or has no method, owes the last."""
    owing = subscription.state in _OWING or subscription.cancel_reason == CancelReason.UNPAID
    kept = GATEWAY_INVOICES_KEPT if subscription.billed_by == BilledBy.GATEWAY else INVOICES_KEPT
    for found in periods[-kept:]:
        is_last = found is periods[-1]
        story = Story.OWING if is_last and (owing or pays is None) else Story.PAID
        if story == Story.PAID and not is_last and subscription.billed_by == BilledBy.US and pays is not None:
            story = Story.RECOVERED if book.chance.random() < 0.09 else story
        bill_period(book, subscription, found, story, pays)
