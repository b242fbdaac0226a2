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


#: Moments are counted from 1. `width_bucket(t - tick, moments)` is how many of them come before `t`; so nothing is
#: looked at once for each month, and a hundred thousand subscriptions are read once.
_STANDINGS = """
    WITH asked AS (
        SELECT %(at)s::timestamptz[] AS moments, cardinality(%(at)s::timestamptz[]) AS last,
            interval '1 microsecond' AS tick
    ), running AS (
        SELECT s.id, s.price_id, s.quantity, 1 + width_bucket(s.started_at - tick, moments) AS first,
            CASE WHEN s.cancelled_at IS NULL THEN last ELSE width_bucket(s.cancelled_at - tick, moments) END AS last,
            COALESCE(width_bucket(s.trial_end - tick, moments), 0) AS trial_until,
            CASE WHEN s.state = 'paused' THEN width_bucket(s.paused_at - tick, moments) END AS paused_after,
            CASE WHEN s.state = 'unpaid' THEN width_bucket(s.past_due_since - tick, moments) END AS unpaid_after
        FROM subscriptions_subscription s, asked
    ), grouped AS (
        SELECT price_id, first, last, trial_until, paused_after, unpaid_after,
            count(*) AS rows, sum(quantity) AS quantity
        FROM running WHERE first <= last GROUP BY 1, 2, 3, 4, 5, 6
    ), stood AS (
        SELECT nth, price_id, rows, quantity,
            CASE
                WHEN nth <= trial_until THEN 'trialing'
                WHEN nth > paused_after THEN 'paused'
                WHEN nth > unpaid_after THEN 'unpaid'
                ELSE 'active'
            END AS phase
        FROM grouped, generate_series(first, last) AS nth
    ), late AS (
        SELECT DISTINCT i.subscription_id AS id, nth
        FROM subscriptions_invoice i, asked, generate_series(
            width_bucket(i.due_at + interval '1 day', moments) + 1,
            CASE
                WHEN COALESCE(i.paid_at, i.voided_at, i.uncollectible_at) IS NULL THEN asked.last
                ELSE width_bucket(COALESCE(i.paid_at, i.voided_at, i.uncollectible_at) - tick, moments)
            END
        ) AS nth
        WHERE i.subscription_id IS NOT NULL
            AND COALESCE(i.paid_at, i.voided_at, i.uncollectible_at, 'infinity') > i.due_at + interval '1 day'
    ), behind AS (
        SELECT nth, r.price_id, count(*) AS rows, sum(r.quantity) AS quantity
        FROM late JOIN running r USING (id)
        WHERE nth BETWEEN r.first AND r.last AND nth > r.trial_until
            AND (nth > r.paused_after) IS NOT TRUE AND (nth > r.unpaid_after) IS NOT TRUE
        GROUP BY 1, 2
    ), found AS (
        SELECT nth, price_id, phase, rows, quantity FROM stood
        UNION ALL SELECT nth, price_id, 'past_due', rows, quantity FROM behind
        UNION ALL SELECT nth, price_id, 'active', -rows, -quantity FROM behind
    )
    SELECT f.nth, p.amount_minor, p.currency, p.interval, p.interval_count, f.phase, sum(f.rows), sum(f.quantity)
    FROM found f JOIN subscriptions_price p ON p.id = f.price_id
    GROUP BY f.nth, p.id, p.amount_minor, p.currency, p.interval, p.interval_count, f.phase
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
        counts[nth - 1][known] += int(rows)
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
