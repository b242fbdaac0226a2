"""What 14 months of billing must come to, worked out a second time: day by day, with nothing of the product's own.

It knows the rules as docs/billing.md tells them, and fractions instead of the product's arithmetic.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Toronto")
#: When the billing run comes each day, and again: after what the first has left.
RUN_AT, AGAIN_AT = time(12, 0), time(12, 30)
RETRY_DAYS = [1, 3, 5, 7]


@dataclass
class Plan:
    """One subscription and what befalls it. Days are dates; things that people do happen at 11:00 UTC, before the run.

    `interval` is day, week, month or year. `declines`: its card always says no. `taxes`: where the customer lives.
    """

    key: int
    interval: str
    count: int
    unit_minor: int
    quantity: int
    starts: datetime
    trial_days: int = 0
    place: str = "QC"
    exempt_from: date | None = None
    paused: tuple[date, date] | None = None
    cancels_on: date | None = None
    undoes_on: date | None = None
    ends_now_on: date | None = None
    new_quantity: tuple[date, int] | None = None
    credit: tuple[date, int] | None = None
    declines: bool = False


@dataclass(frozen=True)
class Expected:
    """One invoice, as it must be."""

    key: int
    start: datetime
    end: datetime
    net: int
    tax: int
    total: int
    applied: int


@dataclass
class Rates:
    """Percentages by place and the day on which they change: (from day, [percent, ...])."""

    by_place: dict[str, list[tuple[date, list[Fraction]]]] = field(default_factory=dict)

    def on(self, place: str, day: date) -> list[Fraction]:
        held: list[Fraction] = []
        for since, percents in self.by_place.get(place, []):
            if since <= day:
                held = percents
        return held


def at(day: date, moment: time) -> datetime:
    return datetime.combine(day, moment, UTC)


def later(anchor: datetime, interval: str, steps: int) -> datetime:
    """That many intervals after a local wall time, back in UTC."""
    wall = anchor.astimezone(ZONE).replace(tzinfo=None)
    if interval in ("day", "week"):
        moved = wall + timedelta(days=steps * (7 if interval == "week" else 1))
    else:
        index = wall.year * 12 + wall.month - 1 + steps * (12 if interval == "year" else 1)
        year, month = divmod(index, 12)
        moved = wall.replace(year=year, month=month + 1, day=min(wall.day, monthrange(year, month + 1)[1]))
    return moved.replace(tzinfo=ZONE).astimezone(UTC)


def nearest(amount: Fraction) -> int:
    """Half away from zero."""
    return int(amount + Fraction(1, 2)) if amount >= 0 else -int(-amount + Fraction(1, 2))


class Life:
    """One subscription through time."""

    def __init__(self, plan: Plan, rates: Rates) -> None:
        self.plan = plan
        self.rates = rates
        self.quantity = plan.quantity
        self.anchor = plan.starts
        if plan.trial_days:
            self.anchor = later(plan.starts, "day", plan.trial_days)
        self.steps = 0
        self.covered_until = self.anchor
        self.state = "runs"
        self.ends_at_boundary = False
        self.credit = 0
        self.failed_since: datetime | None = None
        self.invoices: list[Expected] = []

    def boundary(self, steps: int) -> datetime:
        return later(self.anchor, self.plan.interval, steps * self.plan.count)

    def people_act(self, day: date) -> None:
        plan, now = self.plan, at(day, time(11, 0))
        if self.state == "over":
            return
        if plan.credit and plan.credit[0] == day:
            self.credit += plan.credit[1]
        if plan.new_quantity and plan.new_quantity[0] == day:
            self.quantity = plan.new_quantity[1]
        if plan.ends_now_on == day:
            self.state = "over"
        if plan.cancels_on == day:
            self.ends_at_boundary = True
        if plan.undoes_on == day:
            self.ends_at_boundary = False
        if plan.paused and plan.paused[0] == day:
            self.state = "paused"
        if plan.paused and plan.paused[1] == day and self.state == "paused":
            self.state = "runs"
            if now >= self.covered_until:
                self.anchor, self.steps, self.covered_until = now, 0, now

    def bill(self, now: datetime, exempt: bool) -> None:
        while self.state == "runs" and self.boundary(self.steps) <= now:
            start, end = self.boundary(self.steps), self.boundary(self.steps + 1)
            if self.ends_at_boundary:
                self.state = "over"
                return
            self._issue(start, end, exempt, now)
            self.steps, self.covered_until = self.steps + 1, end

    def _issue(self, start: datetime, end: datetime, exempt: bool, now: datetime) -> None:
        net = self.plan.unit_minor * self.quantity
        percents = [] if exempt else self.rates.on(self.plan.place, start.astimezone(ZONE).date())
        tax = sum(nearest(Fraction(net) * percent / 100) for percent in percents)
        applied = min(self.credit, net + tax)
        self.credit -= applied
        self.invoices.append(Expected(self.plan.key, start, end, net, tax, net + tax, applied))
        if self.plan.declines and net + tax - applied > 0 and self.failed_since is None:
            self.failed_since = now

    def dun(self, now: datetime) -> None:
        """The last retry has failed: it is over."""
        if self.failed_since and now >= self.failed_since + timedelta(days=RETRY_DAYS[-1]):
            self.state = "over"


def expected_invoices(
    plans: list[Plan], rates: Rates, days: list[date], without_runs: set[date]
) -> tuple[list[Expected], dict[int, str]]:
    """Every invoice of every plan, and how each subscription stands in the end: runs, paused or over."""
    lives = [Life(plan, rates) for plan in plans]
    for day in days:
        for life in lives:
            life.people_act(day)
            if day in without_runs:
                continue
            exempt = life.plan.exempt_from is not None and life.plan.exempt_from <= day
            life.bill(at(day, RUN_AT), exempt)
            life.dun(at(day, RUN_AT))
    return [invoice for life in lives for invoice in life.invoices], {life.plan.key: life.state for life in lives}
