import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.money import THREE_DECIMAL, ZERO_DECIMAL, format_money, format_money_briefly, minor_digits, to_major

NARROW, PLAIN = "\u202f", "\u00a0"


@pytest.mark.parametrize(
    ("amount_minor", "currency", "locale", "shown"),
    [
        (1999, "CAD", "en", "CA$19.99"),
        (1999, "CAD", "en_CA", "$19.99"),
        (129900, "USD", "en", "$1,299.00"),
        (-500, "EUR", "en", "-€5.00"),
        (12800, "JPY", "en", "¥12,800"),
        (1234, "KWD", "en", f"KWD{PLAIN}1.234"),
        (100, "ISK", "en", f"ISK{PLAIN}1.00"),
        (129900, "EUR", "fr", f"1{NARROW}299,00{PLAIN}€"),
        (12800, "JPY", "fr", f"12{NARROW}800{PLAIN}JPY"),
        (5, "USD", "tlh", "$0.05"),
    ],
)
def test_writes_money_as_the_language_does(amount_minor: int, currency: str, locale: str, shown: str) -> None:
    assert format_money(amount_minor, currency, locale) == shown


@pytest.mark.parametrize(
    ("amount_minor", "currency", "locale", "shown"),
    [
        (0, "CAD", "en", "CA$0"),
        (50, "CAD", "en", "CA$0.50"),
        (160000, "CAD", "en", "CA$1,600"),
        (200000, "CAD", "en", "CA$2,000"),
        (1000000, "USD", "en", "$10,000"),
        (10000, "JPY", "en", "¥10,000"),
        (10000000, "KWD", "en", f"KWD{PLAIN}10,000"),
        (200000, "CAD", "fr", f"2{NARROW}000{PLAIN}$CA"),
        (125000000, "CAD", "en", "CA$1.25M"),
        (125000000, "CAD", "fr", f"1,25{PLAIN}M{PLAIN}$CA"),
        (-300000000, "USD", "en", "-$3M"),
    ],
)
def test_an_axis_tells_money_briefly(amount_minor: int, currency: str, locale: str, shown: str) -> None:
    assert format_money_briefly(amount_minor, currency, locale) == shown


def test_one_currency_does_not_change_how_the_next_is_written() -> None:
    assert [format_money(100, code, "en") for code in ("JPY", "USD", "JPY")] == ["¥100", "$1.00", "¥100"]


@given(st.integers(-(10**12), 10**12), st.sampled_from([*ZERO_DECIMAL, *THREE_DECIMAL, "USD", "EUR"]))
def test_a_major_amount_leads_back_to_the_minor_one(amount_minor: int, currency: str) -> None:
    assert to_major(amount_minor, currency) * 10 ** minor_digits(currency) == amount_minor
