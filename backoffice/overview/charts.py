"""The dashboard's pictures, as SVG. Each shows what the table beside it says."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import dist
from typing import Any

import pygal
from django.utils import formats
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _
from pygal.style import Style

from subscriptions.metrics import Aged, Churn, Month, Phase, Recovered, Standing
from subscriptions.models import PaidThrough
from tenants.colour import palette
from tenants.models import Tenant
from tenants.money import format_money_briefly, minor_digits

#: Settings for a script of pygal's, which the picture does without.
_SCRIPT = re.compile(rb"<script.*?</script>", re.DOTALL)
#: Width and height, for a wide page and for a phone.
WIDE, NARROW = (720, 300), (380, 260)
#: What a row of a legend takes.
LEGEND_ROW = 22
#: As many letters of a legend's word fit beside another on a narrow picture.
NARROW_WORD = 16
#: A distance between two colours, each channel 0 to 255, below which their pieces of a bar run together.
TOO_ALIKE = 85


@dataclass(frozen=True)
class Theme:
    """Colours of a picture on the page's surface: `own` is the tenant's, the others mean what they mean elsewhere."""

    own: str
    ink: str
    line: str
    good: str
    new: str
    warn: str
    bad: str
    quiet: str
    others: tuple[str, ...]
    is_narrow: bool = False


def theme_of(tenant: Tenant, *, dark: bool = False, narrow: bool = False) -> Theme:
    own = palette(tenant.primary_colour, dark=dark).accent
    if dark:
        others = ("#6cbcf5", "#57cf94", "#f3b562", "#c79bff", "#ff8a8f", "#8f96a4", "#7fe0d6")
        return Theme(own, "#a2a9b6", "#292c34", "#57cf94", "#6cbcf5", "#f3b562", "#ff8a8f", "#5a616d", others, narrow)
    others = ("#0b64a8", "#157347", "#b86a00", "#7a3fc4", "#c02631", "#8b93a1", "#0f8a80")
    return Theme(own, "#596070", "#e6e8ec", "#157347", "#0b64a8", "#b86a00", "#c02631", "#b3b9c4", others, narrow)


def unlike(own: str, others: Sequence[str]) -> list[str]:
    """The colours in their order, those last that the eye would take for the tenant's own."""
    return sorted(others, key=lambda colour: _distance(own, colour) < TOO_ALIKE)


def _distance(one: str, other: str) -> float:
    return dist(*(tuple(bytes.fromhex(colour.removeprefix("#"))) for colour in (one, other)))


def _style(theme: Theme, colours: Sequence[str], opacity: str) -> Style:
    fonts = "'Inter Variable', Inter, system-ui, 'Segoe UI', Roboto, sans-serif"
    return Style(
        background="transparent",
        plot_background="transparent",
        foreground=theme.ink,
        foreground_strong=theme.ink,
        foreground_subtle=theme.line,
        guide_stroke_color=theme.line,
        major_guide_stroke_color=theme.line,
        guide_stroke_dasharray="0",
        major_guide_stroke_dasharray="0",
        colors=tuple(colours),
        opacity=opacity,
        font_family=fonts,
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=13,
        no_data_font_size=18,
        transition="0s",
    )


def _options(
    theme: Theme, colours: Sequence[str], format_value: Callable[[Any], str], *, opacity: str = ".92", columns: int = 4
) -> dict[str, Any]:
    columns = min(2 if theme.is_narrow else columns, columns, len(colours))
    width, height = NARROW if theme.is_narrow else WIDE
    legend_rows = -(-len(colours) // columns)
    # pygal leaves no room for a last row that is not full.
    unreckoned = legend_rows - len(colours) // columns
    return {
        "style": _style(theme, colours, opacity),
        "width": width,
        "height": height + LEGEND_ROW * (legend_rows - 1),
        "js": (),
        "value_formatter": format_value,
        "show_legend": len(colours) > 1,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": columns,
        "legend_box_size": 11,
        "truncate_label": -1,
        "truncate_legend": -1,
        "margin": 8,
        "margin_bottom": 8 + LEGEND_ROW * unreckoned,
        "spacing": 8,
        "show_x_guides": False,
        "min_scale": 3,
        "max_scale": 5,
        "no_data_text": _("Nothing yet"),
        "include_x_axis": True,
        "rounded_bars": 2,
    }


def _drawn(chart: Any) -> bytes:
    """The picture, that tells nothing of when and by what it was drawn."""
    chart.config.disable_xml_declaration = True
    drawn = chart.render()
    return _SCRIPT.sub(b"", drawn.encode() if isinstance(drawn, str) else drawn)


def month_name(month: Month) -> str:
    """ "Nov 26"; a first month of a year says so by its number."""
    return formats.date_format(month.first, "M y")


def _months(months: Sequence[Month], theme: Theme) -> list[str]:
    """Their names; a narrow picture has room for every third, the last one among them."""
    names = [formats.date_format(month.first, "M") if month.first.month != 1 else month_name(month) for month in months]
    if not theme.is_narrow:
        return names
    return [name if (len(names) - nth) % 3 == 1 else "" for nth, name in enumerate(names)]


def _money(currency: str) -> Callable[[Any], str]:
    digits, locale = minor_digits(currency), to_locale(get_language() or "en")
    return lambda major: format_money_briefly(round(major * 10**digits), currency, locale)


def _whole(value: float) -> str:
    return formats.number_format(round(value), force_grouping=True) if value == round(value) else ""


def _major(amount_minor: int, currency: str) -> float:
    return amount_minor / 10 ** minor_digits(currency)


def draw_revenue(standing: Sequence[Standing], currency: str, theme: Theme) -> bytes:
    options = _options(theme, [theme.own], _money(currency), opacity=".16")
    chart = pygal.Line(**options | {"fill": True, "dots_size": 3, "stroke_style": {"width": 2.5}})
    chart.x_labels = _months([one.month for one in standing], theme)
    chart.add("", [_major(one.revenue_minor.get(currency, 0), currency) for one in standing])
    return _drawn(chart)


def draw_subscriptions(standing: Sequence[Standing], theme: Theme) -> bytes:
    words = phase_words()
    colours = {
        Phase.ACTIVE: theme.good,
        Phase.TRIALING: theme.new,
        Phase.PAST_DUE: theme.warn,
        Phase.PAUSED: theme.quiet,
    }
    chart = pygal.StackedBar(**_options(theme, list(colours.values()), _whole))
    chart.x_labels = _months([one.month for one in standing], theme)
    for phase in colours:
        chart.add(words[phase], [one.counts[phase] for one in standing])
    return _drawn(chart)


def phase_words() -> dict[Phase, str]:
    return {
        Phase.ACTIVE: _("Active"),
        Phase.TRIALING: _("On trial"),
        Phase.PAST_DUE: _("Past due"),
        Phase.PAUSED: _("Paused"),
    }


def draw_churn(rows: Sequence[Churn], theme: Theme) -> bytes:
    chart = pygal.Bar(**_options(theme, [theme.good, theme.bad], _whole))
    chart.x_labels = _months([row.moves.month for row in rows], theme)
    chart.add(_("Came"), [row.moves.started for row in rows])
    chart.add(_("Left"), [row.moves.lost for row in rows])
    return _drawn(chart)


def draw_recovered(rows: Sequence[Recovered], currency: str, theme: Theme) -> bytes:
    sources = sources_of(rows)
    colours = [theme.own, *unlike(theme.own, theme.others)][: len(sources)] or [theme.own]
    words = {source: str(PaidThrough(source).label) for source in sources}
    columns = 1 if theme.is_narrow and any(len(word) > NARROW_WORD for word in words.values()) else 2
    chart = pygal.StackedBar(**_options(theme, colours, _money(currency), columns=columns))
    chart.x_labels = _months([row.month for row in rows], theme)
    for source, word in words.items():
        chart.add(word, [_major(row.amounts_minor.get(source, 0), currency) for row in rows])
    return _drawn(chart)


def sources_of(rows: Sequence[Recovered]) -> list[str]:
    """What brought money in, in the order of the list of sources."""
    found = {source for row in rows for source in row.amounts_minor}
    return [source for source in PaidThrough.values if source in found]


def draw_past_due(ages: Sequence[Aged], currency: str, theme: Theme) -> bytes:
    chart = pygal.Bar(**_options(theme, [theme.warn], _money(currency)))
    chart.x_labels = [_age_numbers(age) if theme.is_narrow else age_words(age) for age in ages]
    chart.add("", [_major(age.amount_minor, currency) for age in ages])
    return _drawn(chart)


def _age_numbers(age: Aged) -> str:
    """What a narrow picture has room for; the picture's words say that it is days."""
    return f"{age.days_from}–{age.days_to}" if age.days_to is not None else f"> {age.days_from - 1}"


def age_words(age: Aged) -> str:
    if age.days_to is None:
        return _("over %(n)s days") % {"n": age.days_from - 1}
    return _("%(from)s–%(to)s days") % {"from": age.days_from, "to": age.days_to}
