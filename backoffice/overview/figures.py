"""The dashboard's figures: what its tables say and its pictures show."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.overview.charts import age_words, month_name, phase_words, sources_of
from invitations.selectors import funnel
from subscriptions.history import History, history
from subscriptions.metrics import Aged, Churn, Phase, Recovered, Standing, churn, past_due_by_age
from subscriptions.models import PaidThrough
from tenants.models import Tenant

MONTHS = 12
FUNNEL_DAYS = 30


@dataclass(frozen=True)
class Figures:
    """Twelve months of a tenant, and one before them for comparison, at `now`."""

    tenant: Tenant
    now: datetime
    history: History

    @classmethod
    def of(cls, tenant: Tenant) -> "Figures":
        now = timezone.now()
        return cls(tenant, now, history(now, tenant.time_zone, MONTHS + 1))

    def standing(self) -> list[Standing]:
        """The twelve months and the one before."""
        return self.history.standings()

    def churn(self, standing: list[Standing]) -> list[Churn]:
        return churn(standing, self.history.moves())

    def recovered(self) -> dict[str, list[Recovered]]:
        found = {currency: rows[1:] for currency, rows in self.history.recovered().items()}
        return {currency: rows for currency, rows in found.items() if any(row.invoices for row in rows)}

    def past_due(self) -> dict[str, list[Aged]]:
        return past_due_by_age(self.now)


@dataclass(frozen=True)
class Table:
    """A picture's table: `money` is the currency of the cells after the first, where they are amounts."""

    heads: list[str]
    rows: list[list[object]]
    money: str = ""


@dataclass(frozen=True)
class Picture:
    """One picture with its words. `name` and `currency` make its address; `alt` says what it shows, in a sentence."""

    name: str
    title: str
    hint: str
    alt: str
    table: Table
    currency: str = ""
    headline_minor: int | None = None
    headline: str = ""
    change: str = ""
    change_tone: str = ""
    is_empty: bool = False


def by_size(amounts: dict[str, int], own: str) -> list[str]:
    """Currencies, the tenant's own first, then the largest."""
    return sorted(amounts, key=lambda currency: (currency != own, -amounts[currency]))


def pictures(figures: Figures) -> list[Picture]:
    """All of the dashboard's pictures that come from billing."""
    standing = figures.standing()
    return [
        *revenue_pictures(standing[1:], figures.tenant.currency),
        subscriptions_picture(standing[1:]),
        churn_picture(figures.churn(standing)),
        *past_due_pictures(figures.past_due(), figures.tenant.currency),
        *recovered_pictures(figures.recovered(), figures.tenant.currency),
    ]


def revenue_pictures(standing: list[Standing], own: str) -> list[Picture]:
    now, before = standing[-1].revenue_minor, standing[-2].revenue_minor
    known = {currency: amount for one in standing for currency, amount in one.revenue_minor.items()} or {own: 0}
    return [
        Picture(
            name="revenue",
            currency=currency,
            title=_("Recurring revenue, %(currency)s") % {"currency": currency},
            hint=_("A month's worth of running subscriptions, before tax"),
            alt=_("Recurring revenue at the end of each of the last twelve months, in %(currency)s.")
            % {"currency": currency},
            table=Table(
                heads=[_("Month"), _("Recurring revenue")],
                rows=[[month_name(one.month), one.revenue_minor.get(currency, 0)] for one in standing],
                money=currency,
            ),
            headline_minor=now.get(currency, 0),
            change=_change(now.get(currency, 0), before.get(currency, 0)),
            change_tone="good" if now.get(currency, 0) >= before.get(currency, 0) else "bad",
            is_empty=not any(one.revenue_minor.get(currency) for one in standing),
        )
        for currency in by_size(known, own)
    ]


def _change(now: int, before: int) -> str:
    """ "+3.2% since last month"; nothing where nothing changed."""
    if not before or now == before:
        return ""
    percent = 100 * (now - before) / before
    return _("%(percent)s%% since last month") % {"percent": f"{percent:+.1f}"}


def subscriptions_picture(standing: list[Standing]) -> Picture:
    words = phase_words()
    return Picture(
        name="subscriptions",
        title=_("Subscriptions"),
        hint=_("At the end of each month"),
        alt=_("Active, trial, past-due and paused subscriptions at the end of each of the last twelve months."),
        table=Table(
            heads=[_("Month"), *(words[phase] for phase in Phase)],
            rows=[[month_name(one.month), *(one.counts[phase] for phase in Phase)] for one in standing],
        ),
        headline=str(sum(standing[-1].counts.values())),
        is_empty=not any(sum(one.counts.values()) for one in standing),
    )


def churn_picture(rows: list[Churn]) -> Picture:
    moves = [row.moves for row in rows]
    lost, base = sum(moved.lost for moved in moves), [row.rate for row in rows if row.rate is not None]
    average = f"{100 * sum(base) / len(base):.1f}" if base else "0"
    return Picture(
        name="churn",
        title=_("Came and left"),
        hint=_("Subscriptions that began to pay, and those that were cancelled"),
        alt=_("Subscriptions that came and left in each of the last twelve months."),
        table=Table(
            heads=[_("Month"), _("Came"), _("Left"), _("Revenue lost"), _("Churn")],
            rows=[
                [month_name(row.moves.month), row.moves.started, row.moves.lost, row.moves.lost_minor, _rate(row)]
                for row in rows
            ],
        ),
        headline=_("%(percent)s%% a month") % {"percent": average},
        change=ngettext("%(n)s left in twelve months", "%(n)s left in twelve months", lost) % {"n": lost},
        is_empty=not any(moved.started or moved.lost for moved in moves),
    )


def _rate(row: Churn) -> str:
    return "–" if row.rate is None else f"{100 * row.rate:.1f} %"


def past_due_pictures(aged: dict[str, list[Aged]], own: str) -> list[Picture]:
    sums = {currency: sum(age.amount_minor for age in ages) for currency, ages in aged.items()}
    return [
        Picture(
            name="past_due",
            currency=currency,
            title=_("Past due, %(currency)s") % {"currency": currency},
            hint=_("Open invoices by the days since they were due"),
            alt=_("What is past due in %(currency)s, by how long it has been.") % {"currency": currency},
            table=Table(
                heads=[_("Past due for"), _("Amount")],
                rows=[[age_words(age), age.amount_minor] for age in aged[currency]],
                money=currency,
            ),
            headline_minor=sums[currency],
            change=_invoices(sum(age.invoices for age in aged[currency])),
        )
        for currency in by_size(sums, own)
    ]


def recovered_pictures(found: dict[str, list[Recovered]], own: str) -> list[Picture]:
    sums = {currency: sum(sum(row.amounts_minor.values()) for row in rows) for currency, rows in found.items()}
    return [
        Picture(
            name="recovered",
            currency=currency,
            title=_("Recovered money, %(currency)s") % {"currency": currency},
            hint=_("It had failed or was late, and came in: by what brought it"),
            alt=_("Money recovered in each of the last twelve months in %(currency)s, by what brought it in.")
            % {"currency": currency},
            table=_recovered_table(found[currency], currency),
            headline_minor=sums[currency],
            change=_invoices(sum(row.invoices for row in found[currency])),
            change_tone="good",
        )
        for currency in by_size(sums, own)
    ]


def _recovered_table(rows: list[Recovered], currency: str) -> Table:
    sources = sources_of(rows)
    heads = [_("Month"), *(str(PaidThrough(source).label) for source in sources)]
    cells: list[list[object]] = [
        [month_name(row.month), *(row.amounts_minor.get(source, 0) for source in sources)] for row in rows
    ]
    return Table(heads, cells, currency)


def _invoices(count: int) -> str:
    return ngettext("%(n)s invoice", "%(n)s invoices", count) % {"n": count}


def funnel_stages() -> list[tuple[str, int, str]]:
    """Each stage with its count, and what the list of invitations calls it."""
    found = funnel(timezone.now() - timedelta(days=FUNNEL_DAYS))
    return [
        (_("Sent"), found.sent, ""),
        (_("Delivered"), found.delivered, "delivered"),
        (_("Opened"), found.opened, "opened"),
        (_("Completed"), found.completed, "completed"),
    ]
