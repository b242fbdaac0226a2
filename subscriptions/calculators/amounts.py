"""What an invoice comes to: lines, taxes, totals, and how a credit divides them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from subscriptions.models.invoices import TaxTreatment

#: A rate has at most four decimals (TaxRate.percent): this many parts make a whole.
_PARTS = 100 * 10**4


@dataclass(frozen=True)
class Rate:
    """A tax rate as `TaxRate` keeps it; empty `country`, `region` and no `product_id` mean all of them."""

    code: str
    percent: Decimal
    name_en: str = ""
    name_fr: str = ""
    country: str = ""
    region: str = ""
    product_id: UUID | None = None
    reverse_charge: bool = False
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True)
class Buyer:
    """Where a customer is taxed, and how: the billing address's country and region."""

    country: str
    region: str = ""
    has_vat_number: bool = False
    tax_exempt: bool = False


@dataclass(frozen=True)
class LineInput:
    """`quantity` x `unit_amount_minor` of a product; `on` is the local date whose tax rates hold."""

    product_id: UUID | None
    quantity: int
    unit_amount_minor: int
    on: date


@dataclass(frozen=True)
class LineAmount:
    """Before tax; `tax_codes` are those charged on it."""

    amount_minor: int
    tax_codes: tuple[str, ...]


@dataclass(frozen=True)
class TaxAmount:
    """One tax of an invoice, rounded once on `taxable_minor`."""

    code: str
    name_en: str
    name_fr: str
    percent: Decimal
    taxable_minor: int
    tax_minor: int


@dataclass(frozen=True)
class Amounts:
    """`total_minor` = `subtotal_minor` + `tax_minor`, the sums of lines and taxes."""

    lines: tuple[LineAmount, ...]
    taxes: tuple[TaxAmount, ...]
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    treatment: TaxTreatment


def round_tax(taxable_minor: int, percent: Decimal, step: int = 1) -> int:
    """`percent` of the amount to the nearest `step` of minor units, half away from zero."""
    parts, whole = abs(taxable_minor) * int(percent.scaleb(4)), _PARTS * step
    rounded = (2 * parts + whole) // (2 * whole) * step
    return rounded if taxable_minor >= 0 else -rounded


def applicable_rates(rates: Iterable[Rate], *, buyer: Buyer, product_id: UUID | None, on: date) -> list[Rate]:
    """The rates that hold for this product there on that day, one for each code, by code.

    Of one code, the rate for the product goes before the one for all products, then the one for the region before the
    one for the country, before the one for every country; then the one that began last.
    """
    chosen: dict[str, Rate] = {}
    for rate in rates:
        if not _holds(rate, buyer, product_id, on):
            continue
        other = chosen.get(rate.code)
        if other is None or _precedence(rate) > _precedence(other):
            chosen[rate.code] = rate
    return [chosen[code] for code in sorted(chosen)]


def _holds(rate: Rate, buyer: Buyer, product_id: UUID | None, on: date) -> bool:
    return (
        rate.product_id in (None, product_id)
        and rate.country in ("", buyer.country)
        and (not rate.region or rate.region.casefold() == buyer.region.casefold())
        and (rate.valid_from is None or rate.valid_from <= on)
        and (rate.valid_until is None or on < rate.valid_until)
    )


def _precedence(rate: Rate) -> tuple[bool, bool, bool, date]:
    return rate.product_id is not None, bool(rate.region), bool(rate.country), rate.valid_from or date.min


def compute_amounts(
    lines: Sequence[LineInput], rates: Sequence[Rate], *, buyer: Buyer, seller_country: str, step: int = 1
) -> Amounts:
    """Lines, taxes and totals. A tax is rounded once, on the sum of the lines that it is due on, to the `step` of minor
    units in which the currency is charged (tenants.money.step_of).

    An exempt buyer is charged no tax at all. A rate with reverse charge is not charged to a buyer with a VAT number in
    another country than the seller's.
    """
    reverses = buyer.has_vat_number and buyer.country != seller_country
    treatment = TaxTreatment.EXEMPT if buyer.tax_exempt else TaxTreatment.STANDARD
    priced: list[LineAmount] = []
    taxable: dict[Rate, int] = {}
    for line in lines:
        amount = line.quantity * line.unit_amount_minor
        found = [] if buyer.tax_exempt else applicable_rates(rates, buyer=buyer, product_id=line.product_id, on=line.on)
        charged = [rate for rate in found if not (rate.reverse_charge and reverses)]
        if len(charged) < len(found):
            treatment = TaxTreatment.REVERSE_CHARGE
        for rate in charged:
            taxable[rate] = taxable.get(rate, 0) + amount
        priced.append(LineAmount(amount, tuple(rate.code for rate in charged)))
    taxes = _taxes(taxable, step)
    subtotal, tax = sum(line.amount_minor for line in priced), sum(tax.tax_minor for tax in taxes)
    return Amounts(tuple(priced), taxes, subtotal, tax, subtotal + tax, treatment)


def _taxes(taxable: dict[Rate, int], step: int) -> tuple[TaxAmount, ...]:
    """One for each code and percentage: rates that differ only in whom they are for are one tax."""
    sums: dict[tuple[str, Decimal], tuple[Rate, int]] = {}
    for rate, amount in taxable.items():
        first, so_far = sums.get((rate.code, rate.percent), (rate, 0))
        sums[rate.code, rate.percent] = first, so_far + amount
    return tuple(
        TaxAmount(code, rate.name_en, rate.name_fr, percent, amount, round_tax(amount, percent, step))
        for (code, percent), (rate, amount) in sorted(sums.items(), key=lambda item: item[0])
    )


@dataclass(frozen=True)
class CreditSplit:
    """How much of a credit is net, and how much of each tax, in the order given."""

    subtotal_minor: int
    taxes: tuple[int, ...]

    @property
    def tax_minor(self) -> int:
        return sum(self.taxes)


def split_credit(*, subtotal_minor: int, taxes: Sequence[int], amount_minor: int) -> CreditSplit:
    """Divide a credit as the invoice is divided. Give what is left of an invoice that was credited before: then no
    part is ever credited beyond what it was, and the last credit takes exactly the rest.

    The parts sum to `amount_minor`; each is within a minor unit of its share. Raises ValueError for an amount below
    zero or above the whole.
    """
    total = subtotal_minor + sum(taxes)
    if not 0 <= amount_minor <= total:
        raise ValueError(amount_minor)
    if total == 0:
        return CreditSplit(0, tuple(0 for _ in taxes))
    parts, so_far, given = [], 0, 0
    for tax in taxes:
        so_far += tax
        until_here = (2 * so_far * amount_minor + total) // (2 * total)
        parts.append(until_here - given)
        given = until_here
    return CreditSplit(amount_minor - given, tuple(parts))
