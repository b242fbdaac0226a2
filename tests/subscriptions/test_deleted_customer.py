"""A customer is sold something and deleted in the same instant: whoever comes second waits, and is told."""

from collections.abc import Callable
from typing import Any

import pytest

from customers.models import Customer
from customers.services import CannotDelete, delete_customer
from subscriptions.balance import add_balance_entry
from subscriptions.errors import BillingError
from subscriptions.invoicing import bill_purchase
from subscriptions.limits import hold_customer
from subscriptions.models import Invoice
from subscriptions.services import create_subscription
from tenants.actors import Actor
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, PriceFactory, TenantFactory
from tests.processes import PATIENCE_SECONDS
from tests.races import meanwhile, wait_for_a_lock

ALICE = Actor.system("alice")


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    made: Tenant = TenantFactory()
    return made


@pytest.fixture
def bob(tenant: Tenant) -> Customer:
    with tenant_scope(tenant.pk):
        made: Customer = CustomerFactory(email="")
        return made


def buy(bob: Customer) -> object:
    return bill_purchase(actor=ALICE, customer=bob, price=PriceFactory(interval="one_time"))


def subscribe(bob: Customer) -> object:
    return create_subscription(actor=ALICE, customer=bob, price=PriceFactory())


def credit(bob: Customer) -> object:
    return add_balance_entry(actor=ALICE, customer=bob, currency="CAD", amount_minor=5, reason="Goodwill")


@pytest.mark.parametrize("deal", [buy, subscribe, credit])
def test_nothing_is_sold_to_someone_who_is_being_deleted(
    tenant: Tenant, bob: Customer, deal: Callable[[Customer], Any]
) -> None:
    def try_it() -> str:
        with tenant_scope(tenant.pk), pytest.raises(BillingError) as refused:
            deal(bob)
        return f"{refused.value.code}: {refused.value}"

    with tenant_scope(tenant.pk):
        delete_customer(actor=ALICE, customer=bob)
        told = meanwhile(try_it)
        wait_for_a_lock("the deal to come upon the deletion")
    assert told.result(60) == "customer_deleted: This customer was deleted in the meantime."
    with tenant_scope(tenant.pk):
        carol = CustomerFactory(email="")
        assert bill_purchase(actor=ALICE, customer=carol, price=PriceFactory(interval="one_time")).number == 1001
        assert Invoice.objects.count() == 1


@pytest.mark.parametrize(("deal", "kept_by"), [(buy, "invoice"), (subscribe, "subscription"), (credit, "balance")])
def test_someone_who_is_being_sold_something_is_not_deleted(
    tenant: Tenant, bob: Customer, deal: Callable[[Customer], Any], kept_by: str
) -> None:
    def try_it() -> list[str]:
        with tenant_scope(tenant.pk), pytest.raises(CannotDelete) as refused:
            delete_customer(actor=ALICE, customer=bob)
        return [blocker.kind for blocker in refused.value.blockers]

    with tenant_scope(tenant.pk):
        deal(bob)
        told = meanwhile(try_it)
        wait_for_a_lock("the deletion to come upon the deal")
    assert told.result(60) == [kept_by]


def test_two_things_are_sold_to_someone_at_once_without_waiting(tenant: Tenant, bob: Customer) -> None:
    with tenant_scope(tenant.pk):
        monthly, yearly = PriceFactory(), PriceFactory(interval="year")

    def try_it() -> None:
        with tenant_scope(tenant.pk):
            hold_customer(bob)

    with tenant_scope(tenant.pk):
        create_subscription(actor=ALICE, customer=bob, price=monthly)
        meanwhile(try_it).result(PATIENCE_SECONDS)
        create_subscription(actor=ALICE, customer=bob, price=yearly)
