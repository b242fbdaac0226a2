"""When an invoice that could not be collected is charged again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

#: Tries of the schedule keep this distance from what someone else asked for, and from one another when they are late.
PAUSE = timedelta(days=1)


def next_attempt_at(first_failed_at: datetime, retry_days: Sequence[int], failed: int) -> datetime | None:
    """When to charge again after `failed` scheduled tries have failed, the first one at `first_failed_at`: after the
    k-th failure, `retry_days[k - 1]` days after the first. None when every retry has failed.
    """
    if not 1 <= failed <= len(retry_days):
        return None
    return first_failed_at + timedelta(days=retry_days[failed - 1])


def after_refused_request(scheduled_at: datetime, now: datetime) -> datetime:
    """When the schedule's next try is made after a charge that someone asked for was refused at `now`: a day later at
    the earliest, so that the same card is not refused twice in a row. It is never put off by more than a day, however
    often someone asks; only one that has been late for longer is counted from now.
    """
    earliest, latest = now + PAUSE, scheduled_at + PAUSE
    if scheduled_at >= earliest:
        return scheduled_at
    return min(earliest, latest) if latest > now else earliest
