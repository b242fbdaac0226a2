"""What the gateway bills by itself: our rows follow it, whatever order its events come in."""

import itertools
from typing import Any

import pytest

from customers.models import Customer
from payments.events import process_next_event, store_event
from payments.gateway.stripe_adapter import SignedEvent
from payments.models import EventState, GatewayEvent, PaymentProfile
from subscriptions.mirror import mirror_invoice
from subscriptions.models import BilledBy, Invoice, InvoiceState, Subscription, SubscriptionState
from tenants.actors import Actor
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests.factories import (
    CustomerFactory,
    GatewayCustomerFactory,
    PaymentProfileFactory,
    SubscriptionFactory,
    TenantFactory,
    sandbox_account,
)
from tests.payments.shelf import Shelf
from tests.processes import Sandbox


class Mirrored:
    """Bob's card and a subscription that the gateway bills, alike here and there."""

    def __init__(self, tenant: Tenant, shelf: Shelf, status: str) -> None:
        self.tenant, self.shelf = tenant, shelf
        self.there = shelf.customer()
        self.method = shelf.method(self.there)
        self.subscription_id = shelf.subscription(self.there, status=status, default_payment_method=self.method)
        with tenant_scope(tenant.pk):
            self.bob: Customer = CustomerFactory.create()
            GatewayCustomerFactory.create(customer=self.bob, gateway_id=self.there)
            self.card = self.add_card(self.method)
            SubscriptionFactory.create(
                customer=self.bob,
                billed_by=BilledBy.GATEWAY,
                gateway_id=self.subscription_id,
                payment_profile=self.card,
                state=status,
            )

    def add_card(self, method: str) -> PaymentProfile:
        return PaymentProfileFactory.create(customer=self.bob, gateway_id=method)

    def subscription(self) -> Subscription:
        with tenant_scope(self.tenant.pk):
            return Subscription.objects.select_related("payment_profile").get()

    def invoice(self) -> Invoice | None:
        with tenant_scope(self.tenant.pk):
            return Invoice.objects.first()

    def events(self) -> list[dict[str, Any]]:
        return list(reversed(self.shelf.objects("event")))

    def hear(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            with tenant_scope(self.tenant.pk):
                store_event(SignedEvent(event["id"], event["type"], event))
            while process_next_event(self.tenant.pk):
                pass
        with tenant_scope(self.tenant.pk):
            assert not GatewayEvent.objects.filter(state__in=[EventState.RECEIVED, EventState.FAILED]).exists()


@pytest.fixture
def tenant(transactional_db: None, sandbox: Sandbox) -> Tenant:
    tenant = TenantFactory.create(slug="acme")
    with tenant_scope(tenant.pk):
        sandbox_account(sandbox, "acme")
    return tenant


@pytest.fixture
def active(tenant: Tenant, sandbox: Sandbox) -> Mirrored:
    return Mirrored(tenant, Shelf(sandbox), "active")


@pytest.fixture
def past_due(tenant: Tenant, sandbox: Sandbox) -> Mirrored:
    return Mirrored(tenant, Shelf(sandbox), "past_due")


def test_follows_a_subscription_moved_at_the_gateway(active: Mirrored) -> None:
    other = active.shelf.method(active.there)
    with tenant_scope(active.tenant.pk):
        card = active.add_card(other)
    active.shelf.stripe.v1.subscriptions.update(active.subscription_id, {"default_payment_method": other})
    active.hear(active.events())
    assert active.subscription().payment_profile == card
    active.shelf.stripe.v1.subscriptions.update(active.subscription_id, {"default_payment_method": ""})
    active.hear(active.events())
    assert active.subscription().payment_profile is None


def test_keeps_its_pin_when_the_gateway_names_a_method_that_we_do_not_know(active: Mirrored) -> None:
    unknown = active.shelf.method(active.there)
    active.shelf.stripe.v1.subscriptions.update(active.subscription_id, {"default_payment_method": unknown})
    active.hear(active.events())
    assert active.subscription().payment_profile == active.card


def test_follows_cancellation_and_period(active: Mirrored) -> None:
    active.shelf.stripe.v1.subscriptions.update(active.subscription_id, {"cancel_at_period_end": True})
    active.hear(active.events())
    there = active.shelf.object("subscription", active.subscription_id)
    found = active.subscription()
    assert found.cancel_at_period_end
    assert found.current_period_end is not None
    assert found.current_period_end.timestamp() == there["items"]["data"][0]["current_period_end"]
    active.shelf.stripe.v1.subscriptions.cancel(active.subscription_id)
    active.hear(active.events())
    assert active.subscription().state == SubscriptionState.CANCELLED
    assert active.subscription().cancelled_at is not None


def test_takes_in_an_invoice_that_the_gateway_made_and_follows_it_until_it_is_paid(past_due: Mirrored) -> None:
    (there,) = past_due.shelf.objects("invoice")
    broken = past_due.shelf.method(past_due.there, number="4000000000000341")
    with pytest.raises(Exception, match="declined"):
        past_due.shelf.stripe.v1.invoices.pay(there["id"], {"payment_method": broken})
    past_due.hear(past_due.events())
    invoice = past_due.invoice()
    assert invoice is not None
    assert (invoice.state, invoice.total_minor, invoice.currency) == (InvoiceState.OPEN, 1999, "CAD")
    assert (invoice.attempts, invoice.is_past_due, invoice.gateway_id) == (2, True, there["id"])
    past_due.shelf.stripe.v1.invoices.pay(there["id"], {"payment_method": past_due.method})
    past_due.hear(past_due.events())
    invoice = past_due.invoice()
    assert invoice is not None
    assert invoice.state == InvoiceState.PAID
    assert invoice.gateway_payment_id.startswith("pi_")
    assert past_due.subscription().state == SubscriptionState.ACTIVE


def test_any_order_of_events_ends_the_same_and_settles_once(past_due: Mirrored) -> None:
    (there,) = past_due.shelf.objects("invoice")
    past_due.shelf.stripe.v1.invoices.pay(there["id"], {"payment_method": past_due.method})
    about = ("invoice.paid", "invoice.updated", "customer.subscription.updated")
    events = [event for event in past_due.events() if event["type"] in about]
    for number, order in enumerate(itertools.permutations(events)):
        past_due.hear([{**event, "id": f"{event['id']}_{number}"} for event in order * 2])
    invoice = past_due.invoice()
    assert invoice is not None
    assert invoice.state == InvoiceState.PAID
    assert past_due.subscription().state == SubscriptionState.ACTIVE
    with tenant_scope(past_due.tenant.pk):
        assert AuditEntry.objects.filter(action="invoice.paid").count() == 1
        assert Invoice.objects.count() == 1


def test_follows_an_invoice_voided_at_the_gateway(past_due: Mirrored) -> None:
    (there,) = past_due.shelf.objects("invoice")
    past_due.shelf.stripe.v1.invoices.update(there["id"], {"metadata": {"seen": "yes"}})
    past_due.hear(past_due.events())
    past_due.shelf.stripe.v1.invoices.void_invoice(there["id"])
    past_due.hear(past_due.events())
    invoice = past_due.invoice()
    assert invoice is not None
    assert invoice.state == InvoiceState.VOID


@pytest.mark.parametrize("state", [InvoiceState.PAID, InvoiceState.VOID])
def test_what_was_read_before_an_invoice_was_settled_does_not_open_it_again(past_due: Mirrored, state: str) -> None:
    (there,) = past_due.shelf.objects("invoice")
    facts = past_due.shelf.gateway.read_invoice(there["id"])
    actor = Actor.system("test")
    with tenant_scope(past_due.tenant.pk):
        taken_in = mirror_invoice(facts, actor=actor)
        assert taken_in is not None
        Invoice.objects.update(state=state)
        mirror_invoice(facts, actor=actor)
        assert Invoice.objects.get().state == state


def test_what_is_nobodys_is_not_even_read(active: Mirrored, sandbox: Sandbox) -> None:
    stranger = active.shelf.customer()
    theirs = active.shelf.subscription(stranger)
    active.shelf.stripe.v1.subscriptions.update(theirs, {"metadata": {"x": "y"}})
    active.shelf.stripe.v1.invoices.create({"customer": stranger})
    sandbox.control("DELETE", "requests")
    active.hear(active.events())
    assert sandbox.requests(account="acme") == []
    assert active.invoice() is None
