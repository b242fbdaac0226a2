"""When billing periods begin and end.

Periods are counted from an anchor on the calendar of a time zone, so that a month end never wears off: 31 January and
a month is 28 (29) February, and a month later 31 March, as the gateway has it
(https://docs.stripe.com/billing/subscriptions/billing-cycle).
"""

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from subscriptions.models.catalogue import Interval


class Period(NamedTuple):
    """[start, end), the `number`th counted from the anchor; the next one's number is `following`."""

    number: int
    start: datetime
    end: datetime
    following: int


def add_interval(moment: datetime, interval: str, count: int) -> datetime | None:
    """`count` intervals later on the moment's own calendar; None for what is bought once.

    A month that lacks the day ends on its last one.
    """
    if interval == Interval.ONE_TIME:
        return None
    if interval in (Interval.DAY, Interval.WEEK):
        return moment + timedelta(days=count * (7 if interval == Interval.WEEK else 1))
    months = moment.month - 1 + count * (12 if interval == Interval.YEAR else 1)
    year, month = moment.year + months // 12, months % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def boundary(anchor: datetime, zone: str, interval: str, count: int, number: int) -> datetime:
    """Where the `number`th period from the anchor begins, in UTC: the anchor's local time, `number` x `count` intervals
    later. Of a local time that a clock change repeats, the first is taken; one that it skips moves on by what is
    skipped (https://docs.python.org/3/library/datetime.html#datetime.datetime.fold). The 0th is the anchor itself.

    Raises ValueError for an interval that does not recur.
    """
    if number == 0:
        return anchor.astimezone(UTC)
    local = ZoneInfo(zone)
    wall = add_interval(anchor.astimezone(local).replace(tzinfo=None, fold=0), interval, number * count)
    if wall is None:
        raise ValueError(interval)
    return wall.replace(tzinfo=local).astimezone(UTC)


def period(anchor: datetime, zone: str, interval: str, count: int, number: int) -> Period:
    """The period that begins at the boundary of this number.

    Where a zone skips whole days, boundaries may fall together; the empty periods between them are passed over.
    """
    start, following = boundary(anchor, zone, interval, count, number), number + 1
    while (end := boundary(anchor, zone, interval, count, following)) <= start:
        following += 1
    return Period(number, start, end, following)


def trial_end(start: datetime, zone: str, days: int) -> datetime:
    """A trial's end, that many days later on the zone's calendar."""
    return boundary(start, zone, Interval.DAY, 1, days)


def local_date(moment: datetime, zone: str) -> date:
    """The date that the zone's calendar shows at that moment."""
    return moment.astimezone(ZoneInfo(zone)).date()
