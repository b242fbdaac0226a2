"""What a price, a quantity and an amount may be, and to whom something can be sold."""

from babel.numbers import list_currencies
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from customers.locking import lock_row
from customers.models import Customer
from payments.models import PaymentProfile, ProfileState
from subscriptions.errors import BillingError, BuyerDeleted
from subscriptions.models import Price
from tenants.money import format_money, step_of

#: The gateway takes at most twelve digits, in any currency: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
LARGEST_AMOUNT = 999_999_999_999
#: The longest period at the gateway is three years: https://docs.stripe.com/api/prices/create#create_price-recurring
LONGEST_INTERVALS = {"day": 1096, "week": 156, "month": 36, "year": 3}
LONGEST_TRIAL_DAYS = 730


def known_currency(currency: str) -> str:
    """The ISO 4217 code in capitals. Raises BillingError `bad_currency`."""
    currency = currency.strip().upper()
    if currency not in list_currencies():
        message = _("This is not a currency's code, such as CAD.")
        raise BillingError("bad_currency", message, {"currency": message})
    return currency


def check_step(amount_minor: int, currency: str) -> None:
    """Refuse an amount that the gateway does not take in that currency. Raises BillingError `bad_amount`."""
    step = step_of(currency)
    if amount_minor % step:
        told = format_money(step, currency, to_locale(get_language() or "en"))
        message = _("The payment gateway takes %(currency)s in steps of %(step)s.") % {
            "currency": currency,
            "step": told,
        }
        raise BillingError("bad_amount", message, {"amount": message})


def check_quantity(price: Price, quantity: int) -> None:
    """Raises BillingError `bad_quantity`."""
    if quantity < 1:
        message = _("The quantity must be at least 1.")
        raise BillingError("bad_quantity", message, {"quantity": message})
    if price.amount_minor * quantity > LARGEST_AMOUNT or quantity > 2**31 - 1:
        message = _("The quantity is too large for this price.")
        raise BillingError("bad_quantity", message, {"quantity": message})


def check_can_pay(customer: Customer, profile: PaymentProfile) -> None:
    """Raises BillingError `other_customer`, `profile_not_active`."""
    if profile.customer_id != customer.pk:
        raise BillingError("other_customer", _("This payment method belongs to another customer."))
    if profile.state != ProfileState.ACTIVE:
        raise BillingError(
            "profile_not_active", _("This payment method cannot be charged any more. Choose another one.")
        )


def hold_customer(customer: Customer, *, alone: bool = False) -> None:
    """Keep the customer from being deleted until the transaction ends; a deletion that was quicker is waited for.

    Those who hold the customer do so at once, or, `alone`, one after the other. Call it before anything else is locked.
    Raises BuyerDeleted, a BillingError `customer_deleted`.
    """
    if not lock_row(customer.pk, "NO KEY UPDATE" if alone else "KEY SHARE"):
        raise BuyerDeleted


def hold_customer_at_once(customer: Customer) -> bool:
    """Hold the customer alone, unless that means to wait; whether it does. For those who have locked something else."""
    return lock_row(customer.pk, "NO KEY UPDATE SKIP LOCKED")
