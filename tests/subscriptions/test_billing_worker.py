"""The billing run by a real worker, killed in the middle of it."""

from datetime import UTC, datetime

import pytest

from subscriptions.models import Invoice, Price, Subscription
from subscriptions.tasks import bill_tenant, sweep_billing
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, PriceFactory, TenantFactory
from tests.processes import CeleryWorker, wait_until

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
PAYMENT_TERMS_DAYS = 3000  # nothing is collected meanwhile


def make_due(tenant: Tenant, count: int) -> None:
    """One customer with that many yearly subscriptions, all due."""
    with tenant_scope(tenant.pk):
        carol = CustomerFactory.create(email="")
        price: Price = PriceFactory.create(interval="year", interval_count=3)
        Subscription.objects.bulk_create(
            Subscription(
                number=n, customer=carol, price=price, started_at=START, anchor_at=START, next_billing_at=START
            )
            for n in range(count)
        )


def count(tenant: Tenant) -> int:
    with tenant_scope(tenant.pk):
        return Invoice.objects.count()


def test_a_killed_worker_leaves_the_rest_to_the_next(
    transactional_db: None, celery_worker_process: CeleryWorker
) -> None:
    tenant: Tenant = TenantFactory.create(payment_terms_days=PAYMENT_TERMS_DAYS)
    make_due(tenant, 3000)
    bill_tenant.delay(str(tenant.pk))
    wait_until(lambda: count(tenant) >= 200, what="some invoices")
    celery_worker_process.kill()
    assert count(tenant) < 3000
    celery_worker_process.start()
    sweep_billing.delay()
    wait_until(lambda: count(tenant) == 3000, what="all invoices")
    with tenant_scope(tenant.pk):
        invoices = list(Invoice.objects.order_by("number").values_list("number", "subscription_id"))
        assert not Subscription.objects.exclude(next_period=1).exists()
    assert [number for number, _subscription in invoices] == list(range(1001, 4001))
    assert len({subscription for _number, subscription in invoices}) == 3000


@pytest.mark.django_db(transaction=True)
def test_a_sweep_finds_tenants_with_due_subscriptions(celery_worker_process: CeleryWorker) -> None:
    tenants: list[Tenant] = TenantFactory.create_batch(3, payment_terms_days=PAYMENT_TERMS_DAYS)
    for tenant in tenants[:2]:
        make_due(tenant, 2)
    sweep_billing.delay()
    wait_until(lambda: [count(tenant) for tenant in tenants] == [2, 2, 0], what="invoices of two tenants")
