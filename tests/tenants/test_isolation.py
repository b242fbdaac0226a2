"""SQL as the application's own role: nothing without a scope, and one tenant's rows only within one."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from django.apps import apps
from django.db import Error, IntegrityError, ProgrammingError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from invitations.models import Invitation
from messaging.models import DeliveryEvent, Message
from payments.models import GatewayEvent
from propagation.models import Change, Step, StepAttempt
from subscriptions.models import BalanceEntry, MonthlyAmounts
from tenants.actors import Actor
from tenants.audit import record
from tenants.database import role_problems, verify_database_role
from tenants.fields import TenantModel
from tenants.models import AuditEntry, Membership, NumberSequence, StaffInvitation, Tenant, User
from tenants.scope import ScopeRequired, current_tenant_id, own_memberships_scope, tenant_scope
from tests.factories import (
    AddressFactory,
    BalanceEntryFactory,
    CardSetupFactory,
    ChargeFactory,
    CheckoutFactory,
    CreditNoteFactory,
    CustomerBalanceFactory,
    CustomerFactory,
    EmailChangeFactory,
    GatewayAccountFactory,
    GatewayCustomerFactory,
    InvoiceFactory,
    InvoiceLineFactory,
    InvoiceTaxFactory,
    MembershipFactory,
    MessageTemplateFactory,
    MonthlyAmountsFactory,
    PaymentProfileFactory,
    PortalPasswordFactory,
    PortalSessionFactory,
    RefundFactory,
    SignInCodeFactory,
    SocialProfileFactory,
    SubscriptionFactory,
    TaxRateFactory,
    TenantFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

MODELS = sorted((m for m in apps.get_models() if issubclass(m, TenantModel)), key=lambda m: m._meta.label)


@dataclass
class TwoTenants:
    ours: Tenant
    theirs: Tenant


def fill() -> None:
    """Rows of every kind in the open scope."""
    customer = CustomerFactory()
    profile = PaymentProfileFactory(customer=customer, is_default=True)
    subscription = SubscriptionFactory(customer=customer, payment_profile=profile)
    invoice = InvoiceFactory(customer=customer, subscription=subscription)
    for of_invoice in (InvoiceLineFactory, InvoiceTaxFactory, ChargeFactory):
        of_invoice(invoice=invoice)
    RefundFactory(credit_note=CreditNoteFactory(invoice=invoice))
    for of_customer in (
        BalanceEntryFactory,
        CheckoutFactory,
        CustomerBalanceFactory,
        EmailChangeFactory,
        PortalPasswordFactory,
        PortalSessionFactory,
        SocialProfileFactory,
    ):
        of_customer(customer=customer)
    for of_tenant in (MessageTemplateFactory, MonthlyAmountsFactory, SignInCodeFactory, TaxRateFactory):
        of_tenant()
    AddressFactory(customer=customer)
    GatewayAccountFactory()
    GatewayCustomerFactory(customer=customer)
    CardSetupFactory(customer=customer)
    MembershipFactory()
    StaffInvitation.objects.create(email="dora@example.com", expires_at=timezone.now())
    GatewayEvent.objects.create(gateway_id="evt_1", type="customer.updated", payload={})
    message = Message.objects.create(
        channel="email", template="invitation", language="en", to="bob@example.com", text=""
    )
    DeliveryEvent.objects.create(message=message, kind="delivered", provider_event_id="1")
    Invitation.objects.create(
        number=1, customer=customer, channels=["email"], language="en", lifetime_hours=24, expires_at=timezone.now()
    )
    change = Change.objects.create(number=1, customer=customer, kind="replace", source="backoffice", actor_kind="staff")
    step = Step.objects.create(change=change, customer=customer, stage=10, kind="attach", due_at=timezone.now())
    StepAttempt.objects.create(step=step, number=1)
    record(actor=Actor.system("tests"), action="customer.created", target=customer)


@pytest.fixture
def tenants() -> TwoTenants:
    two = TwoTenants(TenantFactory(), TenantFactory())
    for tenant in (two.ours, two.theirs):
        with tenant_scope(tenant.pk):
            fill()
    return two


def rows_in(table: str) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT tenant_id FROM "{table}"')  # noqa: S608
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_without_a_scope_no_row_exists(tenants: TwoTenants, model: type[Model]) -> None:
    assert rows_in(model._meta.db_table) == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_within_a_scope_no_row_of_another_exists(tenants: TwoTenants, model: type[Model]) -> None:
    with tenant_scope(tenants.ours.pk):
        assert set(rows_in(model._meta.db_table)) <= {tenants.ours.pk}


def test_within_a_scope_its_own_rows_exist(tenants: TwoTenants) -> None:
    with tenant_scope(tenants.ours.pk):
        filled = [model for model in MODELS if rows_in(model._meta.db_table)]
    assert filled == MODELS


def test_without_a_scope_nothing_can_be_inserted(tenants: TwoTenants) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        NumberSequence.objects.create(tenant=tenants.ours, name="stray", last=1)


def test_without_a_scope_the_models_say_that_one_is_needed() -> None:
    with pytest.raises(ScopeRequired):
        NumberSequence.objects.create(name="stray", last=1)


def test_cannot_insert_a_row_for_another_tenant(tenants: TwoTenants) -> None:
    with (
        tenant_scope(tenants.ours.pk),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        NumberSequence.objects.create(tenant=tenants.theirs, name="stray", last=1)


def test_cannot_give_a_row_to_another_tenant(tenants: TwoTenants) -> None:
    with (
        tenant_scope(tenants.ours.pk),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        NumberSequence.objects.update(tenant=tenants.theirs)


@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}"])
def test_cannot_touch_rows_of_another_tenant(tenants: TwoTenants, statement: str) -> None:
    with tenant_scope(tenants.theirs.pk):
        their_id = NumberSequence.objects.first().pk  # type: ignore[union-attr]
    with tenant_scope(tenants.ours.pk), connection.cursor() as cursor:
        cursor.execute(statement.format("tenants_numbersequence") + " WHERE id = %s", [their_id])
        assert cursor.rowcount == 0


@pytest.mark.parametrize("statement", ["UPDATE tenants_tenant SET name = 'Ours now'", "DELETE FROM tenants_tenant"])
def test_the_settings_of_another_tenant_cannot_be_touched(tenants: TwoTenants, statement: str) -> None:
    """Every tenant's row can be read, to find it by its name in an address; it is changed in its own scope alone."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount == 0
        with tenant_scope(tenants.ours.pk):
            cursor.execute(f"{statement} WHERE id = %s", [tenants.theirs.pk])
            assert cursor.rowcount == 0
            assert Tenant.objects.filter(pk=tenants.ours.pk).update(name="Renamed") == 1


REFERENCES = [
    (model, field.name)
    for model in MODELS
    for field in model._meta.local_fields
    if field.is_relation and issubclass(field.related_model, TenantModel)
]


@pytest.mark.parametrize(("model", "name"), REFERENCES, ids=lambda part: getattr(part, "__name__", part))
def test_cannot_refer_to_a_row_of_another_tenant(tenants: TwoTenants, model: type[Model], name: str) -> None:
    """Even a row of our own, pointed at another tenant's id by SQL, is refused by the database."""
    field = model._meta.get_field(name)
    with tenant_scope(tenants.theirs.pk):
        foreign_id = field.related_model.objects.first().pk  # type: ignore[union-attr]
    with tenant_scope(tenants.ours.pk):
        own_row = model.objects.first()  # type: ignore[attr-defined]
        with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
            refer(own_row, field.column, foreign_id)  # type: ignore[union-attr]


def refer(row: Model, column: str, to: UUID) -> None:
    table = row._meta.db_table
    with connection.cursor() as cursor:
        if isinstance(row, BalanceEntry | MonthlyAmounts):  # never changed, so that a copy of it is added
            copy = f"jsonb_populate_record(old, jsonb_build_object('id', uuidv7(), '{column}', %s::text))"
            cursor.execute(f'INSERT INTO "{table}" SELECT ({copy}).* FROM "{table}" old WHERE id = %s', [to, row.pk])  # noqa: S608
        else:
            cursor.execute(f'UPDATE "{table}" SET "{column}" = %s WHERE id = %s', [to, row.pk])  # noqa: S608
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_an_inner_scope_gives_way_to_the_outer_one(tenants: TwoTenants) -> None:
    with tenant_scope(tenants.ours.pk):
        with tenant_scope(tenants.theirs.pk):
            assert current_tenant_id() == tenants.theirs.pk
            assert set(rows_in("customers_customer")) == {tenants.theirs.pk}
        assert current_tenant_id() == tenants.ours.pk
        assert set(rows_in("customers_customer")) == {tenants.ours.pk}
    with pytest.raises(ScopeRequired):
        current_tenant_id()
    assert rows_in("customers_customer") == []


def test_the_outer_scope_returns_after_an_aborted_inner_transaction(tenants: TwoTenants) -> None:
    with tenant_scope(tenants.ours.pk):
        with pytest.raises(Error), tenant_scope(tenants.theirs.pk), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert set(rows_in("customers_customer")) == {tenants.ours.pk}


@pytest.mark.django_db(transaction=True)
def test_a_scope_ends_with_its_transaction_even_when_aborted() -> None:
    tenant = TenantFactory()
    with pytest.raises(Error), tenant_scope(tenant.pk), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('app.tenant_id', true), '')")
        assert cursor.fetchone() == ("",)


def test_people_see_only_their_own_memberships_across_tenants(tenants: TwoTenants) -> None:
    alice: User = UserFactory()
    for tenant in (tenants.ours, tenants.theirs):
        with tenant_scope(tenant.pk):
            MembershipFactory(user=alice)
    with own_memberships_scope(alice.pk):
        assert set(Membership.objects.values_list("user_id", flat=True)) == {alice.pk}
        assert Membership.objects.count() == 2
        assert Membership.objects.update(role="owner") == 0
        assert rows_in("customers_customer") == []
    assert rows_in("tenants_membership") == []


@pytest.mark.parametrize("statement", ["UPDATE tenants_auditentry SET reason = 'x'", "DELETE FROM tenants_auditentry"])
def test_the_audit_log_cannot_be_changed(tenants: TwoTenants, statement: str) -> None:
    with (
        tenant_scope(tenants.ours.pk),
        pytest.raises(ProgrammingError, match="never changed or removed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    with tenant_scope(tenants.ours.pk):
        assert AuditEntry.objects.filter(action="customer.created").exists()


def test_the_applications_role_is_bound_by_row_level_security() -> None:
    assert role_problems() == []
    verify_database_role()
