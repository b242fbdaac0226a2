"""Subscriptions and the invoices that they have led to."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from backoffice.demo.book import Book
from backoffice.demo.cards import at_gateway, months_later
from backoffice.demo.catalogue import DemoTenant
from backoffice.demo.ids import gateway_id
from customers.models import Address, Customer
from payments.models import PaymentProfile
from subscriptions.models import BilledBy, Interval, Invoice, InvoiceState, Price, Subscription, SubscriptionState
from tenants.numbers import next_number

DUE_AFTER = timedelta(days=7)
INVOICES_KEPT = 3


def period_months(price: Price) -> int:
    return price.interval_count * (12 if price.interval == Interval.YEAR else 1)


def total_with_tax(amount_minor: int, customer: Customer, tenant: DemoTenant, book: Book) -> int:
    """Minor units; the tenant's own country pays its tax, nobody exempt does."""
    address = next(row for row in book.of(Address) if row.customer_id == customer.pk)
    if customer.tax_exempt or str(address.country) != tenant.settings["country"]:
        return amount_minor
    rate = 1 + tenant.tax_percent / 100
    return int((Decimal(amount_minor) * rate).quantize(Decimal(1), ROUND_HALF_UP))


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
    **more: Any,
) -> Subscription:
    """A subscription with its last invoices. `pays` is the profile that has paid so far: the pinned one, if any."""
    chance = book.chance
    months = period_months(price)
    span = (months_later(book.now, months) - book.now).days
    ago = period_began_days_ago if period_began_days_ago is not None else chance.randrange(1, span)
    start = book.now - timedelta(days=ago, minutes=chance.randrange(1, 600))
    past = max(0, min(30, (start - customer.created_at).days // (30 * months)))
    trial_end = None
    if state == SubscriptionState.TRIALING:
        start, past = book.now - timedelta(days=ago), 0
        trial_end = start + timedelta(days=price.trial_days or 14)
    number = next_number("subscription")
    billed_there = by == BilledBy.GATEWAY
    if billed_there:
        at_gateway(book, customer)
    started = months_later(start, -months * past)
    values: dict[str, Any] = {
        "number": number,
        "customer": customer,
        "price": price,
        "quantity": 1,
        "billed_by": by,
        "state": state,
        "gateway_id": gateway_id("sub", tenant.slug, number) if billed_there else "",
        "payment_profile": pinned,
        "started_at": started,
        "trial_end": trial_end,
        "current_period_start": start,
        "current_period_end": trial_end or months_later(start, months),
        "created_at": started,
    }
    subscription = book.add(Subscription, **values | more)
    if state != SubscriptionState.TRIALING:
        add_invoices(book, tenant, subscription, pays or pinned, start, periods=min(past + 1, INVOICES_KEPT))
    return subscription


def add_invoices(
    book: Book,
    tenant: DemoTenant,
    subscription: Subscription,
    pays: PaymentProfile | None,
    latest: datetime,
    *,
    periods: int,
) -> None:
    """One per period up to the one begun at `latest`: paid, but what is past due, or has no method, owes the last."""
    owing = subscription.state in (SubscriptionState.PAST_DUE, SubscriptionState.UNPAID)
    months = period_months(subscription.price)
    for back in reversed(range(periods)):
        start = months_later(latest, -months * back)
        end = months_later(start, months)
        if back == 0 and (owing or pays is None):
            add_invoice(book, tenant, subscription, start, end, tried=pays, attempts=3 if owing else 0)
        else:
            add_invoice(book, tenant, subscription, start, end, tried=pays, is_paid=True)


def add_invoice(
    book: Book,
    tenant: DemoTenant,
    subscription: Subscription,
    start: datetime,
    end: datetime,
    *,
    tried: PaymentProfile | None = None,
    is_paid: bool = False,
    attempts: int = 1,
) -> Invoice:
    """Paid on its first day with the profile `tried`, or by other means; else open after `attempts` failed tries."""
    number = next_number("invoice")
    there = subscription.billed_by == BilledBy.GATEWAY
    return book.add(
        Invoice,
        number=number,
        customer=subscription.customer,
        subscription=subscription,
        state=InvoiceState.PAID if is_paid else InvoiceState.OPEN,
        total_minor=total_with_tax(subscription.amount_minor, subscription.customer, tenant, book),
        currency=subscription.price.currency,
        issued_at=start,
        due_at=start + DUE_AFTER,
        period_start=start,
        period_end=end,
        payment_profile=tried,
        gateway_id=gateway_id("in", tenant.slug, number) if there else "",
        attempts=attempts,
        last_error_code="insufficient_funds" if tried and attempts and not is_paid else "",
        paid_at=start + timedelta(minutes=3) if is_paid else None,
        created_at=start,
    )
