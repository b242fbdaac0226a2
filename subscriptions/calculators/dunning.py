"""When an invoice that could not be collected is charged again."""

from collections.abc import Sequence
from datetime import datetime, timedelta


def next_attempt_at(first_failed_at: datetime, retry_days: Sequence[int], failed: int) -> datetime | None:
    """When to charge again after `failed` scheduled tries have failed, the first one at `first_failed_at`: after the
    k-th failure, `retry_days[k - 1]` days after the first. None when every retry has failed.
    """
    if not 1 <= failed <= len(retry_days):
        return None
    return first_failed_at + timedelta(days=retry_days[failed - 1])
