"""The dashboard's numbers worked out from the rows, for the open scope's tenant.

Amounts are minor units, each currency by itself. The database groups, whatever the number of subscriptions; what a
month of revenue is, is worked out here from the groups. Months that are closed are read by `subscriptions.history`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Case, Count, IntegerField, QuerySet, Sum, Value, When

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
    """A calendar month of the tenant, by its first day: [start, end).

    Its figures are those of `at`: its end or, of the running one, now. `known_since`: when the month before was closed;
    what has begun before this one, but was recorded later than that, counts here.
    """

    first: date
    start: datetime
    end: datetime
    at: datetime
    known_since: datetime | None = None


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
class Moves:
    """Who came and who left in a month. `lost_minor`: a month's revenue of those who left, by currency."""

    month: Month
    started: int
    lost: int
    lost_minor: dict[str, int]


@dataclass(frozen=True)
class Churn:
    """A month's moves, and its rate: those who left for each that was paying when it began; None if there were none."""

    moves: Moves
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
    running = now.astimezone(ZoneInfo(zone)).date().replace(day=1)
    months = [calendar_month(_months_later(running, back), zone) for back in range(1 - count, 1)]
    return [replace(month, at=min(month.end, now)) for month in months]


def calendar_month(first: date, zone: str) -> Month:
    """The whole month of this first day."""
    start, end = (datetime(day.year, day.month, 1, tzinfo=ZoneInfo(zone)) for day in (first, _months_later(first, 1)))
    return Month(first, start, end, at=end)


def _months_later(first: date, count: int) -> date:
    years, month = divmod(first.month - 1 + count, 12)
    return date(first.year + years, month + 1, 1)


def monthly(amount_minor: int, interval: str, interval_count: int) -> Fraction:
    """What an amount charged every `interval_count` intervals is worth in a month of 365/12 days, in minor units.

    What is charged once is not recurring: 0.
    """
    share = _PER_MONTH.get(Interval(interval), Fraction(0))
    return amount_minor * share / interval_count


def rounded(amount: Fraction) -> int:
    """To the nearest minor unit, half up."""
    return floor(amount + Fraction(1, 2))


#: How each running subscription stood in the instant before `at`. What has been changed since is told by the audit log:
#: the first entry of later says what was before it. Invoices are found by what they are now, so that a recent moment
#: touches few of them.
_STANDING = """
    WITH told AS (
        SELECT target_id AS id,
            (array_agg(before ->> 'state' ORDER BY at, id) FILTER (WHERE before ? 'state'))[1] AS state,
            (array_agg((before ->> 'quantity')::bigint ORDER BY at, id) FILTER (WHERE before ? 'quantity'))[1]
                AS quantity
        FROM tenants_auditentry
        WHERE at >= %(at)s AND target_type = 'subscriptions.subscription' AND before ?| ARRAY['state', 'quantity']
        GROUP BY target_id
    ), late AS (
        SELECT subscription_id AS id FROM subscriptions_invoice
        WHERE state = 'open' AND due_at < %(late)s
        UNION
        SELECT subscription_id FROM subscriptions_invoice
        WHERE state = 'paid' AND paid_at >= %(at)s AND due_at < %(late)s
            AND (uncollectible_at IS NULL OR uncollectible_at >= %(at)s)
        UNION
        SELECT subscription_id FROM subscriptions_invoice
        WHERE state IN ('void', 'uncollectible') AND due_at < %(late)s
            AND LEAST(voided_at, uncollectible_at) >= %(at)s
    ), stood AS (
        SELECT s.price_id, COALESCE(told.quantity, s.quantity) AS quantity,
            CASE
                WHEN s.trial_end >= %(at)s THEN 'trialing'
                WHEN COALESCE(told.state = 'paused', s.state = 'paused' AND COALESCE(s.paused_at < %(at)s, true))
                    THEN 'paused'
                WHEN COALESCE(told.state = 'unpaid', s.state = 'unpaid' AND COALESCE(s.past_due_since < %(at)s, true))
                    THEN 'unpaid'
                WHEN late.id IS NOT NULL THEN 'past_due'
                ELSE 'active'
            END AS phase
        FROM subscriptions_subscription s LEFT JOIN told USING (id) LEFT JOIN late USING (id)
        WHERE s.started_at < %(at)s AND (s.cancelled_at IS NULL OR s.cancelled_at >= %(at)s)
    ), grouped AS (
        SELECT price_id, count(*) FILTER (WHERE phase = 'active') AS active,
            count(*) FILTER (WHERE phase = 'trialing') AS trialing,
            count(*) FILTER (WHERE phase IN ('past_due', 'unpaid')) AS past_due,
            count(*) FILTER (WHERE phase = 'paused') AS paused,
            COALESCE(sum(quantity) FILTER (WHERE phase IN ('active', 'past_due')), 0) AS paying
        FROM stood GROUP BY 1
    )
    SELECT p.amount_minor, p.currency, p.interval, p.interval_count, paying, active, trialing, past_due, paused
    FROM grouped JOIN subscriptions_price p ON p.id = price_id
"""


def standing(month: Month) -> Standing:
    """How things stood at the month's end, just before the next began (the running one's: now).

    A subscription runs from its start until it is cancelled. It is past due while an invoice of its own has been open
    for more than a day after it was due; an unpaid one counts as past due too. Recurring revenue is what running
    subscriptions charge in a month before tax, at the quantity of then; trials, paused and unpaid ones bring none.
    Pauses and quantities are as the audit log has them: what it does not tell is taken to have been as it is now.
    """
    counts: dict[Phase, int] = dict.fromkeys(Phase, 0)
    revenue: dict[str, Fraction] = defaultdict(Fraction)
    values = {"at": month.at, "late": month.at - timedelta(days=1)}
    for amount, currency, interval, every, paying, *by_phase in _grouped(_STANDING, values):
        for phase, count in zip(Phase, by_phase, strict=True):
            counts[phase] += count
        if paying:
            revenue[currency] += monthly(amount, interval, every) * int(paying)
    return Standing(month, counts, {currency: rounded(amount) for currency, amount in sorted(revenue.items())})


_MOVES = """
    WITH month AS (
        SELECT start, finish, known_since, nth
        FROM unnest(%(start)s::timestamptz[], %(finish)s::timestamptz[], %(known_since)s::timestamptz[])
            WITH ORDINALITY AS m (start, finish, known_since, nth)
    ), moved AS (
        SELECT price_id, quantity, cancelled_at, created_at, COALESCE(trial_end, started_at) AS paying_from
        FROM subscriptions_subscription
        WHERE cancelled_at IS NULL OR cancelled_at > COALESCE(trial_end, started_at)
    ), counted AS (
        SELECT m.nth, s.price_id, s.quantity, s.cancelled_at >= m.start AND s.cancelled_at < m.finish AS has_left,
            s.paying_from < m.finish
                AND (s.paying_from >= m.start OR COALESCE(s.created_at >= m.known_since, false))
                AND (s.cancelled_at IS NULL OR s.cancelled_at >= m.start) AS has_come
        FROM month m JOIN moved s ON (s.paying_from >= m.start AND s.paying_from < m.finish)
            OR (s.cancelled_at >= m.start AND s.cancelled_at < m.finish)
            OR (s.paying_from < m.start AND s.created_at >= m.known_since)
    ), grouped AS (
        SELECT nth, price_id, count(*) FILTER (WHERE has_come) AS came, count(*) FILTER (WHERE has_left) AS went,
            COALESCE(sum(quantity) FILTER (WHERE has_left), 0) AS quantity
        FROM counted GROUP BY 1, 2
    )
    SELECT nth, p.amount_minor, p.currency, p.interval, p.interval_count, came, went, quantity
    FROM grouped JOIN subscriptions_price p ON p.id = price_id
"""


def moves(months: Sequence[Month]) -> list[Moves]:
    """Who came and who left in each month.

    A subscription comes when its first paid period begins, and leaves when it is cancelled; one that ends in its trial
    does neither.
    """
    started, lost = [0] * len(months), [0] * len(months)
    money: list[dict[str, Fraction]] = [defaultdict(Fraction) for _ in months]
    for nth, amount, currency, interval, every, came, left, quantity in _in_months(_MOVES, months):
        started[nth - 1] += came
        lost[nth - 1] += left
        money[nth - 1][currency] += monthly(amount, interval, every) * int(quantity)
    return [
        Moves(
            month=month,
            started=started[nth],
            lost=lost[nth],
            lost_minor={currency: rounded(amount) for currency, amount in sorted(money[nth].items()) if amount},
        )
        for nth, month in enumerate(months)
    ]


def churn(standing: Sequence[Standing], moved: Sequence[Moves]) -> list[Churn]:
    """The same months' but the first, which tells how many were paying before."""
    return [
        Churn(moves, moves.lost / before.paying if before.paying else None)
        for before, moves in zip(standing, moved[1:], strict=False)
    ]


_RECOVERED = """
    WITH month AS (
        SELECT start, finish, nth
        FROM unnest(%(start)s::timestamptz[], %(finish)s::timestamptz[]) WITH ORDINALITY AS m (start, finish, nth)
    )
    SELECT m.nth, i.currency, i.paid_through, sum(i.amount_due_minor), count(*)
    FROM month m JOIN subscriptions_invoice i ON i.paid_at >= m.start AND i.paid_at < m.finish
    WHERE i.state = 'paid' AND i.is_recovered
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def recovered(months: Sequence[Month]) -> list[dict[str, Recovered]]:
    """For each month, by currency: what had failed or was late, and was paid in it (`Invoice.is_recovered`)."""
    amounts: list[dict[str, dict[str, int]]] = [defaultdict(dict) for _ in months]
    invoices: dict[tuple[int, str], int] = defaultdict(int)
    for nth, currency, through, amount, count in _in_months(_RECOVERED, months):
        amounts[nth - 1][currency][through] = int(amount)
        invoices[nth, currency] += count
    return [
        {currency: Recovered(month, by, invoices[nth, currency]) for currency, by in amounts[nth - 1].items()}
        for nth, month in enumerate(months, 1)
    ]


def _in_months(query: str, months: Sequence[Month]) -> list[Any]:
    values = {
        "start": [month.start for month in months],
        "finish": [month.at for month in months],
        "known_since": [month.known_since for month in months],
    }
    return _grouped(query, values) if months else []


def _grouped(query: str, values: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


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
