from uuid import uuid4

import pytest

from subscriptions.calculators.trials import free_days

MAGAZINE, PAPER = uuid4(), uuid4()


@pytest.mark.parametrize(
    ("trial_days", "tried", "free"),
    [
        (14, set(), 14),
        (14, {PAPER}, 14),
        (14, {MAGAZINE}, 0),
        (14, {PAPER, MAGAZINE}, 0),
        (0, set(), 0),
        (0, {MAGAZINE}, 0),
    ],
)
def test_a_product_is_tried_once(trial_days: int, tried: set[object], free: int) -> None:
    assert free_days(trial_days, MAGAZINE, tried) == free  # type: ignore[arg-type]
