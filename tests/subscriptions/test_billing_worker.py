"""The billing run by a real worker, killed in the middle of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from customers.models import Customer
from subscriptions.billing.run import BATCH
from subscriptions.models import CustomerBalance, Invoice, Price, Subscription
from subscriptions.tasks import bill_tenant, sweep_billing
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests import database
from tests.factories import CustomerBalanceFactory, CustomerFactory, PriceFactory, TenantFactory
from tests.processes import CeleryWorker, wait_until
from tests.races import someone_waits_for_a_lock

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
PAYMENT_TERMS_DAYS = 3000  # nothing is collected meanwhile


def make_due(tenant: Tenant, count: int, since: datetime = START, first: int = 0) -> Customer:
    """One customer with that many yearly subscriptions, all due since then, numbered from `first`."""
    with tenant_scope(tenant.pk):
        carol: Customer = CustomerFactory.create(email="")
        price: Price = PriceFactory.create(interval="year", interval_count=3)
        Subscription.objects.bulk_create(
            Subscription(
                number=first + n, customer=carol, price=price, started_at=since, anchor_at=since, next_billing_at=since
            )
            for n in range(count)
        )
    return carol


def count(tenant: Tenant) -> int:
    with tenant_scope(tenant.pk):
        return Invoice.objects.count()


@contextmanager
def balance_held(customer: Customer) -> Iterator[None]:
    """Whoever issues an invoice to the customer must wait, in the middle of the transaction: one that waits at its
    COMMIT is finished by PostgreSQL, whatever dies."""
    with tenant_scope(customer.tenant_id):
        balance: CustomerBalance = CustomerBalanceFactory.create(customer=customer, currency="USD", amount_minor=100)
    with database.admin_connection(connection.settings_dict["NAME"]) as other, other.transaction():
        other.execute("SELECT FROM subscriptions_customerbalance WHERE id = %s FOR UPDATE", [balance.pk])
        yield


def test_a_killed_worker_leaves_the_rest_to_the_next(
    transactional_db: None, celery_worker_process: CeleryWorker
) -> None:
    """It dies with one batch done and the next one in its hands."""
    tenant: Tenant = TenantFactory.create(payment_terms_days=PAYMENT_TERMS_DAYS)
    make_due(tenant, BATCH)
    dave = make_due(tenant, 2 * BATCH, START + timedelta(hours=1), first=BATCH)
    with balance_held(dave):
        bill_tenant.delay(str(tenant.pk))
        wait_until(lambda: count(tenant) == BATCH and someone_waits_for_a_lock(), what="the run to be in the middle")
        celery_worker_process.kill()
    assert count(tenant) == BATCH
    celery_worker_process.start()
    sweep_billing.delay()
    wait_until(lambda: count(tenant) == 3 * BATCH, what="all invoices")
    with tenant_scope(tenant.pk):
        invoices = list(Invoice.objects.order_by("number").values_list("number", "subscription_id"))
        assert not Subscription.objects.exclude(next_period=1).exists()
    assert [number for number, _subscription in invoices] == list(range(1001, 1001 + 3 * BATCH))
    assert len({subscription for _number, subscription in invoices}) == 3 * BATCH


@pytest.mark.django_db(transaction=True)
def test_a_sweep_finds_tenants_with_due_subscriptions(celery_worker_process: CeleryWorker) -> None:
    tenants: list[Tenant] = TenantFactory.create_batch(3, payment_terms_days=PAYMENT_TERMS_DAYS)
    for tenant in tenants[:2]:
        make_due(tenant, 2)
    sweep_billing.delay()
    wait_until(lambda: [count(tenant) for tenant in tenants] == [2, 2, 0], what="invoices of two tenants")
