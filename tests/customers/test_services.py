import pytest

from customers.addresses import AddressValues
from customers.deletion import deletion_blockers
from customers.errors import CustomerError
from customers.models import Address, AddressKind, Customer
from customers.services import (
    CannotDelete,
    create_customer,
    delete_customer,
    set_address,
    update_contact,
    update_customer,
)
from tenants.actors import Actor
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests.factories import (
    CustomerFactory,
    InvoiceFactory,
    PaymentProfileFactory,
    SubscriptionFactory,
    TenantFactory,
)

pytestmark = pytest.mark.django_db
ALICE = Actor.system("alice")
MONTREAL = AddressValues("1 rue Peel", "", "Montréal", "QC", "H3C 2W1", "CA")


@pytest.fixture
def tenant():
    tenant = TenantFactory()
    with tenant_scope(tenant.pk):
        yield tenant


def test_creates_with_a_number_a_comparable_address_and_an_audit_row(tenant: Tenant) -> None:
    first = create_customer(actor=ALICE, first_name="Bob", last_name="Roy", email=" Bob@Example.COM ")
    second = create_customer(actor=ALICE, first_name="Eve", last_name="Roy", billing_address=MONTREAL)
    assert (first.short_number, second.short_number) == ("C-1001", "C-1002")
    assert (first.email, first.email_normalized) == ("Bob@Example.COM", "bob@example.com")
    assert AddressValues.of(second.addresses.get()) == MONTREAL
    entry = AuditEntry.objects.get(target_id=second.pk)
    assert entry.action == "customer.created"
    assert entry.after["billing_address"] == "1 rue Peel, Montréal, QC, H3C 2W1, CA"


def test_refuses_a_customer_without_a_name(tenant: Tenant) -> None:
    with pytest.raises(CustomerError) as refused:
        create_customer(actor=ALICE, first_name="Bob", last_name=" ")
    assert refused.value.code == "name_missing"
    assert create_customer(actor=ALICE, first_name="", last_name="", organisation="Roy Inc.").name == "Roy Inc."


def test_no_two_customers_share_a_reference(tenant: Tenant) -> None:
    create_customer(actor=ALICE, first_name="Bob", last_name="Roy", reference="A-1")
    with pytest.raises(CustomerError) as refused:
        create_customer(actor=ALICE, first_name="Eve", last_name="Roy", reference="A-1")
    assert (refused.value.code, list(refused.value.fields)) == ("reference_taken", ["reference"])
    assert Customer.objects.count() == 1


def test_update_tells_what_differs_and_writes_only_that_to_the_audit_log(tenant: Tenant) -> None:
    bob = CustomerFactory(first_name="Bob", email="bob@example.com")
    values = {"first_name": "Robert", "email": "bob@example.com", "cc_emails": ["a@example.com"]}
    assert update_customer(actor=ALICE, customer=bob, values=values) == {"first_name", "cc_emails"}
    entry = AuditEntry.objects.get()
    assert (entry.before, entry.after) == (
        {"first_name": "Bob", "cc_emails": []},
        {"first_name": "Robert", "cc_emails": ["a@example.com"]},
    )
    assert update_customer(actor=ALICE, customer=bob, values=values) == set()
    assert AuditEntry.objects.count() == 1


def test_contact_alone_changes_and_the_compared_address_with_it(tenant: Tenant) -> None:
    bob = CustomerFactory(email="bob@example.com")
    assert update_contact(actor=ALICE, customer=bob, email="New@Example.com") == {"email"}
    bob.refresh_from_db()
    assert bob.email_normalized == "new@example.com"


def test_an_address_is_put_changed_and_taken_away(tenant: Tenant) -> None:
    bob = CustomerFactory()
    kind = AddressKind.BILLING
    assert set_address(actor=ALICE, customer=bob, kind=kind, values=MONTREAL)
    assert not set_address(actor=ALICE, customer=bob, kind=kind, values=MONTREAL.as_dict())
    assert set_address(actor=ALICE, customer=bob, kind=kind, values=MONTREAL.as_dict() | {"line1": "2 rue Peel"})
    assert set_address(actor=ALICE, customer=bob, kind=kind, values=None)
    assert not Address.objects.exists()
    assert AuditEntry.objects.filter(action="customer.address_updated").count() == 3


def test_delete_is_refused_while_anything_depends_on_the_customer_and_says_what(tenant: Tenant) -> None:
    bob = CustomerFactory()
    subscription = SubscriptionFactory(customer=bob)
    invoice = InvoiceFactory(customer=bob)
    card = PaymentProfileFactory(customer=bob)
    with pytest.raises(CannotDelete) as refused:
        delete_customer(actor=ALICE, customer=bob)
    assert {blocker.object_id for blocker in refused.value.blockers} == {subscription.pk, invoice.pk, card.pk}
    told = " ".join(str(blocker.sentence) for blocker in refused.value.blockers)
    assert "S-1001" in told
    assert "INV-1001" in told
    assert "4242" in told


def test_a_customer_on_whom_nothing_depends_is_deleted_and_the_audit_log_keeps_it(tenant: Tenant) -> None:
    bob = CustomerFactory()
    set_address(actor=ALICE, customer=bob, kind=AddressKind.BILLING, values=MONTREAL)
    assert deletion_blockers(bob) == []
    delete_customer(actor=ALICE, customer=bob, reason="twice")
    assert not Customer.objects.exists()
    entry = AuditEntry.objects.get(action="customer.deleted")
    assert (entry.before["number"], entry.reason) == ("C-1001", "twice")
