"""What is done to products, prices, subscriptions and invoices. Every function runs in the open scope."""

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from payments.models import PaymentProfile
from subscriptions import mails
from subscriptions.calculators.periods import boundary, trial_end
from subscriptions.errors import BillingError
from subscriptions.limits import (
    LARGEST_AMOUNT,
    LONGEST_INTERVALS,
    LONGEST_TRIAL_DAYS,
    check_can_pay,
    check_quantity,
    check_step,
    hold_customer,
    known_currency,
)
from subscriptions.models import (
    BilledBy,
    Interval,
    Invoice,
    InvoiceState,
    Price,
    Product,
    Subscription,
    SubscriptionState,
)
from subscriptions.settlement import mark_invoice_failed, mark_invoice_paid
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import Tenant
from tenants.numbers import next_number
from tenants.scope import current_tenant_id
from tenants.wake import wake

__all__ = [
    "create_invoice",
    "create_price",
    "create_product",
    "create_subscription",
    "mark_invoice_failed",
    "mark_invoice_paid",
]


def create_product(
    *,
    actor: Actor,
    name_en: str,
    name_fr: str = "",
    description_en: str = "",
    description_fr: str = "",
    gateway_id: str = "",
) -> Product:
    """Raises BillingError `name_missing`."""
    if not name_en.strip():
        message = _("A product needs a name.")
        raise BillingError("name_missing", message, {"name_en": message})
    product = Product.objects.create(
        name_en=name_en.strip(),
        name_fr=name_fr.strip(),
        description_en=description_en.strip(),
        description_fr=description_fr.strip(),
        gateway_id=gateway_id,
    )
    record(actor=actor, action="product.created", target=product, after={"name": product.name_en})
    return product


def create_price(
    *,
    actor: Actor,
    product: Product,
    amount_minor: int,
    currency: str,
    interval: str = Interval.MONTH,
    interval_count: int = 1,
    trial_days: int = 0,
    is_public: bool = False,
    gateway_id: str = "",
) -> Price:
    """`amount_minor` every `interval_count` intervals, or once. `is_public`: customers are offered it in their portal.

    Raises BillingError `bad_amount`, `bad_currency`, `bad_interval`, `bad_trial`.
    """
    if not 0 <= amount_minor <= LARGEST_AMOUNT:
        message = _("An amount cannot be negative.") if amount_minor < 0 else _("This amount is too large.")
        raise BillingError("bad_amount", message, {"amount": message})
    currency = known_currency(currency)
    check_step(amount_minor, currency)
    _check_interval(interval, interval_count, trial_days)
    price = Price.objects.create(
        product=product,
        amount_minor=amount_minor,
        currency=currency,
        interval=interval,
        interval_count=interval_count,
        trial_days=trial_days,
        is_public=is_public,
        gateway_id=gateway_id,
    )
    record(actor=actor, action="price.created", target=price, after={"price": str(price)})
    return price


def _check_interval(interval: str, count: int, trial_days: int) -> None:
    if interval not in Interval.values or count < 1 or trial_days < 0:
        message = _("Choose how often the price is charged.")
        raise BillingError("bad_interval", message, {"interval": message})
    if interval == Interval.ONE_TIME and (count > 1 or trial_days):
        message = _("What is bought once has neither periods nor a trial.")
        raise BillingError("bad_interval", message, {"interval": message})
    if count > LONGEST_INTERVALS.get(interval, 1):
        message = _("A period can last three years at most.")
        raise BillingError("bad_interval", message, {"interval_count": message})
    if trial_days > LONGEST_TRIAL_DAYS:
        message = _("A trial can last two years at most.")
        raise BillingError("bad_trial", message, {"trial_days": message})


def create_subscription(
    *,
    actor: Actor,
    customer: Customer,
    price: Price,
    quantity: int = 1,
    payment_profile: PaymentProfile | None = None,
    billed_by: str = BilledBy.US,
    gateway_id: str = "",
    started_at: datetime | None = None,
    trial_days: int | None = None,
) -> Subscription:
    """Start a subscription; its first period (its trial, if it has one) begins at `started_at`, else now. `trial_days`:
    None for those of the price.

    One of ours is billed in advance, by the billing run, on the calendar of the tenant's time zone.
    Raises BillingError `customer_deleted`, `price_inactive`, `one_time_price`, `bad_quantity`, `other_customer`,
    `profile_not_active`, `gateway_id_missing`.
    """
    hold_customer(customer)
    _check_sellable(price)
    check_quantity(price, quantity)
    if billed_by == BilledBy.GATEWAY and not gateway_id:
        raise BillingError("gateway_id_missing", _("A subscription billed by the gateway needs its ID there."))
    if payment_profile is not None:
        check_can_pay(customer, payment_profile)
    zone = Tenant.objects.get(pk=current_tenant_id()).time_zone
    start = started_at or timezone.now()
    free = price.trial_days if trial_days is None else trial_days
    trial = trial_end(start, zone, free) if free else None
    first_end = trial or boundary(start, zone, price.interval, price.interval_count, 1)
    subscription = Subscription.objects.create(
        number=next_number("subscription"),
        customer=customer,
        price=price,
        quantity=quantity,
        billed_by=billed_by,
        gateway_id=gateway_id,
        payment_profile=payment_profile,
        state=SubscriptionState.TRIALING if trial else SubscriptionState.ACTIVE,
        started_at=start,
        trial_end=trial,
        current_period_start=start,
        current_period_end=first_end,
        time_zone=zone,
        **(_billing_from(trial or start) if billed_by == BilledBy.US else {}),
    )
    after = {"price": str(price), "quantity": quantity, "billed_by": str(billed_by)}
    record(actor=actor, action="subscription.created", target=subscription, after=after)
    mails.tell_started(subscription)
    if subscription.next_billing_at is not None and subscription.next_billing_at <= timezone.now():
        wake("subscriptions.tasks.bill_tenant", current_tenant_id())
    return subscription


def _check_sellable(price: Price) -> None:
    if not price.is_active:
        raise BillingError("price_inactive", _("This price is no longer offered. Choose another one."))
    if not price.is_recurring:
        raise BillingError("one_time_price", _("This price is charged once. Sell it as a purchase instead."))


def _billing_from(anchor: datetime) -> dict[str, datetime]:
    """Periods are counted from there, and the billing run comes then."""
    return {"anchor_at": anchor, "next_billing_at": anchor}


def create_invoice(
    *,
    actor: Actor,
    customer: Customer,
    total_minor: int,
    currency: str,
    subscription: Subscription | None = None,
    issued_at: datetime | None = None,
    due_at: datetime | None = None,
    period_start: datetime | None = None,
    period_end: datetime | None = None,
    gateway_id: str = "",
    state: str = InvoiceState.OPEN,
) -> Invoice:
    """Bill a customer. An invoice is due when issued unless told otherwise.

    Raises BillingError `bad_amount`, `bad_currency`.
    """
    if total_minor < 0:
        message = _("An amount cannot be negative.")
        raise BillingError("bad_amount", message, {"amount": message})
    issued = issued_at or timezone.now()
    invoice = Invoice.objects.create(
        number=next_number("invoice"),
        customer=customer,
        subscription=subscription,
        state=state,
        subtotal_minor=total_minor,
        total_minor=total_minor,
        currency=known_currency(currency),
        issued_at=issued,
        due_at=due_at or issued,
        period_start=period_start,
        period_end=period_end,
        gateway_id=gateway_id,
    )
    after = {"total_minor": total_minor, "currency": invoice.currency, "state": str(state)}
    record(actor=actor, action="invoice.created", target=invoice, after=after)
    return invoice
