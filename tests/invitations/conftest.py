"""A tenant with one customer who has a card, and what most tests do with them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from customers.models import Customer
from invitations.models import Invitation
from invitations.services import send_invitation
from payments.models import PaymentProfile
from subscriptions.models import SubscriptionState
from tenants.actors import Actor
from tenants.models import Tenant, User
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, PaymentProfileFactory, TenantFactory, UserFactory
from tests.invitations.story import Story, invite
from tests.propagation.conftest import World, world

__all__ = ["world"]


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    return TenantFactory(slug="acme", name="Acme Press", care_email="care@acme.example", time_zone="America/Toronto")


@pytest.fixture
def scope(tenant: Tenant) -> Iterator[None]:
    with tenant_scope(tenant.pk):
        yield


@pytest.fixture
def alice(transactional_db: None) -> User:
    return UserFactory(full_name="Alice Martin")


@pytest.fixture
def actor(alice: User) -> Actor:
    return Actor.staff(alice.pk, alice.full_name)


@pytest.fixture
def bob(tenant: Tenant) -> Customer:
    with tenant_scope(tenant.pk):
        return CustomerFactory(first_name="Bob", last_name="Tremblay", email="bob@example.com", phone="+15145550123")


@pytest.fixture
def visa(tenant: Tenant, bob: Customer) -> PaymentProfile:
    with tenant_scope(tenant.pk):
        return PaymentProfileFactory(customer=bob, brand="visa", last4="4242", is_default=True)


@pytest.fixture
def send(tenant: Tenant, actor: Actor, alice: User, bob: Customer) -> Callable[..., Invitation]:
    """send(profile_id=...): an invitation by e-mail for three days, unless told otherwise; opens its own scope."""

    def send(**values: Any) -> Invitation:
        given = {
            "actor": actor,
            "user": alice,
            "customer": bob,
            "profile_id": None,
            "lifetime_hours": 72,
            "channels": ["email"],
            "email": "bob@example.com",
            "phone": "",
        }
        with tenant_scope(tenant.pk):
            return send_invitation(**given | values)

    return send


@pytest.fixture
def story(world: World) -> Story:
    bob = world.customer()
    visa = world.card(bob, "pm_old", default=True)
    subscription = world.subscription(bob, visa, state=SubscriptionState.PAST_DUE)
    world.past_due(subscription)
    invitation, visitor = invite(world, bob, visa)
    return Story(world, bob, visa, invitation, visitor)
