"""Waking workers for a tenant's due steps. A wake-up that is lost only delays: the sweep finds the work."""

from uuid import UUID

from tenants.lanes import Lane

STEPS = Lane("propagation.tasks.carry_out_due")


def wake_workers(tenant_id: UUID, *, steps: int = 1) -> None:
    """Once the open transaction has committed, wake workers for that many steps, as far as seats are free."""
    STEPS.wake_workers(tenant_id, wanted=steps)


def wake_worker_later(tenant_id: UUID, *, seconds: float) -> None:
    """Wake a worker when a step is due again; it takes a seat then."""
    STEPS.wake_later(tenant_id, seconds=seconds)
