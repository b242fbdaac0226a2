"""A back office with one of everything, staff of each role, and a second tenant that must never be seen."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from invitations.models import Invitation
from messaging.models import DeliveryEvent, Message
from payments.models import GatewayEvent, PaymentProfile
from propagation.models import Change, ChangeState, Step, StepAttempt, StepState
from subscriptions.models import Invoice, RefundState, Subscription
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import Membership, Role, StaffInvitation, Tenant, User
from tenants.numbers import next_number
from tenants.scope import tenant_scope
from tests.factories import (
    AddressFactory,
    CustomerFactory,
    GatewayAccountFactory,
    InvoiceFactory,
    MembershipFactory,
    PaymentProfileFactory,
    RefundFactory,
    SubscriptionFactory,
    TaxRateFactory,
    TenantFactory,
    UserFactory,
)


def make_invitation(customer: Customer, **more: Any) -> Invitation:
    defaults: dict[str, Any] = {
        "number": next_number("invitation"),
        "customer": customer,
        "channels": ["email"],
        "email": customer.email,
        "language": "en",
        "lifetime_hours": 72,
        "expires_at": timezone.now() + timedelta(hours=72),
        "sent_by_label": "Alice Martin",
        "last_sent_at": timezone.now() - timedelta(minutes=5),
    }
    return Invitation.objects.create(**defaults | more)


def make_change(customer: Customer, **more: Any) -> Change:
    defaults: dict[str, Any] = {
        "number": next_number("change"),
        "customer": customer,
        "kind": "replace",
        "source": "backoffice",
        "actor_kind": "staff",
        "actor_id": "1",
        "actor_label": "Alice Martin",
    }
    return Change.objects.create(**defaults | more)


def make_step(change: Change, **more: Any) -> Step:
    defaults: dict[str, Any] = {
        "change": change,
        "customer": change.customer,
        "stage": 30,
        "kind": "subscription",
        "due_at": timezone.now(),
    }
    return Step.objects.create(**defaults | more)


@dataclass
class Office:
    """One tenant's rows, for tests to look for; `ids` are what its URLs may carry."""

    tenant: Tenant
    customer: Customer
    profile: PaymentProfile
    subscription: Subscription
    invoice: Invoice
    invitation: Invitation
    change: Change
    failed_step: Step
    ids: dict[str, Any] = field(default_factory=dict)

    def url(self, name: str, **kwargs: Any) -> str:
        return reverse(f"backoffice:{name}", kwargs={"tenant_slug": self.tenant.slug, **kwargs})


def make_office(slug: str, name: str) -> Office:
    tenant = TenantFactory(slug=slug, name=name)
    with tenant_scope(tenant.pk):
        customer = CustomerFactory(first_name="Bob", last_name=f"Tremblay of {name}", phone="+14165550123")
        AddressFactory(customer=customer)
        profile = PaymentProfileFactory(customer=customer, is_default=True)
        subscription = SubscriptionFactory(customer=customer, payment_profile=profile)
        invoice = InvoiceFactory(
            customer=customer, subscription=subscription, attempts=1, last_error_code="generic_decline"
        )
        invitation = make_invitation(customer, profile=profile)
        change = make_change(
            customer,
            old_profile=profile,
            state=ChangeState.NEEDS_ATTENTION,
            impact={
                "default_moves": True,
                "subscriptions": [subscription.short_number],
                "invoices": [
                    {"number": invoice.short_number, "amount_minor": 1999, "currency": "CAD", "collect": True}
                ],
            },
        )
        failed = make_step(
            change,
            subscription=subscription,
            state=StepState.FAILED,
            attempts=1,
            error_code="resource_missing",
            gateway_message="No such subscription: sub_1",
            gateway_request_id="req_1",
        )
        StepAttempt.objects.create(
            step=failed, number=1, outcome="failed", error_code="resource_missing", gateway_request_id="req_1"
        )
        make_step(change, stage=50, kind="retire", profile=profile, state=StepState.WAITING, due_at=None)
        message = Message.objects.create(
            channel="email",
            template="invitation",
            language="en",
            to=customer.email,
            text="",
            state="delivered",
            about_type="invitations.invitation",
            about_id=invitation.pk,
            customer_id=customer.pk,
            sent_at=timezone.now(),
        )
        DeliveryEvent.objects.create(message=message, kind="delivered", provider_event_id="1")
        GatewayAccountFactory()
        refund = RefundFactory(credit_note__invoice__customer=customer, state=RefundState.FAILED, due_at=None)
        event = GatewayEvent.objects.create(gateway_id=f"evt_{slug}", type="customer.updated", payload={})
        owner = MembershipFactory(user=UserFactory(full_name=f"Owner of {name}"), role=Role.OWNER)
        staff_invitation = StaffInvitation.objects.create(
            email=f"dora@{slug}.example", role=Role.AGENT, expires_at=timezone.now() + timedelta(days=7)
        )
        record(actor=Actor.system("tests"), action="customer.created", target=customer, after={"name": customer.name})
        return Office(
            tenant=tenant,
            customer=customer,
            profile=profile,
            subscription=subscription,
            invoice=invoice,
            invitation=invitation,
            change=change,
            failed_step=failed,
            ids={
                "customer_id": customer.pk,
                "profile_id": profile.pk,
                "subscription_id": subscription.pk,
                "invoice_id": invoice.pk,
                "invitation_id": invitation.pk,
                "change_id": change.pk,
                "event_id": event.pk,
                "step_id": failed.pk,
                "rate_id": TaxRateFactory().pk,
                "product_id": subscription.price.product_id,
                "price_id": subscription.price_id,
                "membership_id": owner.pk,
                "staff_invitation_id": staff_invitation.pk,
                "note_id": refund.credit_note_id,
                "refund_id": refund.pk,
                "chart": "churn",
                "mail": "invoice_paid",
                "language": "fr",
            },
        )


@pytest.fixture
def office(db: None) -> Office:
    return make_office("acme", "Acme")


@pytest.fixture
def other_office(db: None) -> Office:
    return make_office("globex", "Globex")


def join(office: Office, role: Role, name: str = "Alice Martin") -> User:
    """A new person of that role in the office's team."""
    user: User = UserFactory(full_name=name)
    with tenant_scope(office.tenant.pk):
        Membership.objects.create(user=user, role=role)
    return user


@pytest.fixture
def owner(office: Office, client: Client) -> Client:
    client.force_login(join(office, Role.OWNER))
    return client


@pytest.fixture
def agent(office: Office) -> Client:
    client = Client()
    client.force_login(join(office, Role.AGENT, "Charlie Roy"))
    return client


@pytest.fixture
def reader(office: Office) -> Client:
    client = Client()
    client.force_login(join(office, Role.READ_ONLY, "Rita Reader"))
    return client
