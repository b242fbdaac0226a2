"""A customer is deleted in the instant in which someone changes them: whoever comes second waits, and is told."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from customers.email_change import ask_email_change
from customers.errors import CustomerDeleted
from customers.locking import lock_customer
from customers.models import AddressKind, Customer, PortalSession
from customers.services import delete_customer, set_address, update_contact
from customers.social import set_social_profile
from tenants.actors import Actor
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, PortalSessionFactory, TenantFactory
from tests.races import meanwhile, wait_for_a_lock

ALICE = Actor.system("alice")


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    made: Tenant = TenantFactory()
    return made


@pytest.fixture
def bob(tenant: Tenant) -> Customer:
    with tenant_scope(tenant.pk):
        made: Customer = CustomerFactory()
        return made


def change_contact(bob: Customer) -> object:
    return update_contact(actor=ALICE, customer=bob, email="bob@elsewhere.example")


def change_address(bob: Customer) -> object:
    return set_address(actor=ALICE, customer=bob, kind=AddressKind.BILLING, values=None)


def change_profile(bob: Customer) -> object:
    return set_social_profile(actor=ALICE, customer=bob, bio="Gardener", location="", usernames={})


def change_email(bob: Customer) -> object:
    tenant = Tenant.objects.get(pk=bob.tenant_id)
    return ask_email_change(actor=ALICE, tenant=tenant, customer=bob, email="bob@elsewhere.example")


@pytest.mark.parametrize("change", [change_contact, change_address, change_profile, change_email])
def test_a_change_of_someone_who_is_being_deleted_is_refused(
    tenant: Tenant, bob: Customer, change: Callable[[Customer], object]
) -> None:
    def try_it() -> str:
        with tenant_scope(tenant.pk), pytest.raises(CustomerDeleted) as refused:
            change(bob)
        return str(refused.value)

    with tenant_scope(tenant.pk):
        delete_customer(actor=ALICE, customer=bob)
        told = meanwhile(try_it)
        wait_for_a_lock("the change to come upon the deletion")
    assert told.result(60) == "This customer was deleted in the meantime."


def test_a_page_of_the_portal_and_the_deletion_do_not_wait_for_each_other(tenant: Tenant, bob: Customer) -> None:
    """The page has written when the customer was last seen, and then changes something."""
    with tenant_scope(tenant.pk):
        session = PortalSessionFactory(customer=bob)

    def delete() -> None:
        with tenant_scope(tenant.pk):
            delete_customer(actor=ALICE, customer=bob)

    with tenant_scope(tenant.pk):
        PortalSession.objects.filter(pk=session.pk).update(seen_at=timezone.now() + timedelta(minutes=5))
        deletion = meanwhile(delete)
        wait_for_a_lock("the deletion to come upon the page")
        lock_customer(bob.pk)
    deletion.result(60)
    with tenant_scope(tenant.pk):
        assert not Customer.objects.exists()
