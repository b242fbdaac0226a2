"""Wake-ups for the engine. Losing any of them only delays: the sweep finds whatever is due."""

from uuid import UUID

from celery import shared_task

from propagation.engine import anything_due, work_through
from propagation.wakeups import STEPS
from tenants.due import tenants_with_due
from tenants.lanes import SWEEP_LIFETIME


@shared_task
def carry_out_due(tenant_id: str, seat: str = "") -> None:
    """Carry out the tenant's due steps for one turn, then queue up again while more is due."""
    STEPS.take_turn(UUID(tenant_id), seat, work=work_through, anything_due=anything_due)


@shared_task
def sweep() -> None:
    """Give every tenant with due steps a turn, and wake workers for more, whatever became of earlier wake-ups."""
    for tenant_id in tenants_with_due("steps"):
        sweep_tenant.apply_async([str(tenant_id)], expires=SWEEP_LIFETIME)


@shared_task
def sweep_tenant(tenant_id: str) -> None:
    """One turn without a seat: also when every seat is held by workers that are dead."""
    STEPS.take_swept_turn(UUID(tenant_id), work=work_through)
