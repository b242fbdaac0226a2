from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from backoffice.customers.queries import describe
from customers.models import Customer
from customers.services import CannotDelete, delete_customer
from payments.errors import ProfileError
from payments.gateway.port import MethodFacts, PostalAddress
from payments.models import CardSetup, PaymentProfile, ProfileState, SetupState
from payments.profiles import VANISHED, apply_method_facts, disable_profile, record_profile, set_backup
from tenants.actors import Actor
from tenants.models import AuditEntry, MethodKind
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, PaymentProfileFactory, TenantFactory

BOB = Actor.invitation(uuid4(), "Bob")
VISA = MethodFacts(
    id="pm_visa",
    kind="card",
    customer="cus_1",
    brand="visa",
    last4="4242",
    exp_month=12,
    exp_year=2034,
    fingerprint="card-a",
    holder_name="Bob Tremblay",
    address=PostalAddress(line1="1 Main St", country="CA"),
    metadata={},
)


@pytest.fixture
def customer(db: None) -> Iterator[Customer]:
    tenant = TenantFactory()
    with tenant_scope(tenant.pk):
        customer = CustomerFactory.create()
        yield customer


def test_puts_a_method_on_file_once(customer: Customer) -> None:
    profile, duplicates = record_profile(customer=customer, method=VISA, actor=BOB)
    again, _ = record_profile(customer=customer, method=VISA, actor=BOB)
    assert (profile.pk, duplicates) == (again.pk, [])
    assert (profile.state, profile.is_default) == (ProfileState.ACTIVE, False)
    assert profile.billing_address == {"line1": "1 Main St", "country": "CA"}
    assert AuditEntry.objects.filter(action="payment_profile.added", customer_id=customer.pk).count() == 1


def test_recognises_the_same_card_by_its_fingerprint(customer: Customer) -> None:
    older = PaymentProfileFactory.create(customer=customer, fingerprint="card-a")
    PaymentProfileFactory(customer=customer, fingerprint="card-a", state=ProfileState.REMOVED)
    PaymentProfileFactory(customer=customer, fingerprint="card-b")
    PaymentProfileFactory(fingerprint="card-a")
    assert record_profile(customer=customer, method=VISA, actor=BOB)[1] == [older]


def test_methods_without_a_fingerprint_are_never_the_same(customer: Customer) -> None:
    PaymentProfileFactory(customer=customer, fingerprint="")
    assert record_profile(customer=customer, method=replace(VISA, fingerprint=""), actor=BOB)[1] == []


def test_takes_over_what_the_gateway_changed(customer: Customer) -> None:
    profile, _ = record_profile(customer=customer, method=VISA, actor=BOB)
    renewed = replace(VISA, exp_year=2039, last4="1111", fingerprint="card-c", address=PostalAddress(country="FR"))
    assert apply_method_facts(profile, renewed, actor=Actor.gateway("evt_1"))
    profile.refresh_from_db()
    assert (profile.exp_year, profile.last4, profile.fingerprint) == (2039, "1111", "card-c")
    assert profile.billing_address == {"country": "FR"}
    entry = AuditEntry.objects.get(action="payment_profile.updated")
    assert (entry.before["expires"], entry.after["expires"], entry.actor_kind) == ("12/2034", "12/2039", "gateway")
    assert not apply_method_facts(profile, renewed, actor=Actor.gateway("evt_1"))


def test_a_disabled_profile_says_why_and_is_no_default(customer: Customer) -> None:
    profile = PaymentProfileFactory(customer=customer, is_default=True)
    assert disable_profile(actor=BOB, profile=profile, reason=VANISHED)
    profile.refresh_from_db()
    assert (profile.state, profile.is_default) == (ProfileState.DISABLED, False)
    assert "no longer knows" in profile.disabled_because
    assert not disable_profile(actor=BOB, profile=profile, reason=VANISHED)
    assert AuditEntry.objects.filter(action="payment_profile.disabled").count() == 1


@pytest.mark.parametrize("state", [ProfileState.REPLACED, ProfileState.REMOVED])
def test_a_profile_out_of_use_is_not_disabled(customer: Customer, state: str) -> None:
    profile = PaymentProfileFactory(customer=customer, state=state)
    assert not disable_profile(actor=BOB, profile=profile, reason=VANISHED)
    assert PaymentProfile.objects.get(pk=profile.pk).state == state


def test_a_customer_whose_card_is_being_entered_is_not_deleted(customer: Customer) -> None:
    entry = CardSetup.objects.create(customer=customer, gateway_id="seti_1", purpose="backoffice")
    with pytest.raises(CannotDelete) as refused:
        delete_customer(actor=BOB, customer=customer)
    assert [blocker.kind for blocker in refused.value.blockers] == ["card_setup"]
    CardSetup.objects.filter(pk=entry.pk).update(state=SetupState.CANCELED)
    delete_customer(actor=BOB, customer=customer)
    assert not Customer.objects.filter(pk=customer.pk).exists()


def test_a_customer_has_one_backup(customer: Customer) -> None:
    first, second = (PaymentProfileFactory.create(customer=customer) for _ in range(2))
    set_backup(actor=BOB, profile=first, is_backup=True)
    set_backup(actor=BOB, profile=second, is_backup=True)
    set_backup(actor=BOB, profile=second, is_backup=True)
    assert PaymentProfile.objects.get(is_backup=True) == second
    set_backup(actor=BOB, profile=second, is_backup=False)
    assert not PaymentProfile.objects.filter(is_backup=True).exists()
    actions = AuditEntry.objects.filter(action__startswith="payment_profile.backup").order_by("pk")
    assert [entry.action.rpartition("_")[2] for entry in actions] == ["set", "cleared", "set", "cleared"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"state": ProfileState.DISABLED}, "profile_not_active"),
        ({"state": ProfileState.PENDING}, "profile_not_active"),
        ({"is_default": True}, "is_default"),
    ],
)
def test_not_every_method_can_be_the_backup(customer: Customer, state: dict[str, Any], code: str) -> None:
    profile = PaymentProfileFactory.create(customer=customer, **state)
    with pytest.raises(ProfileError) as refused:
        set_backup(actor=BOB, profile=profile, is_backup=True)
    assert refused.value.code == code


def test_a_disabled_method_is_no_backup_any_more(customer: Customer) -> None:
    profile = PaymentProfileFactory.create(customer=customer, is_backup=True)
    disable_profile(actor=BOB, profile=profile, reason=VANISHED)
    assert not PaymentProfile.objects.filter(is_backup=True).exists()


def test_the_list_tells_who_can_be_debited_by_ach(customer: Customer) -> None:
    other = CustomerFactory.create()
    account = {"kind": MethodKind.US_BANK_ACCOUNT, "brand": "Bank", "exp_month": None, "exp_year": None}
    PaymentProfileFactory(customer=customer, **account)
    PaymentProfileFactory(customer=other, state=ProfileState.PENDING, **account)
    PaymentProfileFactory(customer=other)
    assert [row.customer for row in describe([customer, other]) if row.ach_verified] == [customer]
