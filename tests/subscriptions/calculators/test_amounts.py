"""Lines, taxes, totals; how credit divides them; what a balance pays."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.calculators.amounts import (
    Amounts,
    Buyer,
    LineInput,
    Rate,
    applicable_rates,
    compute_amounts,
    round_tax,
    split_credit,
)
from subscriptions.calculators.balance import applied
from subscriptions.models import TaxTreatment

TODAY = date(2027, 3, 1)
BOOK, FILM = uuid4(), uuid4()
QUEBEC, FRANCE = Buyer("CA", "QC"), Buyer("FR")
GST = Rate("GST", Decimal(5), country="CA")
QST = Rate("QST", Decimal("9.975"), country="CA", region="QC")
QUEBEC_GST = Rate("GST", Decimal(7), country="CA", region="QC")
BEFORE = Rate("VAT", Decimal(20), valid_until=TODAY)
SINCE = Rate("VAT", Decimal(21), valid_from=TODAY)
HST = Rate("HST", Decimal(13), country="CA", region="ON")
VAT = Rate("VAT", Decimal(20), country="FR", reverse_charge=True)


def line(amount_minor: int, product: object = BOOK, quantity: int = 1) -> LineInput:
    return LineInput(product, quantity, amount_minor, TODAY)  # type: ignore[arg-type]


def computed(*lines: LineInput, rates: list[Rate], buyer: Buyer = QUEBEC, seller: str = "CA") -> Amounts:
    return compute_amounts(lines, rates, buyer=buyer, seller_country=seller)


@pytest.mark.parametrize(
    ("net", "percent", "tax"),
    [
        (10, "5", 1),  # 0.5 of a cent
        (9, "5", 0),
        (30, "5", 2),  # 1.5
        (-10, "5", -1),
        (1999, "9.975", 199),
        (10000, "9.975", 998),
        (1, "0.0001", 0),
        (500_000, "0.0001", 1),
        (0, "20", 0),
        (123456789012345, "20", 24691357802469),
    ],
)
def test_half_a_cent_of_tax_is_rounded_away_from_zero(net: int, percent: str, tax: int) -> None:
    assert round_tax(net, Decimal(percent)) == tax


@pytest.mark.parametrize(
    ("rates", "buyer", "product", "percents"),
    [
        ([GST, QST, HST], QUEBEC, BOOK, ["5", "9.975"]),
        ([GST, QST, HST], Buyer("CA", "qc"), BOOK, ["5", "9.975"]),
        ([GST, QST, HST], Buyer("CA", "ON"), BOOK, ["5", "13"]),
        ([GST, QST, HST], Buyer("CA"), BOOK, ["5"]),
        ([GST, QST, HST], Buyer("US", "QC"), BOOK, []),
        ([Rate("VAT", Decimal(20)), Rate("VAT", Decimal(21), country="FR")], FRANCE, BOOK, ["21"]),
        ([Rate("VAT", Decimal(20)), Rate("VAT", Decimal(21), country="FR")], Buyer("BE"), BOOK, ["20"]),
        (
            [
                Rate("VAT", Decimal(20), country="FR"),
                Rate("VAT", Decimal("8.5"), country="FR", region="974"),
            ],
            Buyer("FR", "974"),
            BOOK,
            ["8.5"],
        ),
        # The rate for the product goes before the one for the region.
        ([Rate("GST", Decimal(0), product_id=BOOK), QUEBEC_GST], QUEBEC, BOOK, ["0"]),
        ([Rate("GST", Decimal(0), product_id=BOOK), QUEBEC_GST], QUEBEC, FILM, ["7"]),
        ([BEFORE, SINCE], QUEBEC, BOOK, ["21"]),
        ([Rate("VAT", Decimal(20), valid_until=date(2027, 3, 2))], QUEBEC, BOOK, ["20"]),
        ([Rate("VAT", Decimal(20), valid_from=date(2027, 3, 2))], QUEBEC, BOOK, []),
        ([Rate("VAT", Decimal(20)), Rate("VAT", Decimal(22), valid_from=TODAY)], QUEBEC, BOOK, ["22"]),
    ],
)
def test_of_one_tax_the_rate_that_fits_best_is_charged(
    rates: list[Rate], buyer: Buyer, product: object, percents: list[str]
) -> None:
    for order in (rates, rates[::-1]):
        found = applicable_rates(order, buyer=buyer, product_id=product, on=TODAY)  # type: ignore[arg-type]
        assert [str(rate.percent) for rate in found] == percents


def test_a_tax_is_rounded_once_on_all_its_lines() -> None:
    amounts = computed(line(10), line(10), line(10), rates=[GST])
    assert (amounts.subtotal_minor, amounts.tax_minor, amounts.total_minor) == (30, 2, 32)
    assert [(tax.code, tax.taxable_minor) for tax in amounts.taxes] == [("GST", 30)]


def test_lines_with_another_rate_of_the_same_tax_are_another_tax() -> None:
    reduced = Rate("GST", Decimal(2), product_id=FILM)
    amounts = computed(line(1000), line(1000, FILM), rates=[GST, reduced])
    assert [(tax.percent, tax.tax_minor) for tax in amounts.taxes] == [(2, 20), (5, 50)]


@pytest.mark.parametrize(
    ("buyer", "seller", "tax", "treatment"),
    [
        (QUEBEC, "CA", 1498, TaxTreatment.STANDARD),
        (Buyer("CA", "QC", tax_exempt=True), "CA", 0, TaxTreatment.EXEMPT),
        (Buyer("CA", "QC", tax_exempt=True, has_vat_number=True), "FR", 0, TaxTreatment.EXEMPT),
        (FRANCE, "CA", 2000, TaxTreatment.STANDARD),
        (Buyer("FR", has_vat_number=True), "CA", 0, TaxTreatment.REVERSE_CHARGE),
        (Buyer("FR", has_vat_number=True), "FR", 2000, TaxTreatment.STANDARD),
        (Buyer("CA", "QC", has_vat_number=True), "FR", 1498, TaxTreatment.STANDARD),
        (Buyer("DE"), "CA", 0, TaxTreatment.STANDARD),
    ],
)
def test_who_is_taxed(buyer: Buyer, seller: str, tax: int, treatment: TaxTreatment) -> None:
    amounts = computed(line(10000), rates=[GST, QST, VAT], buyer=buyer, seller=seller)
    assert (amounts.tax_minor, amounts.treatment) == (tax, treatment)
    assert amounts.lines[0].tax_codes == tuple(tax.code for tax in amounts.taxes)


percents = st.decimals(0, 100, places=4)
some_rates = st.lists(
    st.builds(
        Rate,
        code=st.sampled_from(["A", "B", "C"]),
        percent=percents,
        country=st.sampled_from(["", "CA"]),
        region=st.sampled_from(["", "QC"]),
        product_id=st.sampled_from([None, BOOK]),
        reverse_charge=st.booleans(),
    ),
    max_size=6,
)
some_lines = st.lists(
    st.builds(
        LineInput,
        product_id=st.sampled_from([BOOK, FILM]),
        quantity=st.integers(1, 1000),
        unit_amount_minor=st.integers(0, 10**10),
        on=st.just(TODAY),
    ),
    min_size=1,
    max_size=6,
)
buyers = st.builds(
    Buyer,
    country=st.sampled_from(["CA", "FR"]),
    region=st.sampled_from(["", "QC"]),
    has_vat_number=st.booleans(),
    tax_exempt=st.booleans(),
)


@given(net=st.integers(0, 10**12), percent=st.decimals(0, 100, places=4), step=st.sampled_from([1, 10, 100]))
def test_a_tax_is_rounded_to_the_step_in_which_its_currency_is_charged(net: int, percent: Decimal, step: int) -> None:
    tax = round_tax(net * step, percent, step)
    assert tax % step == 0
    assert abs(tax - Fraction(net * step) * Fraction(percent) / 100) <= Fraction(step, 2)


@given(lines=some_lines, rates=some_rates, buyer=buyers)
def test_lines_and_taxes_sum_to_the_total_and_each_tax_is_right_to_half_a_unit(
    lines: list[LineInput], rates: list[Rate], buyer: Buyer
) -> None:
    amounts = compute_amounts(lines, rates, buyer=buyer, seller_country="CA")
    assert amounts.subtotal_minor == sum(one.quantity * one.unit_amount_minor for one in lines)
    assert amounts.total_minor == amounts.subtotal_minor + sum(tax.tax_minor for tax in amounts.taxes)
    for tax in amounts.taxes:
        exact = Fraction(tax.taxable_minor) * Fraction(tax.percent) / 100
        assert abs(tax.tax_minor - exact) <= Fraction(1, 2)
        assert 0 <= tax.taxable_minor <= amounts.subtotal_minor
    if buyer.tax_exempt:
        assert amounts.taxes == ()
    charged = [code for one in amounts.lines for code in one.tax_codes]
    assert set(charged) == {tax.code for tax in amounts.taxes}
    assert all(len(set(one.tax_codes)) == len(one.tax_codes) for one in amounts.lines)


@given(balance=st.integers(-(10**12), 10**12), total=st.integers(0, 10**12))
def test_neither_balance_nor_amount_due_is_below_zero_after_an_invoice(balance: int, total: int) -> None:
    taken = applied(balance, total)
    assert balance - taken >= 0
    assert total - taken >= 0
    assert taken == min(balance, total)


@given(balance=st.integers(0, 10**9), totals=st.lists(st.integers(0, 10**8), max_size=8))
def test_a_credit_is_spent_once_and_never_turns_into_a_debt(balance: int, totals: list[int]) -> None:
    left, spent = balance, 0
    for total in totals:
        taken = applied(left, total)
        assert 0 <= taken <= total
        left, spent = left - taken, spent + taken
    assert left >= 0
    assert spent + left == balance


@given(
    subtotal=st.integers(0, 10**8),
    taxes=st.lists(st.integers(0, 10**7), max_size=3),
    shares=st.lists(st.integers(0, 100), max_size=5),
)
def test_credits_take_each_part_apart_and_the_last_one_takes_the_rest(
    subtotal: int, taxes: list[int], shares: list[int]
) -> None:
    left, left_taxes = subtotal, list(taxes)
    for share in [*shares, 100]:
        whole = left + sum(left_taxes)
        amount = whole * share // 100
        split = split_credit(subtotal_minor=left, taxes=left_taxes, amount_minor=amount)
        assert split.subtotal_minor + split.tax_minor == amount
        for part, of in zip((split.subtotal_minor, *split.taxes), (left, *left_taxes), strict=True):
            assert 0 <= part <= of
            assert whole == 0 or abs(part - Fraction(of * amount, whole)) <= 1
        left -= split.subtotal_minor
        left_taxes = [of - part for of, part in zip(left_taxes, split.taxes, strict=True)]
    assert (left, sum(left_taxes)) == (0, 0)


@pytest.mark.parametrize("amount", [-1, 116])
def test_a_credit_beyond_the_whole_is_refused(amount: int) -> None:
    with pytest.raises(ValueError, match=str(amount)):
        split_credit(subtotal_minor=100, taxes=[15], amount_minor=amount)
