"""Waking workers for a tenant's due invoices. A wake-up that is lost only delays: the sweep finds the work."""

from tenants.lanes import Lane

COLLECTIONS = Lane("subscriptions.tasks.collect_tenant")
