"""What will be billed, before it is: by what makes the invoices."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from customers.models import Customer
from subscriptions.balance import balances
from subscriptions.billing.issue import Sale, Taxation
from subscriptions.billing.transitions import next_to_bill
from subscriptions.calculators.amounts import Amounts
from subscriptions.calculators.balance import applied
from subscriptions.calculators.periods import boundary, trial_end
from subscriptions.models import BILLED_STATES, BilledBy, Price, Subscription
from tenants.models import Tenant

#: Periods that a start in the past may leave to be billed at once; it is a year at most.
MOST_CATCH_UP = 400


@dataclass(frozen=True)
class NextInvoice:
    """What the next invoice comes to as things stand. `balance_minor` of the customer's credit pays part of it."""

    at: datetime
    amounts: Amounts
    balance_minor: int
    currency: str

    @property
    def due_minor(self) -> int:
        return self.amounts.total_minor - self.balance_minor

    @property
    def credit_minor(self) -> int:
        """The balance as a line of the invoice: below zero where it takes off."""
        return -self.balance_minor


def next_invoice(subscription: Subscription, tenant: Tenant, *, quantity: int | None = None) -> NextInvoice | None:
    """The subscription's next one, of another quantity if given; None where no invoice of ours is to come."""
    if (
        subscription.billed_by != BilledBy.US
        or subscription.state not in BILLED_STATES
        or subscription.cancel_at_period_end
        or not subscription.price.is_recurring
    ):
        return None
    period = next_to_bill(subscription)
    sale = Sale(subscription.customer, subscription.price, quantity or subscription.quantity, subscription, period)
    return _priced(sale, tenant, period.start)


def invoice_at(customer: Customer, tenant: Tenant, price: Price, quantity: int, at: datetime) -> NextInvoice:
    """The invoice for a quantity of one price, issued at that moment."""
    return _priced(Sale(customer, price, quantity), tenant, at)


def _priced(sale: Sale, tenant: Tenant, at: datetime) -> NextInvoice:
    amounts = Taxation(tenant, [sale.customer.pk]).amounts(sale, at)
    credit = balances(sale.customer).get(sale.price.currency, 0)
    return NextInvoice(at, amounts, applied(credit, amounts.total_minor), sale.price.currency)


@dataclass(frozen=True)
class Start:
    """How a new subscription begins: its trial, its first charge, and how many periods are billed at once."""

    trial_end: datetime | None
    first_charge: datetime
    at_once: int


def starting(price: Price, start: datetime, zone: str) -> Start:
    """As `create_subscription` and the billing run will have it."""
    now = timezone.now()
    end = trial_end(start, zone, price.trial_days) if price.trial_days else None
    anchor, at_once = end or start, 0
    while at_once < MOST_CATCH_UP and boundary(anchor, zone, price.interval, price.interval_count, at_once) <= now:
        at_once += 1
    return Start(end, anchor, at_once)
