"""A tenant's months: those that are over as they were written down, the others worked out. In the open scope."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime

from subscriptions import metrics
from subscriptions.metrics import Month, Moves, Phase, Recovered, Standing
from subscriptions.models import MonthlyFigures


@dataclass(frozen=True)
class History:
    """Months, oldest first, and the figures of those that are closed, by the month's first day."""

    months: list[Month]
    closed: dict[date, MonthlyFigures]

    @property
    def not_closed(self) -> list[Month]:
        return [month for month in self.months if month.first not in self.closed]

    def standings(self) -> list[Standing]:
        return [
            _standing(month, self.closed[month.first]) if month.first in self.closed else metrics.standing(month)
            for month in self.months
        ]

    def moves(self) -> list[Moves]:
        found = {moved.month: moved for moved in metrics.moves(self.not_closed)}
        return [found.get(month) or _moves(month, self.closed[month.first]) for month in self.months]

    def recovered(self) -> dict[str, list[Recovered]]:
        """By currency, for each month."""
        found = dict(zip(self.not_closed, metrics.recovered(self.not_closed), strict=True))
        by_month = {month: found.get(month) or _recovered(month, self.closed.get(month.first)) for month in self.months}
        currencies: dict[str, list[Recovered]] = defaultdict(list)
        for currency in sorted({currency for by in by_month.values() for currency in by}):
            currencies[currency] = [by.get(currency) or Recovered(month, {}, 0) for month, by in by_month.items()]
        return dict(currencies)


def history(now: datetime, zone: str, count: int) -> History:
    """The running month of the tenant's calendar and the `count` - 1 before it; two queries."""
    months = metrics.last_months(now, zone, count)
    rows = MonthlyFigures.objects.filter(month__gte=months[0].first).prefetch_related("amounts")
    closed = {row.month: row for row in rows}
    befores = [None, *months]
    return History([_bounds(month, before, closed) for before, month in zip(befores, months, strict=False)], closed)


def _bounds(month: Month, before: Month | None, closed: dict[date, MonthlyFigures]) -> Month:
    """A closed month keeps its bounds, whatever the tenant's zone is by now."""
    if row := closed.get(month.first):
        return replace(month, start=row.starts_at, end=row.ends_at, at=row.ends_at)
    return follow(month, closed.get(before.first) if before else None)


def follow(month: Month, before: MonthlyFigures | None) -> Month:
    """The month as it goes on from the closed one before it: no moment is counted twice, and none is left out."""
    return replace(month, start=before.ends_at, known_since=before.closed_at) if before else month


def _standing(month: Month, row: MonthlyFigures) -> Standing:
    counts = {phase: getattr(row, phase) for phase in Phase}
    return Standing(month, counts, {one.currency: one.revenue_minor for one in row.amounts.all() if one.revenue_minor})


def _moves(month: Month, row: MonthlyFigures) -> Moves:
    lost = {one.currency: one.lost_minor for one in row.amounts.all() if one.lost_minor}
    return Moves(month, row.started, row.lost, lost)


def _recovered(month: Month, row: MonthlyFigures | None) -> dict[str, Recovered]:
    amounts = row.amounts.all() if row else ()
    return {one.currency: Recovered(month, one.recovered, one.recovered_invoices) for one in amounts if one.recovered}
