"""Two hundred subscriptions of every interval, and what befalls each; made the same way every time."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random

from tests.scenarios.billing_calculator import ZONE, Plan, Rates

FIRST_DAY = date(2024, 1, 15)
DAYS = [FIRST_DAY + timedelta(days=n) for n in range(425)]
#: Nothing ran on these days: what was due is caught up with, period by period.
OUTAGE = {date(2024, 6, 3) + timedelta(days=n) for n in range(9)}
TAX_CHANGE = date(2024, 9, 1)
RATES = Rates(
    {
        "QC": [
            (date(2000, 1, 1), [Fraction(5), Fraction("9.975")]),
            (TAX_CHANGE, [Fraction(5), Fraction("10.5")]),
        ],
        "ON": [(date(2000, 1, 1), [Fraction(13)])],
        "US": [],
    }
)
CREDIT_DAY = date(2024, 4, 10)
EXEMPTION_DAY = date(2024, 10, 20)

#: (interval, count, how many subscriptions, unit amounts in minor units)
SHAPES = [
    ("day", 1, 2, [99, 150]),
    ("day", 5, 2, [333]),
    ("week", 1, 4, [499, 77]),
    ("week", 2, 10, [1250, 95]),
    ("month", 1, 60, [1999, 2450, 990, 55, 0]),
    ("month", 3, 66, [3600, 5995]),
    ("year", 1, 56, [12000, 24995]),
]
#: When calendars are difficult: month ends, the leap day, the hours that clock changes skip or repeat.
ANCHORS = [
    (date(2024, 1, 31), 0, 0),
    (date(2024, 1, 30), 23, 59),
    (date(2024, 2, 29), 6, 15),
    (date(2024, 3, 10), 2, 30),
    (date(2024, 11, 3), 1, 30),
    (date(2024, 3, 31), 0, 0),
    (date(2024, 8, 31), 12, 0),
]


def plans() -> list[Plan]:
    chance = Random(14)
    made = [plan for shape in SHAPES for plan in _of_shape(chance, *shape)]
    for key, plan in enumerate(made):
        plan.key = key
        _befall(chance, plan, key)
    return made


def _of_shape(chance: Random, interval: str, count: int, how_many: int, amounts: list[int]) -> Iterator[Plan]:
    for n in range(how_many):
        if interval == "day" and count == 1:
            day, hour, minute = date(2025, 2, 1), 0, 0
        elif n % 3 == 0:
            day, hour, minute = ANCHORS[n // 3 % len(ANCHORS)]
        else:
            day, hour, minute = FIRST_DAY + timedelta(days=chance.randrange(1, 60)), chance.randrange(24), 0
        starts = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE).astimezone(UTC)
        yield Plan(
            key=0,
            interval=interval,
            count=count,
            unit_minor=amounts[n % len(amounts)],
            quantity=1 + n % 3,
            starts=starts,
            trial_days=14 if n % 9 == 4 else 0,
            place=("QC", "ON", "US")[n % 5 % 3],
        )


def _befall(chance: Random, plan: Plan, key: int) -> None:
    """At most one thing each, so that the story of each is plain."""
    day = FIRST_DAY + timedelta(days=chance.randrange(100, 330))
    fate = key % 12
    if fate == 1 and plan.unit_minor:
        plan.declines = not (plan.starts.date() + timedelta(days=30) > min(OUTAGE) - timedelta(days=9))
    elif fate == 2:
        plan.paused = (day, day + timedelta(days=chance.choice([3, 20, 75])))
    elif fate == 3:
        plan.cancels_on = day
    elif fate == 4:
        plan.cancels_on, plan.undoes_on = day, day + timedelta(days=1)
    elif fate == 5:
        plan.ends_now_on = day
    elif fate == 6:
        plan.exempt_from = EXEMPTION_DAY
    elif fate == 7:
        plan.new_quantity = (day, plan.quantity + 2)
    elif fate == 8:
        plan.credit = (CREDIT_DAY, 5000)
