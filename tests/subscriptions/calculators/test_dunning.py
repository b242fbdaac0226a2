from datetime import UTC, datetime, timedelta

import pytest

from subscriptions.calculators.dunning import after_refused_request, next_attempt_at

FAILED = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("retry_days", "failed", "days"),
    [
        ([1, 3, 5, 7], 1, 1),
        ([1, 3, 5, 7], 2, 3),
        ([1, 3, 5, 7], 4, 7),
        ([1, 3, 5, 7], 5, None),
        ([], 1, None),
        ([2], 0, None),
    ],
)
def test_retries_are_counted_from_the_first_failure(retry_days: list[int], failed: int, days: int | None) -> None:
    expected = None if days is None else FAILED + timedelta(days=days)
    assert next_attempt_at(FAILED, retry_days, failed) == expected


@pytest.mark.parametrize(
    ("planned_in", "then_in"),
    [
        (timedelta(days=2), timedelta(days=2)),
        (timedelta(days=1), timedelta(days=1)),
        (timedelta(hours=23), timedelta(days=1)),
        (timedelta(0), timedelta(days=1)),
        # Put off before: no more than a day in all.
        (timedelta(hours=-2), timedelta(hours=22)),
        (timedelta(hours=-23), timedelta(hours=1)),
        # Late by an outage.
        (timedelta(hours=-24), timedelta(days=1)),
        (timedelta(days=-9), timedelta(days=1)),
    ],
)
def test_a_refused_request_keeps_the_schedule_a_day_away_but_never_for_longer(
    planned_in: timedelta, then_in: timedelta
) -> None:
    assert after_refused_request(FAILED + planned_in, FAILED) == FAILED + then_in
