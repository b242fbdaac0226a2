"""Money as people read it. Amounts are integers in the currency's minor unit, as the gateway counts them."""

import re
from copy import copy
from decimal import Decimal

from babel import Locale
from babel.core import UnknownLocaleError
from babel.numbers import format_compact_currency

#: Currencies that the gateway counts in whole units: https://docs.stripe.com/currencies#zero-decimal
ZERO_DECIMAL = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
#: Currencies that the gateway counts in thousandths: https://docs.stripe.com/currencies#three-decimal
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

#: Currencies whose amounts the gateway takes in steps of so many minor units only: thousandths to the nearest ten
#: (https://docs.stripe.com/currencies#three-decimal), and whole units of two that are counted with two decimals all the
#: same (https://docs.stripe.com/currencies#special-cases).
_STEPS = dict.fromkeys(THREE_DECIMAL, 10) | {"ISK": 100, "UGX": 100}

_MILLION = 1_000_000

#: A currency's code keeps apart from its digits: https://www.unicode.org/reports/tr35/tr35-numbers.html#Currencies
LETTER_THEN_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")


def minor_digits(currency: str) -> int:
    """How many decimals an amount in this currency has: 0, 2 or 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step_of(currency: str) -> int:
    """Every amount in this currency is a multiple of so many minor units."""
    return _STEPS.get(currency, 1)


def to_major(amount_minor: int, currency: str) -> Decimal:
    """1999, "CAD" -> Decimal("19.99")."""
    return Decimal(amount_minor).scaleb(-minor_digits(currency))


def format_money(amount_minor: int, currency: str, locale: str) -> str:
    """The amount with its currency as the locale writes it; 1999, "CAD", "en" -> "CA$19.99".

    The decimals follow the gateway's minor unit, not the locale's data, which rounds some currencies to whole units.
    """
    return _written(to_major(amount_minor, currency), currency, locale, minor_digits(currency))


def format_money_briefly(amount_minor: int, currency: str, locale: str) -> str:
    """For the axis of a picture: no decimals where they say nothing, and millions in short; "CA$2,000", "CA$1.25M"."""
    amount = to_major(amount_minor, currency)
    if abs(amount) >= _MILLION:
        known = _locale(locale)
        text = format_compact_currency(amount, currency, locale=known, fraction_digits=2)
        return LETTER_THEN_DIGIT.sub("\u00a0", text)
    return _written(amount, currency, locale, 0 if amount == amount.to_integral_value() else minor_digits(currency))


def _written(amount: Decimal, currency: str, locale: str, digits: int) -> str:
    known = _locale(locale)
    pattern = copy(known.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    text = pattern.apply(amount, known, currency=currency, currency_digits=False)
    return LETTER_THEN_DIGIT.sub("\u00a0", text)


def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name, sep="-" if "-" in name else "_")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
