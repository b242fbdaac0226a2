"""How long a billing period is. Pure: moments in, moments out."""

import calendar
from datetime import datetime, timedelta

from subscriptions.models import Interval


def add_interval(moment: datetime, interval: str, count: int) -> datetime | None:
    """`count` intervals later; None for what is bought once.

    A month that lacks the day ends on its last one: 31 January and a month is 28 (29) February, as the gateway has it
    (https://docs.stripe.com/billing/subscriptions/billing-cycle).
    """
    if interval == Interval.ONE_TIME:
        return None
    if interval in (Interval.DAY, Interval.WEEK):
        return moment + timedelta(days=count * (7 if interval == Interval.WEEK else 1))
    months = moment.month - 1 + count * (12 if interval == Interval.YEAR else 1)
    year, month = moment.year + months // 12, months % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
