"""What messages are written with: values as plain words, in the reader's language and the tenant's zone."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from babel.dates import format_date, format_time, get_timezone_name
from django import template
from django.utils import timezone
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from tenants.models import MethodKind
from tenants.templatetags.ui import CARD_BRANDS

register = template.Library()


def _locale() -> str:
    return to_locale(get_language() or "en")


@register.filter
def moment(value: dt.datetime) -> str:
    """A time in full: "Tuesday, November 24, 2026 at 3:00 PM (EST)"."""
    local = timezone.localtime(value)
    return _("%(date)s at %(time)s (%(zone)s)") % {
        "date": format_date(local, "full", locale=_locale()),
        "time": format_time(local, "short", locale=_locale()),
        "zone": _zone(local),
    }


def _zone(local: dt.datetime) -> str:
    """EST where the language has such letters for the zone, else in full: "heure normale d’Europe centrale"."""
    short = get_timezone_name(local, width="short", locale=_locale())
    return short if short.isalpha() else get_timezone_name(local, width="long", locale=_locale())


@register.filter
def long_day(value: dt.datetime | dt.date) -> str:
    """A day in full: "November 24, 2026"."""
    local = timezone.localtime(value) if isinstance(value, dt.datetime) else value
    return format_date(local, "long", locale=_locale())


@register.filter
def clock_time(value: dt.datetime) -> str:
    """Only the time of day, for what ends within minutes: "3:10 PM (EST)"."""
    local = timezone.localtime(value)
    return f"{format_time(local, 'short', locale=_locale())} ({_zone(local)})"


@register.filter
def short_moment(value: dt.datetime) -> str:
    """A time for a text message: "Nov 24, 3:00 PM"."""
    local = timezone.localtime(value)
    day = format_date(local, "d MMM" if _locale().startswith("fr") else "MMM d", locale=_locale())
    return f"{day}, {format_time(local, 'short', locale=_locale())}"


@register.filter
def method_words(method: Any) -> str:
    """A payment method by brand and last four digits: "Visa ending in 4242"; a bank account by its bank."""
    if not method:
        return ""
    kind = method.get("kind", "") if isinstance(method, Mapping) else getattr(method, "kind", "")
    if kind and kind != MethodKind.CARD:
        return _("%(bank)s account ending in %(last4)s") % {
            "bank": _of(method, "brand") or _("Bank"),
            "last4": _of(method, "last4"),
        }
    return _("%(brand)s ending in %(last4)s") % {
        "brand": brand_name(_of(method, "brand")),
        "last4": _of(method, "last4"),
    }


@register.filter
def brand_name(brand: str) -> str:
    return CARD_BRANDS.get(brand) or _("Card")


@register.filter
def done_of_kind(steps: Iterable[Any], kind: str) -> list[Any]:
    """The steps of one kind that were carried out."""
    return [step for step in steps if step.kind == kind and step.state == "done"]


def _of(method: Any, name: str) -> str:
    return str(method[name] if isinstance(method, Mapping) else getattr(method, name))


def every(interval: str, count: int) -> str:
    """How often a price is charged: "every month", "every 3 months"; empty for once."""
    if interval == "day":
        return ngettext("every day", "every %(count)s days", count) % {"count": count}
    if interval == "week":
        return ngettext("every week", "every %(count)s weeks", count) % {"count": count}
    if interval == "month":
        return ngettext("every month", "every %(count)s months", count) % {"count": count}
    if interval == "year":
        return ngettext("every year", "every %(count)s years", count) % {"count": count}
    return ""
