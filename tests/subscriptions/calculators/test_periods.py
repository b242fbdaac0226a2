"""Billing periods on the calendar of a time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from subscriptions.calculators.periods import add_interval, boundary, local_date, period, trial_end
from subscriptions.models import Interval

RECURRING = [interval.value for interval in Interval if interval != Interval.ONE_TIME]
#: Zones whose clocks change at midnight, by half an hour, on other dates, by a whole day, or never.
ZONES = [
    "UTC",
    "America/Toronto",
    "Europe/Paris",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("start", "interval", "count", "end"),
    [
        ("2026-01-15", Interval.MONTH, 1, "2026-02-15"),
        ("2026-01-31", Interval.MONTH, 1, "2026-02-28"),
        ("2028-01-31", Interval.MONTH, 1, "2028-02-29"),
        ("2026-11-30", Interval.MONTH, 3, "2027-02-28"),
        ("2028-02-29", Interval.YEAR, 1, "2029-02-28"),
        ("2026-12-31", Interval.DAY, 1, "2027-01-01"),
        ("2026-12-31", Interval.WEEK, 2, "2027-01-14"),
    ],
)
def test_a_period_ends_on_the_same_day_or_the_months_last(start: str, interval: str, count: int, end: str) -> None:
    moment = utc(f"{start} 09:00")
    assert add_interval(moment, interval, count) == utc(f"{end} 09:00")
    assert boundary(moment, "UTC", interval, count, 1) == utc(f"{end} 09:00")


def test_what_is_bought_once_has_no_period() -> None:
    assert add_interval(utc("2026-01-15"), Interval.ONE_TIME, 1) is None
    with pytest.raises(ValueError, match="one_time"):
        boundary(utc("2026-01-15"), "UTC", Interval.ONE_TIME, 1, 1)


@pytest.mark.parametrize(
    ("interval", "days"),
    [
        (Interval.MONTH, ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]),
        (Interval.YEAR, ["2027-01-31", "2028-01-31", "2029-01-31", "2030-01-31", "2031-01-31"]),
    ],
)
def test_a_short_month_does_not_wear_the_anchor_off(interval: str, days: list[str]) -> None:
    anchor = utc("2027-01-31 12:00")
    assert [f"{boundary(anchor, 'UTC', interval, 1, n):%Y-%m-%d}" for n in range(5)] == days


def test_29_february_comes_back_in_the_next_leap_year() -> None:
    anchor = utc("2028-02-29 12:00")
    assert [f"{boundary(anchor, 'UTC', Interval.YEAR, 1, n):%m-%d}" for n in range(5)] == [
        "02-29",
        "02-28",
        "02-28",
        "02-28",
        "02-29",
    ]


def test_the_local_time_stays_when_the_clocks_change() -> None:
    anchor = utc("2027-03-01 15:30")
    boundaries = [boundary(anchor, "America/Toronto", Interval.MONTH, 1, n) for n in range(9)]
    assert {local(moment, "America/Toronto")[11:] for moment in boundaries} == {"10:30"}
    assert [moment.hour for moment in boundaries] == [15, 14, 14, 14, 14, 14, 14, 14, 14]


@pytest.mark.parametrize(
    ("zone", "anchor", "skipped_to"),
    [
        ("America/Sao_Paulo", "2018-11-03 00:00", "2018-11-04 01:00"),
        ("America/Sao_Paulo", "2018-11-03 00:30", "2018-11-04 01:30"),
        ("Africa/Cairo", "2024-04-25 00:00", "2024-04-26 01:00"),
        ("Asia/Beirut", "2024-03-30 00:00", "2024-03-31 01:00"),
    ],
)
def test_a_midnight_that_a_zone_skips_becomes_the_moment_after(zone: str, anchor: str, skipped_to: str) -> None:
    start = datetime.fromisoformat(anchor).replace(tzinfo=ZoneInfo(zone))
    assert local(boundary(start, zone, Interval.DAY, 1, 1), zone) == skipped_to
    assert local(boundary(start, zone, Interval.DAY, 1, 2), zone)[11:] == anchor[11:]


def test_of_an_hour_that_comes_twice_the_first_is_taken() -> None:
    start = datetime(2027, 11, 6, 1, 30, tzinfo=ZoneInfo("America/Toronto"))
    assert boundary(start, "America/Toronto", Interval.DAY, 1, 1) == utc("2027-11-07 05:30")


def test_an_anchor_in_the_second_of_the_two_hours_is_the_first_boundary_itself() -> None:
    start = utc("2027-11-07 06:30")
    assert boundary(start, "America/Toronto", Interval.DAY, 1, 0) == start
    assert boundary(start, "America/Toronto", Interval.DAY, 1, 1) == utc("2027-11-08 06:30")


def test_a_day_that_a_zone_skips_is_no_period() -> None:
    """Samoa had no 30 December 2011."""
    anchor = datetime(2011, 12, 29, 10, tzinfo=ZoneInfo("Pacific/Apia"))
    first = period(anchor, "Pacific/Apia", Interval.DAY, 1, 0)
    second = period(anchor, "Pacific/Apia", Interval.DAY, 1, first.following)
    assert [local(one.start, "Pacific/Apia")[:10] for one in (first, second)] == ["2011-12-29", "2011-12-31"]
    assert first.end == second.start < second.end


def test_trials_are_days_of_the_calendar() -> None:
    """14 March 2027 has 23 hours in Toronto."""
    start = utc("2027-03-10 15:00")
    assert trial_end(start, "America/Toronto", 14) == utc("2027-03-24 14:00")


def test_the_date_is_that_of_the_zone() -> None:
    assert local_date(utc("2027-03-01 03:00"), "America/Toronto") == date(2027, 2, 28)


moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds are naive)


@given(
    anchor=moments,
    zone=st.sampled_from(ZONES),
    interval=st.sampled_from(RECURRING),
    count=st.integers(1, 36),
    periods=st.integers(1, 30),
)
@example(utc("2018-11-03 03:00"), "America/Sao_Paulo", "day", 1, 4)
@example(utc("2011-12-28 20:00"), "Pacific/Apia", "day", 1, 6)
@example(utc("2024-04-24 22:00"), "Africa/Cairo", "day", 1, 5)
@example(utc("2024-03-29 22:00"), "Asia/Beirut", "day", 1, 5)
@example(utc("2027-11-07 06:30"), "America/Toronto", "day", 1, 3)
@example(utc("2027-01-31 23:59"), "UTC", "month", 1, 30)
@example(utc("2028-02-29 12:00"), "Europe/Paris", "year", 1, 9)
def test_periods_tile_time_without_gap_or_overlap(
    anchor: datetime, zone: str, interval: str, count: int, periods: int
) -> None:
    at, number = anchor, 0
    for _ in range(periods):
        found = period(anchor, zone, interval, count, number)
        assert found.start == at
        assert found.end > found.start
        at, number = found.end, found.following


@given(anchor=moments, zone=st.sampled_from(ZONES), interval=st.sampled_from(RECURRING), number=st.integers(1, 60))
def test_a_boundary_is_the_anchors_wall_time_on_its_day_or_the_months_last(
    anchor: datetime, zone: str, interval: str, number: int
) -> None:
    there = boundary(anchor, zone, interval, 1, number).astimezone(ZoneInfo(zone))
    start = anchor.astimezone(ZoneInfo(zone))
    wall = there.replace(tzinfo=None)
    # A time that the zone skips has moved on, by a day at most.
    skipped = wall.time() != start.time()
    if interval in ("month", "year") and not skipped:
        last_day = (wall.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        assert wall.day in (start.day, last_day.day)
    if skipped:
        back = (there.astimezone(UTC) - timedelta(days=1)).astimezone(ZoneInfo(zone))
        assert back.utcoffset() != there.utcoffset()
