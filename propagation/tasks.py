"""Wake-ups for the engine. Losing any of them only delays: the sweep finds whatever is due."""

from uuid import UUID

from celery import shared_task

from propagation.engine import work_through
from propagation.lanes import lane
from propagation.progress import wake_workers
from tenants.due import tenants_with_due

#: A task works this long for one tenant, then goes to the end of the queue.
TURN_SECONDS = 2.0


@shared_task
def carry_out_due(tenant_id: str) -> None:
    """Carry out the tenant's due steps for one turn, then queue up again while more is due."""
    with lane(UUID(tenant_id)) as entered:
        more = entered and work_through(UUID(tenant_id), TURN_SECONDS)
    if more:
        wake_workers(UUID(tenant_id))


@shared_task
def sweep() -> None:
    """Wake workers for every tenant that has due steps."""
    for tenant_id in tenants_with_due("steps"):
        wake_workers(tenant_id)
