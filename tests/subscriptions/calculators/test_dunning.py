from datetime import UTC, datetime, timedelta

import pytest

from subscriptions.calculators.dunning import next_attempt_at

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
