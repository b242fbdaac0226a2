"""Wake-ups for the engine. Losing any of them only delays: the sweep finds whatever is due."""

from uuid import UUID

from celery import shared_task

from propagation.engine import anything_due, work_through
from propagation.lanes import keep_seat, leave_seat, take_seat
from propagation.wakeups import TASK, wake_workers
from tenants.due import tenants_with_due
from tenants.wake import wake

#: A wake-up works this long for one tenant, then goes to the end of the queue.
TURN_SECONDS = 0.5
#: Seconds after which a sweep's turn that no worker came to is dropped: later sweeps have asked for others.
SWEEP_LIFETIME = 15


@shared_task
def carry_out_due(tenant_id: str, seat: str = "") -> None:
    """Carry out the tenant's due steps for one turn, then queue up again while more is due.

    A wake-up that was sent without a seat takes one, or leaves the work to those that have one.
    """
    tenant = UUID(tenant_id)
    held = seat or take_seat(tenant)
    if held is None:
        return
    if work_through(tenant, TURN_SECONDS):
        keep_seat(tenant, held)
        wake(TASK, tenant, held)
        return
    leave_seat(tenant, held)
    # Whoever found no free seat while this one was being left relied on it.
    if anything_due(tenant):
        wake_workers(tenant)


@shared_task
def sweep() -> None:
    """Give every tenant with due steps a turn, and wake workers for more, whatever became of earlier wake-ups."""
    for tenant_id in tenants_with_due("steps"):
        sweep_tenant.apply_async([str(tenant_id)], expires=SWEEP_LIFETIME)


@shared_task
def sweep_tenant(tenant_id: str) -> None:
    """One turn without a seat: also when every seat is held by workers that are dead."""
    if work_through(UUID(tenant_id), TURN_SECONDS):
        wake_workers(UUID(tenant_id), steps=2)
