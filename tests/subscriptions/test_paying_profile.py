"""Which profile pays next, and why."""

from uuid import uuid4

import pytest

from customers.models import Customer
from payments.models import PaymentProfile, ProfileState
from subscriptions.models import SubscriptionState
from subscriptions.selectors import Why, paying_profile, subscriptions_paid_by
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, PaymentProfileFactory, SubscriptionFactory, TenantFactory


def made(state: str, **more: PaymentProfile | None) -> PaymentProfile:
    """A profile of one and the same tenant, in no database."""
    return PaymentProfile(id=uuid4(), tenant_id=TENANT, state=state, **more)


def replaced(by: PaymentProfile | None) -> PaymentProfile:
    return made(ProfileState.REPLACED, replaced_by=by)


TENANT = uuid4()
ACTIVE, OTHER = made(ProfileState.ACTIVE), made(ProfileState.ACTIVE)
DISABLED, REMOVED = made(ProfileState.DISABLED), made(ProfileState.REMOVED)


CIRCLE = replaced(None)
CIRCLE.replaced_by = CIRCLE


@pytest.mark.parametrize(
    ("pinned", "default", "payer", "why"),
    [
        (ACTIVE, OTHER, ACTIVE, Why.PINNED),
        (ACTIVE, None, ACTIVE, Why.PINNED),
        (None, OTHER, OTHER, Why.DEFAULT),
        (None, None, None, Why.NONE),
        (replaced(ACTIVE), OTHER, ACTIVE, Why.PINNED),
        (replaced(replaced(ACTIVE)), OTHER, ACTIVE, Why.PINNED),
        (replaced(DISABLED), OTHER, OTHER, Why.DEFAULT),
        (replaced(None), OTHER, OTHER, Why.DEFAULT),
        (None, replaced(ACTIVE), ACTIVE, Why.DEFAULT),
        (DISABLED, OTHER, OTHER, Why.DEFAULT),
        (REMOVED, OTHER, OTHER, Why.DEFAULT),
        (DISABLED, DISABLED, None, Why.NONE),
        (REMOVED, None, None, Why.NONE),
        (CIRCLE, OTHER, OTHER, Why.DEFAULT),
    ],
)
def test_the_pinned_profile_pays_while_it_works_else_the_default(
    pinned: PaymentProfile | None, default: PaymentProfile | None, payer: PaymentProfile | None, why: Why
) -> None:
    found, reason = paying_profile(pinned, default)
    assert found is payer
    assert reason == why


@pytest.mark.django_db
def test_lists_the_live_subscriptions_that_a_profile_pays_for() -> None:
    with tenant_scope(TenantFactory.create().pk):
        bob: Customer = CustomerFactory.create()
        default = PaymentProfileFactory.create(customer=bob, is_default=True)
        other = PaymentProfileFactory.create(customer=bob)
        old = PaymentProfileFactory.create(customer=bob, state=ProfileState.REPLACED, replaced_by=other)
        follows = SubscriptionFactory.create(customer=bob)
        pinned = SubscriptionFactory.create(customer=bob, payment_profile=other, state=SubscriptionState.PAST_DUE)
        behind = SubscriptionFactory.create(customer=bob, payment_profile=old)
        SubscriptionFactory.create(customer=bob, state=SubscriptionState.CANCELLED)
        SubscriptionFactory.create()
        assert subscriptions_paid_by(bob, default) == [follows]
        assert subscriptions_paid_by(bob, other) == [pinned, behind]
        assert subscriptions_paid_by(bob, old) == []
