"""A customer's own subscriptions: see, cancel where the tenant lets them, undo."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from subscriptions.models import Invoice, Subscription, SubscriptionState
from tenants.models import PortalCancellation, Tenant
from tenants.scope import tenant_scope
from tenants.templatetags.ui import money_text
from tests.factories import CustomerFactory
from tests.portal.conftest import portal_url
from tests.portal.shop import subscribed, visa, world
from tests.propagation.conftest import World

__all__ = ["world"]
WHY = {"reason": "too_expensive", "comment": "Sorry"}


def allow(tenant: Tenant, how: str) -> None:
    with tenant_scope(tenant.pk):
        assert Tenant.objects.filter(pk=tenant.pk).update(portal_cancellation=how)


def test_tells_what_is_charged_next_and_with_what(world: World, bob: Customer, signed_in: Client) -> None:
    visa(world, bob)
    subscribed(world, bob)
    page = signed_in.get(portal_url(world.tenant, "subscriptions")).content.decode()
    assert "Field Notes" in page
    assert "CA$12.00" in page
    assert "per month" in page
    assert "your default" in page
    assert "4242" in page


@pytest.mark.parametrize("name", ["subscriptions", "home", "purchases"])
def test_many_subscriptions_cost_no_more_queries_than_one(
    world: World, bob: Customer, signed_in: Client, name: str
) -> None:
    subscribed(world, bob)
    signed_in.get(portal_url(world.tenant, name))
    with CaptureQueriesContext(connection) as few:
        signed_in.get(portal_url(world.tenant, name))
    for _ in range(3):
        subscribed(world, bob)
    with CaptureQueriesContext(connection) as many:
        signed_in.get(portal_url(world.tenant, name))
    assert len(many) <= len(few)


def test_a_customer_without_any_is_led_to_the_offers(tenant: Tenant, signed_in: Client) -> None:
    answer = signed_in.get(portal_url(tenant, "subscriptions"))
    assert portal_url(tenant, "offers") in answer.content.decode()


def test_cancels_at_the_end_of_the_period_and_thinks_better_of_it(
    world: World, bob: Customer, signed_in: Client
) -> None:
    subscription = subscribed(world, bob)
    where = portal_url(world.tenant, "cancel", subscription.pk)
    assert "It stays yours until" in signed_in.get(where).content.decode()
    answer = signed_in.post(where, WHY, follow=True)
    assert "Keep it" in answer.content.decode()
    with world.scope():
        found = Subscription.objects.get()
        assert found.cancel_at_period_end
        assert found.state == SubscriptionState.ACTIVE
        assert (found.cancel_reason, found.cancel_comment) == ("too_expensive", "Sorry")
    signed_in.post(portal_url(world.tenant, "undo", subscription.pk))
    with world.scope():
        assert not Subscription.objects.get().cancel_at_period_end


def test_cancels_at_once_where_the_tenant_says_so(world: World, bob: Customer, signed_in: Client) -> None:
    allow(world.tenant, PortalCancellation.NOW)
    subscription = subscribed(world, bob)
    where = portal_url(world.tenant, "cancel", subscription.pk)
    assert "It ends at once" in signed_in.get(where).content.decode()
    signed_in.post(where, WHY)
    with world.scope():
        assert Subscription.objects.get().state == SubscriptionState.CANCELLED


def test_does_not_cancel_where_the_tenant_does_not_allow_it(world: World, bob: Customer, signed_in: Client) -> None:
    allow(world.tenant, PortalCancellation.NO)
    subscription = subscribed(world, bob)
    assert signed_in.post(portal_url(world.tenant, "cancel", subscription.pk), WHY).status_code == 404
    assert signed_in.post(portal_url(world.tenant, "undo", subscription.pk)).status_code == 404
    page = signed_in.get(portal_url(world.tenant, "subscription", subscription.pk)).content.decode()
    assert "Cancel subscription" not in page
    assert "care@northwind.example" in page


@pytest.mark.parametrize("reason", ["", "unpaid", "nonsense"])
def test_asks_for_a_reason_and_loses_nothing(world: World, bob: Customer, signed_in: Client, reason: str) -> None:
    subscription = subscribed(world, bob)
    answer = signed_in.post(
        portal_url(world.tenant, "cancel", subscription.pk), {"reason": reason, "comment": "Because"}
    )
    assert answer.status_code == 422
    assert "Because" in answer.content.decode()
    with world.scope():
        assert not Subscription.objects.get().cancel_at_period_end


def test_another_customers_subscription_is_not_there(world: World, signed_in: Client) -> None:
    with world.scope():
        carol = CustomerFactory()
    subscription = subscribed(world, carol)
    for name in ("subscription", "cancel"):
        assert signed_in.get(portal_url(world.tenant, name, subscription.pk)).status_code == 404
    assert signed_in.post(portal_url(world.tenant, "cancel", subscription.pk), WHY).status_code == 404
    assert signed_in.post(portal_url(world.tenant, "undo", subscription.pk)).status_code == 404


def test_a_late_payment_is_told_with_a_way_to_pay(world: World, bob: Customer, signed_in: Client) -> None:
    card = visa(world, bob)
    subscription = world.subscription(bob, card, state=SubscriptionState.PAST_DUE)
    invoice = world.past_due(subscription, last_error_code="insufficient_funds")
    page = signed_in.get(portal_url(world.tenant, "subscription", subscription.pk)).content.decode()
    assert "There are not enough funds." in page
    assert portal_url(world.tenant, "invoice_pay", invoice.pk) in page


def test_what_the_gateway_collects_is_not_offered_for_payment(world: World, bob: Customer, signed_in: Client) -> None:
    subscription = world.subscription(bob, visa(world, bob), state=SubscriptionState.PAST_DUE)
    invoice = world.past_due(subscription, last_error_code="bad_keys")
    with world.scope():
        Invoice.objects.filter(pk=invoice.pk).update(gateway_id="in_1")
    for name in ("home", "subscriptions"):
        page = signed_in.get(portal_url(world.tenant, name)).content.decode()
        assert "A payment is late" in page
        assert "Pay now" not in page.split("Open invoices")[0]
        assert "Update payment method" in page
        assert "accept this account" not in page


def test_in_french(world: World, bob: Customer, signed_in: Client) -> None:
    with world.scope():
        Customer.objects.filter(pk=bob.pk).update(language="fr")
    subscribed(world, bob)
    page = signed_in.get(portal_url(world.tenant, "subscriptions")).content.decode()
    assert "Carnets de terrain" in page
    assert "12,00" in page


def test_whoever_cancels_is_told_what_stays_to_be_paid(world: World, bob: Customer, signed_in: Client) -> None:
    subscription = world.subscription(bob, visa(world, bob), state=SubscriptionState.PAST_DUE)
    invoice = world.past_due(subscription)
    address = portal_url(world.tenant, "cancel", subscription.pk)
    asked = signed_in.get(address).content.decode()
    assert f"Invoice {invoice.short_number}, {money_text(invoice.amount_due_minor, invoice.currency)}, is late" in asked
    page = signed_in.post(address, WHY, follow=True).content.decode()
    for text in (asked, page):
        assert "No further period is charged" in text
        assert "Nothing more is charged" not in text
