"""How documents write dates, periods, rates, payment methods and the law's sentences, in the active language."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_interval
from babel.numbers import format_decimal
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from subscriptions.models import TaxTreatment
from tenants.money import format_money

#: Member states, where a reverse charge rests on the directive:
#: https://eur-lex.europa.eu/legal-content/EN/TXT/?uri=CELEX:32006L0112
EUROPEAN_UNION = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
#: Where paper is Letter: https://www.unicode.org/cldr/charts/latest/supplemental/territory_information.html
LETTER_PAPER = frozenset("BZ CA CL CO CR GT MX NI PA PH PR SV US VE".split())  # noqa: SIM905


def locale_name() -> str:
    return to_locale(get_language() or "en")


def money(amount_minor: int, currency: str) -> str:
    return format_money(amount_minor, currency, locale_name())


def count(number: int) -> str:
    return format_decimal(number, locale=locale_name())


def day(moment: datetime, zone: str) -> str:
    """The date of a moment in a time zone, written out."""
    return format_date(moment.astimezone(ZoneInfo(zone)), "long", locale=locale_name())


def period(start: datetime | None, end: datetime | None, zone: str) -> str:
    """The days that a period covers, its last one included; "" where there is none."""
    if start is None or end is None:
        return ""
    first = start.astimezone(ZoneInfo(zone)).date()
    last = _last_day(first, end.astimezone(ZoneInfo(zone)).date())
    if first == last:
        return format_date(first, "long", locale=locale_name())
    return format_interval(first, last, "yMMMd", locale=locale_name())


def _last_day(first: date, end: date) -> date:
    return max(first, end - timedelta(days=1))


def paper_of(country: str) -> str:
    return "us-letter" if country in LETTER_PAPER else "a4"


def tax_note(treatment: str, country: str) -> str:
    """The sentence that the law wants where no tax, or not all of it, is charged; `country` is the recipient's."""
    if treatment == TaxTreatment.EXEMPT:
        return _("Tax exempt: the customer holds a tax exemption, so no tax is charged.")
    if treatment != TaxTreatment.REVERSE_CHARGE:
        return ""
    if country in EUROPEAN_UNION:
        return _("Reverse charge: VAT to be accounted for by the recipient (Art. 196 Directive 2006/112/EC).")
    return _("Reverse charge: tax to be accounted for by the recipient.")
