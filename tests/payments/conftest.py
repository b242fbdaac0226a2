"""A tenant with an account at the sandbox gateway, and a customer."""

from uuid import UUID

import pytest

from customers.models import Customer
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, TenantFactory, sandbox_account
from tests.payments.shelf import Shelf
from tests.processes import Sandbox


@pytest.fixture
def shelf(sandbox: Sandbox) -> Shelf:
    return Shelf(sandbox)


@pytest.fixture
def tenant(transactional_db: None, shelf: Shelf) -> Tenant:
    """Acme, whose keys are the shelf's."""
    tenant = TenantFactory.create(slug="acme", name="Acme")
    with tenant_scope(tenant.pk):
        sandbox_account(shelf.sandbox, "acme")
    return tenant


@pytest.fixture
def tenant_id(tenant: Tenant) -> UUID:
    return tenant.pk


@pytest.fixture
def customer(tenant: Tenant) -> Customer:
    with tenant_scope(tenant.pk):
        return CustomerFactory.create(first_name="Bob", last_name="Tremblay")
