"""Holding an invoice while something is done to its payment, so that nobody else does anything to it meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from payments.gateway.errors import Busy
from payments.gateway.leases import LEASE
from subscriptions.models import Invoice
from tenants.scope import tenant_scope


@contextmanager
def holding_invoice(tenant_id: UUID, invoice_id: UUID) -> Iterator[datetime]:
    """Hold the invoice's lease, outside any transaction. Raises Busy while someone else has it."""
    now = timezone.now()
    with tenant_scope(tenant_id):
        lease = take_lease(invoice_id, now)
    if lease is None:
        raise Busy(code="busy", gateway_message="This invoice is being collected at this moment.")
    try:
        yield lease
    finally:
        with tenant_scope(tenant_id):
            give_lease_back(invoice_id, lease)


def take_lease(invoice_id: UUID, now: datetime) -> datetime | None:
    """The lease's token; None while someone else holds it. In the open scope."""
    free = Q(collection_lease_until=None) | Q(collection_lease_until__lte=now)
    taken = Invoice.objects.filter(free, pk=invoice_id).update(collection_lease_until=now + LEASE)
    return now + LEASE if taken else None


def give_lease_back(invoice_id: UUID, lease: datetime) -> None:
    """Only one's own: after it has run out, it may be someone else's."""
    Invoice.objects.filter(pk=invoice_id, collection_lease_until=lease).update(collection_lease_until=None)
