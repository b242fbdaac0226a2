"""Payment methods on file, and which of the gateway's test cards stands behind each."""

from datetime import datetime, timedelta
from typing import Any

from backoffice.demo.book import Book
from backoffice.demo.ids import gateway_id
from customers.models import Address, Customer
from payments.models import GatewayCustomer, PaymentProfile, ProfileState
from payments.profiles import VANISHED
from tenants.models import MethodKind

#: https://docs.stripe.com/testing: cards by brand, and the one that can be saved but never charged.
TEST_CARDS = {
    "visa": "4242424242424242",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "jcb": "3566002020360505",
}
DECLINING_CARD = "4000000000000341"
#: https://docs.stripe.com/testing#non-card-payments: accounts whose debits succeed.
TEST_ACCOUNTS = {
    MethodKind.SEPA_DEBIT: {"iban": "FR1420041010050500013M02606"},
    MethodKind.US_BANK_ACCOUNT: {"account_number": "000123456789"},
}
US_BANKS = ["Prairie First Bank", "Harbor Savings", "Cedar Credit Union"]
_BRANDS = ["visa"] * 10 + ["mastercard"] * 7 + ["amex"] * 2 + ["discover"]

#: Months from now until a card's last valid month.
VALID, EXPIRING, EXPIRED = (5, 55), (0, 0), (-9, -1)


def months_later(moment: datetime, months: int) -> datetime:
    """The same day and hour `months` later, or on the month's last day."""
    month = moment.month - 1 + months
    year, month = moment.year + month // 12, month % 12 + 1
    for day in (moment.day, 30, 29, 28):
        try:
            return moment.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    raise AssertionError(moment)


def at_gateway(book: Book, customer: Customer) -> GatewayCustomer:
    """The customer's record at the gateway, made when it is first needed."""
    known = next((row for row in book.of(GatewayCustomer) if row.customer_id == customer.pk), None)
    return known or book.add(
        GatewayCustomer, customer=customer, gateway_id=gateway_id("cus", customer.tenant_id, customer.number)
    )


def add_card(
    book: Book,
    customer: Customer,
    *,
    expires: tuple[int, int] = VALID,
    default: bool = False,
    brand: str = "",
    last4: str = "",
    state: ProfileState = ProfileState.ACTIVE,
    **more: Any,
) -> PaymentProfile:
    """A card of the customer; `expires` bounds the months until its last valid one."""
    at_gateway(book, customer)
    chance = book.chance
    nth = sum(row.customer_id == customer.pk for row in book.of(PaymentProfile))
    key = (customer.tenant_id, customer.number, nth)
    last = months_later(book.now, chance.randint(*expires))
    age = (book.now - customer.created_at).days
    values: dict[str, Any] = {
        "customer": customer,
        "gateway_id": gateway_id("pm", *key),
        "fingerprint": gateway_id("", *key)[1:17],
        "brand": brand or chance.choice(_BRANDS),
        "last4": last4 or f"{chance.randrange(10000):04d}",
        "exp_month": last.month,
        "exp_year": last.year,
        "holder_name": customer.name,
        "billing_address": _written(book.billing_address(customer)),
        "state": state,
        "is_default": default,
        "created_at": customer.created_at + timedelta(days=age // 3 * min(nth, 2), minutes=7),
    }
    if state == ProfileState.DISABLED:
        values |= {"disabled_reason": VANISHED, "is_default": False}
    return book.add(PaymentProfile, **values | more)


def add_debit(book: Book, customer: Customer, kind: MethodKind) -> PaymentProfile:
    """A verified bank account that pays by default; what a card has and it has not stays empty."""
    account = add_card(book, customer, default=True, kind=kind, exp_month=None, exp_year=None)
    account.brand = book.chance.choice(US_BANKS) if kind == MethodKind.US_BANK_ACCOUNT else ""
    return account


def _written(address: Address) -> dict[str, str]:
    """The parts that there are, as profiles keep them."""
    parts = {
        name: str(getattr(address, name)) for name in ("line1", "line2", "city", "region", "postal_code", "country")
    }
    return {name: value for name, value in parts.items() if value}
