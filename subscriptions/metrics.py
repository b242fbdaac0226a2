"""The numbers of the dashboard, for the open scope's tenant. Amounts are minor units, each currency by itself.

Each function is one query that groups in the database, whatever the number of subscriptions; what a month of revenue
is, is worked out here from the groups.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Case, Count, IntegerField, QuerySet, Sum, Value, When
from django.db.models.functions import TruncMonth

from subscriptions.calculators.periods import add_interval
from subscriptions.models import Interval, Invoice, InvoiceState

#: How many of an interval make a month of 365/12 days.
_PER_MONTH = {
    Interval.DAY: Fraction(365, 12),
    Interval.WEEK: Fraction(365, 84),
    Interval.MONTH: Fraction(1),
    Interval.YEAR: Fraction(1, 12),
}


class Phase(StrEnum):
    """What a running subscription was at some moment."""

    ACTIVE = "active"
    TRIALING = "trialing"
    PAST_DUE = "past_due"
    PAUSED = "paused"


@dataclass(frozen=True)
class Month:
    """A calendar month of the tenant: [start, end); its figures are those of `at`, its end or, of the last one, now."""

    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class Standing:
    """How things stood at a month's `at`: running subscriptions by phase, and recurring revenue by currency."""

    month: Month
    counts: dict[Phase, int]
    revenue_minor: dict[str, int]

    @property
    def paying(self) -> int:
        return self.counts[Phase.ACTIVE] + self.counts[Phase.PAST_DUE]


@dataclass(frozen=True)
class Churn:
    """Who came and who left in a month. `lost_minor`: a month's revenue of those who left, by currency.

    `rate`: those who left for each that was paying when the month began; None when there were none.
    """

    month: Month
    started: int
    lost: int
    lost_minor: dict[str, int]
    rate: float | None


@dataclass(frozen=True)
class Recovered:
    """Money of one currency that had failed or was late and came in that month, by what brought it in."""

    month: Month
    amounts_minor: dict[str, int]
    invoices: int


@dataclass(frozen=True)
class Aged:
    """What has been past due for so many days: from `days_from` to `days_to`, None: and more."""

    currency: str
    days_from: int
    days_to: int | None
    amount_minor: int
    invoices: int


#: Past due for up to so many days.
AGES: list[tuple[int, int | None]] = [(0, 7), (8, 30), (31, 60), (61, None)]


def last_months(now: datetime, zone: str, count: int) -> list[Month]:
    """The running month of the tenant's calendar and the `count` - 1 before it, oldest first."""
    local = now.astimezone(ZoneInfo(zone))
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0, tzinfo=None)
    starts = [add_interval(first, Interval.MONTH, back) for back in range(1 - count, 2)]
    moments = [start.replace(tzinfo=ZoneInfo(zone)) for start in starts if start is not None]
    return [Month(start, end, min(end, now)) for start, end in pairwise(moments)]


def monthly(amount_minor: int, interval: str, interval_count: int) -> Fraction:
    """What an amount charged every `interval_count` intervals is worth in a month of 365/12 days, in minor units.

    What is charged once is not recurring: 0.
    """
    share = _PER_MONTH.get(Interval(interval), Fraction(0))
    return amount_minor * share / interval_count


def rounded(amount: Fraction) -> int:
    """To the nearest minor unit, half up."""
    return floor(amount + Fraction(1, 2))


_STANDINGS = """
    WITH moment AS (
        SELECT at, nth FROM unnest(%(at)s::timestamptz[]) WITH ORDINALITY AS m (at, nth)
    ), slow AS MATERIALIZED (
        SELECT subscription_id, due_at + interval '1 day' AS late_from,
            COALESCE(paid_at, voided_at, uncollectible_at, 'infinity') AS settled_at
        FROM subscriptions_invoice
        WHERE subscription_id IS NOT NULL
            AND COALESCE(paid_at, voided_at, uncollectible_at, 'infinity') > due_at + interval '1 day'
    ), late AS (
        SELECT DISTINCT m.nth, slow.subscription_id
        FROM moment m JOIN slow ON slow.late_from < m.at AND slow.settled_at > m.at
    )
    SELECT m.nth, p.amount_minor, p.currency, p.interval, p.interval_count,
        CASE
            WHEN s.trial_end > m.at THEN 'trialing'
            WHEN s.state = 'paused' AND s.paused_at <= m.at THEN 'paused'
            WHEN s.state = 'unpaid' AND s.past_due_since <= m.at THEN 'unpaid'
            WHEN l.nth IS NOT NULL THEN 'past_due'
            ELSE 'active'
        END AS phase,
        count(*), sum(s.quantity)
    FROM moment m
    JOIN subscriptions_subscription s ON s.started_at <= m.at AND (s.cancelled_at IS NULL OR s.cancelled_at > m.at)
    JOIN subscriptions_price p ON p.tenant_id = s.tenant_id AND p.id = s.price_id
    LEFT JOIN late l ON l.nth = m.nth AND l.subscription_id = s.id
    GROUP BY m.nth, p.id, p.amount_minor, p.currency, p.interval, p.interval_count, phase
"""


def standings(months: Sequence[Month]) -> list[Standing]:
    """How things stood at each month's end (the last one: now).

    A subscription runs from its start until it is cancelled. It is past due while an invoice of its own has been open
    for more than a day after it was due; an unpaid one counts as past due too. Recurring revenue is what running
    subscriptions charge in a month before tax, at their present price and quantity; trials, paused and unpaid ones
    bring none. Pauses that are over are not known any more.
    """
    counts: list[dict[Phase, int]] = [dict.fromkeys(Phase, 0) for _ in months]
    revenue: list[dict[str, Fraction]] = [defaultdict(Fraction) for _ in months]
    for nth, amount, currency, interval, every, phase, rows, quantity in _grouped(
        _STANDINGS, {"at": [month.at for month in months]}
    ):
        known = Phase.PAST_DUE if phase == "unpaid" else Phase(phase)
        counts[nth - 1][known] += rows
        if phase in (Phase.ACTIVE, Phase.PAST_DUE):
            revenue[nth - 1][currency] += monthly(amount, interval, every) * int(quantity)
    return [
        Standing(month, count, {currency: rounded(amount) for currency, amount in sorted(money.items())})
        for month, count, money in zip(months, counts, revenue, strict=True)
    ]


_MOVES = """
    WITH month AS (
        SELECT start, finish, nth
        FROM unnest(%(start)s::timestamptz[], %(finish)s::timestamptz[]) WITH ORDINALITY AS m (start, finish, nth)
    )
    SELECT m.nth, p.amount_minor, p.currency, p.interval, p.interval_count,
        count(*) FILTER (WHERE s.paying_from >= m.start AND s.paying_from < m.finish),
        count(*) FILTER (WHERE s.cancelled_at >= m.start AND s.cancelled_at < m.finish),
        COALESCE(sum(s.quantity) FILTER (WHERE s.cancelled_at >= m.start AND s.cancelled_at < m.finish), 0)
    FROM month m
    JOIN (
        SELECT *, COALESCE(trial_end, started_at) AS paying_from FROM subscriptions_subscription
        WHERE cancelled_at IS NULL OR cancelled_at > COALESCE(trial_end, started_at)
    ) s ON (s.paying_from >= m.start AND s.paying_from < m.finish)
        OR (s.cancelled_at >= m.start AND s.cancelled_at < m.finish)
    JOIN subscriptions_price p ON p.tenant_id = s.tenant_id AND p.id = s.price_id
    GROUP BY m.nth, p.id, p.amount_minor, p.currency, p.interval, p.interval_count
"""


def churn(months: Sequence[Month], standing: Sequence[Standing]) -> list[Churn]:
    """Who came and who left in each month but the first, which tells how many there were before.

    A subscription comes when its first paid period begins, and leaves when it is cancelled; one that ends in its trial
    does neither. `standing` are the same months'.
    """
    started, lost = [0] * len(months), [0] * len(months)
    money: list[dict[str, Fraction]] = [defaultdict(Fraction) for _ in months]
    values = {"start": [month.start for month in months], "finish": [month.at for month in months]}
    for nth, amount, currency, interval, every, came, left, quantity in _grouped(_MOVES, values):
        started[nth - 1] += came
        lost[nth - 1] += left
        money[nth - 1][currency] += monthly(amount, interval, every) * int(quantity)
    return [
        Churn(
            month=month,
            started=started[nth],
            lost=lost[nth],
            lost_minor={currency: rounded(amount) for currency, amount in sorted(money[nth].items()) if amount},
            rate=lost[nth] / standing[nth - 1].paying if standing[nth - 1].paying else None,
        )
        for nth, month in enumerate(months)
        if nth
    ]


def _grouped(query: str, values: dict[str, list[datetime]]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def recovered(months: Sequence[Month], zone: str) -> dict[str, list[Recovered]]:
    """By currency, for each month: what had failed or was late, and was paid (`Invoice.is_recovered`)."""
    paid = Invoice.objects.filter(state=InvoiceState.PAID, paid_at__gte=months[0].start, is_recovered=True)
    rows = (
        paid.annotate(month=TruncMonth("paid_at", tzinfo=ZoneInfo(zone)))
        .values_list("currency", "month", "paid_through")
        .annotate(amount=Sum("amount_due_minor"), invoices=Count("id"))
        .order_by("currency")
    )
    amounts: dict[str, dict[datetime, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    invoices: dict[tuple[str, datetime], int] = defaultdict(int)
    for currency, month, through, amount, count in rows:
        amounts[currency][month][through] = amount
        invoices[currency, month] += count
    return {
        currency: [Recovered(month, by.get(month.start, {}), invoices[currency, month.start]) for month in months]
        for currency, by in amounts.items()
    }


def past_due_by_age(now: datetime) -> dict[str, list[Aged]]:
    """What is due on open invoices whose time has passed, by currency, the youngest first."""
    rows = (
        Invoice.objects.filter(state=InvoiceState.OPEN, due_at__lte=now)
        .annotate(age=_age(now))
        .values_list("currency", "age")
        .annotate(amount=Sum("amount_due_minor"), invoices=Count("id"))
        .order_by("currency")
    )
    return _aged(rows)


def _age(now: datetime) -> Case:
    """The number of the age in AGES."""
    younger = [
        When(due_at__gt=now - timedelta(days=days_to + 1), then=Value(nth))
        for nth, (_days_from, days_to) in enumerate(AGES)
        if days_to is not None
    ]
    return Case(*younger, default=Value(len(AGES) - 1), output_field=IntegerField())


def _aged(rows: "QuerySet[Invoice, tuple[str, int, int, int]]") -> dict[str, list[Aged]]:
    found: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    for currency, age, amount, invoices in rows:
        found[currency][age] = amount, invoices
    return {
        currency: [
            Aged(currency, days_from, days_to, *by_age.get(nth, (0, 0)))
            for nth, (days_from, days_to) in enumerate(AGES)
        ]
        for currency, by_age in found.items()
    }
