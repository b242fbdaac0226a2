"""Sweeps: invitations past their time, and card entries whose browser has vanished."""

from uuid import UUID

from celery import shared_task

from invitations.card_setups import settle_open_setups
from invitations.services import expire_invitations
from tenants.due import tenants_with_due
from tenants.scope import tenant_scope
from tenants.wake import wake


@shared_task
def sweep_expired() -> None:
    for tenant_id in tenants_with_due("invitations"):
        wake(expire_due, tenant_id)


@shared_task
def expire_due(tenant_id: str) -> None:
    with tenant_scope(UUID(tenant_id)):
        expire_invitations()


@shared_task
def sweep_card_setups() -> None:
    for tenant_id in tenants_with_due("card_setups"):
        wake(settle_setups, tenant_id)


@shared_task
def settle_setups(tenant_id: str) -> None:
    settle_open_setups(UUID(tenant_id))
