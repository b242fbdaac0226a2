"""Waking workers for a tenant's due steps. A wake-up that is lost only delays: the sweep finds the work."""

from uuid import UUID

from django.db import transaction

from propagation.lanes import take_seat
from tenants.wake import wake

TASK = "propagation.tasks.carry_out_due"
#: One change wakes at most this many workers; those that are awake go on until nothing is due.
MOST_WAKE_UPS = 4
#: A step that is due later than this is left to the sweep.
LONGEST_DELAY_SECONDS = 60.0


def wake_workers(tenant_id: UUID, *, steps: int = 1) -> None:
    """Once the open transaction has committed, wake workers for that many steps, as far as seats are free."""

    def send() -> None:
        for _ in range(min(steps, MOST_WAKE_UPS)):
            seat = take_seat(tenant_id)
            if seat is None:
                break
            wake(TASK, tenant_id, seat)

    transaction.on_commit(send)


def wake_worker_later(tenant_id: UUID, *, seconds: float) -> None:
    """Wake a worker when a step is due again; it takes a seat then."""
    if seconds <= LONGEST_DELAY_SECONDS:
        wake(TASK, tenant_id, after_seconds=seconds)
