"""Which profile pays next, and why."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from customers.models import Customer
from payments.models import PaymentProfile, ProfileState
from subscriptions.models import SubscriptionState
from subscriptions.selectors import Why, backup_profile, payer_of, paying_profile, subscriptions_paid_by
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, PaymentProfileFactory, SubscriptionFactory, TenantFactory


def made(state: str, **more: Any) -> PaymentProfile:
    """A profile of one and the same tenant, in no database."""
    return PaymentProfile(id=uuid4(), tenant_id=TENANT, state=state, **more)


def replaced(by: PaymentProfile | None) -> PaymentProfile:
    return made(ProfileState.REPLACED, replaced_by=by)


TENANT = uuid4()
ACTIVE, OTHER, BACKUP = made(ProfileState.ACTIVE), made(ProfileState.ACTIVE), made(ProfileState.ACTIVE)
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


EXPIRED = made(ProfileState.ACTIVE, exp_month=2, exp_year=2027)
EXPIRED_TOO = made(ProfileState.ACTIVE, exp_month=1, exp_year=2026)
PENDING = made(ProfileState.PENDING)


@pytest.mark.parametrize(
    ("pinned", "default", "backup", "declined", "payer", "why"),
    [
        (None, None, BACKUP, [], BACKUP, Why.BACKUP),
        (ACTIVE, OTHER, BACKUP, [], ACTIVE, Why.PINNED),
        (None, OTHER, BACKUP, [], OTHER, Why.DEFAULT),
        (DISABLED, REMOVED, BACKUP, [], BACKUP, Why.BACKUP),
        (None, PENDING, BACKUP, [], BACKUP, Why.BACKUP),
        (None, PENDING, None, [], None, Why.NONE),
        # What was declined comes last; the order decides among equals.
        (ACTIVE, OTHER, BACKUP, [ACTIVE], OTHER, Why.DEFAULT),
        (ACTIVE, OTHER, BACKUP, [ACTIVE, OTHER], BACKUP, Why.BACKUP),
        (ACTIVE, OTHER, BACKUP, [ACTIVE, OTHER, BACKUP], ACTIVE, Why.PINNED),
        (ACTIVE, None, None, [ACTIVE], ACTIVE, Why.PINNED),
        # An expired card may have been renewed: better than one that was declined.
        (EXPIRED, OTHER, BACKUP, [], OTHER, Why.DEFAULT),
        (EXPIRED, None, BACKUP, [], BACKUP, Why.BACKUP),
        (EXPIRED, EXPIRED_TOO, None, [], EXPIRED, Why.PINNED),
        (EXPIRED, OTHER, None, [OTHER], EXPIRED, Why.PINNED),
        (OTHER, EXPIRED, None, [OTHER], EXPIRED, Why.DEFAULT),
        (EXPIRED, OTHER, None, [OTHER, EXPIRED], EXPIRED, Why.PINNED),
        # The one method under two roles is pinned first.
        (ACTIVE, ACTIVE, ACTIVE, [], ACTIVE, Why.PINNED),
        (replaced(ACTIVE), OTHER, None, [ACTIVE], OTHER, Why.DEFAULT),
    ],
)
def test_who_pays_when_methods_expire_or_were_declined(
    pinned: PaymentProfile | None,
    default: PaymentProfile | None,
    backup: PaymentProfile | None,
    declined: list[PaymentProfile],
    payer: PaymentProfile | None,
    why: Why,
) -> None:
    ids = frozenset(profile.pk for profile in declined)
    found, reason = paying_profile(pinned, default, backup, on=date(2027, 3, 1), declined=ids)
    assert found is payer
    assert reason == why


def test_a_card_is_good_until_the_end_of_its_last_month() -> None:
    assert paying_profile(EXPIRED, OTHER, on=date(2027, 2, 28))[0] is EXPIRED
    assert paying_profile(EXPIRED, OTHER)[0] is EXPIRED


@pytest.mark.django_db
def test_says_which_profile_pays_next_for_a_subscription() -> None:
    with tenant_scope(TenantFactory.create().pk):
        bob: Customer = CustomerFactory.create()
        subscription = SubscriptionFactory.create(customer=bob)
        assert payer_of(subscription) == (None, Why.NONE)
        backup = PaymentProfileFactory.create(customer=bob, is_backup=True)
        assert payer_of(subscription) == (backup, Why.BACKUP)
        assert backup_profile(bob) == backup
        soon = subscription.current_period_end - timedelta(days=40)
        short = {"exp_month": soon.month, "exp_year": soon.year}
        dies_first = PaymentProfileFactory.create(customer=bob, is_default=True, **short)
        assert payer_of(subscription) == (backup, Why.BACKUP)
        assert payer_of(subscription, soon.date()) == (dies_first, Why.DEFAULT)


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
