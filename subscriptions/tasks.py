"""Wake-ups for billing, collections, refunds and closing months.

Losing any of them only delays: the sweeps find whatever is due.
"""

import time
from uuid import UUID

from celery import shared_task

from subscriptions.billing.run import bill_due
from subscriptions.closing import close_due_months
from subscriptions.collection.engine import anything_due, collect_for
from subscriptions.collection.wakeups import COLLECTIONS
from subscriptions.refunds import refund_due
from tenants.due import tenants_with_due
from tenants.wake import wake

#: A wake-up works this long for one tenant, then goes to the end of the queue.
TURN_SECONDS = 5.0
#: Seconds after which a sweep's message that no worker came to is dropped: later sweeps have sent others.
SWEEP_LIFETIME = 30


@shared_task
def bill_tenant(tenant_id: str) -> None:
    """Bill what is due for one turn, then queue up again while more is."""
    end = time.monotonic() + TURN_SECONDS
    while bill_due(UUID(tenant_id)).more:
        if time.monotonic() >= end:
            wake(bill_tenant, tenant_id)
            return


@shared_task
def sweep_billing() -> None:
    """Wake a worker for every tenant that has due subscriptions, whatever became of earlier wake-ups."""
    for tenant_id in tenants_with_due("billing"):
        bill_tenant.apply_async([str(tenant_id)], expires=SWEEP_LIFETIME)


@shared_task
def collect_tenant(tenant_id: str, seat: str = "") -> None:
    """Collect the tenant's due invoices for one turn, then queue up again while more are due."""
    COLLECTIONS.take_turn(UUID(tenant_id), seat, work=collect_for, anything_due=anything_due)


@shared_task
def sweep_collections() -> None:
    """Give every tenant with due invoices a turn, and wake workers for more, whatever became of earlier wake-ups."""
    for tenant_id in tenants_with_due("collections"):
        collect_swept_tenant.apply_async([str(tenant_id)], expires=SWEEP_LIFETIME)


@shared_task
def collect_swept_tenant(tenant_id: str) -> None:
    """One turn without a seat: also when every seat is held by workers that are dead."""
    COLLECTIONS.take_swept_turn(UUID(tenant_id), work=collect_for)


@shared_task
def refund_tenant(tenant_id: str) -> None:
    """Carry out the tenant's due refunds for one turn, then queue up again while more are due."""
    if refund_due(UUID(tenant_id), seconds=TURN_SECONDS):
        wake(refund_tenant, tenant_id)


@shared_task
def sweep_refunds() -> None:
    """Wake a worker for every tenant that has due refunds, whatever became of earlier wake-ups."""
    for tenant_id in tenants_with_due("refunds"):
        refund_tenant.apply_async([str(tenant_id)], expires=SWEEP_LIFETIME)


@shared_task
def close_tenant_months(tenant_id: str) -> None:
    """Close the tenant's months that are over. One that has to wait for the billing run is found by a later sweep."""
    close_due_months(UUID(tenant_id))


@shared_task
def sweep_months() -> None:
    """Wake a worker for every tenant whose last closed month was over four weeks ago, or that has none yet."""
    for tenant_id in tenants_with_due("months"):
        close_tenant_months.apply_async([str(tenant_id)], expires=SWEEP_LIFETIME)
