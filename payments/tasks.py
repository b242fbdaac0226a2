"""Wake-ups for the gateway's events."""

from uuid import UUID

from celery import shared_task

from payments.events import process_next_event
from tenants.due import tenants_with_due
from tenants.wake import wake


@shared_task
def process_due_events(tenant_id: str) -> None:
    """Process the tenant's due events."""
    while process_next_event(UUID(tenant_id)):
        pass


@shared_task
def sweep_events() -> None:
    """Wake a worker for every tenant that has due events, whatever became of earlier wake-ups."""
    for tenant_id in tenants_with_due("events"):
        wake(process_due_events, tenant_id)
