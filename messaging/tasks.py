"""Wake-ups for the outbox; see `messaging.sending`."""

from uuid import UUID

from celery import shared_task

from messaging.sending import send_due_messages
from tenants.due import tenants_with_due
from tenants.wake import wake


@shared_task
def send_due(tenant_id: str) -> None:
    send_due_messages(UUID(tenant_id))


@shared_task
def sweep() -> None:
    for tenant_id in tenants_with_due("messages"):
        wake(send_due, tenant_id)
