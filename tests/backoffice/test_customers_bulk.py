"""Several customers at once: shown first, done for whom it can be done, told for whom it cannot."""

from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from invitations.models import Invitation
from tenants.models import Role, Tenant
from tenants.scope import tenant_scope
from tests.backoffice.test_customers import sign_in
from tests.factories import CustomerFactory, PaymentProfileFactory, SubscriptionFactory, TenantFactory

pytestmark = pytest.mark.django_db
BULK = "/t/acme/customers/bulk/"


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory(slug="acme")


@pytest.fixture
def alice(tenant: Tenant) -> Client:
    return sign_in(tenant)


def test_invites_whom_it_can_and_says_why_not_the_others(tenant: Tenant, alice: Client) -> None:
    with tenant_scope(tenant.pk):
        first, one, several, mute = CustomerFactory(), CustomerFactory(), CustomerFactory(), CustomerFactory(email="")
        profile = PaymentProfileFactory(customer=one)
        PaymentProfileFactory.create_batch(2, customer=several)
    chosen = {"action": "invite", "customer": [str(c.pk) for c in (first, one, several, mute)]}
    page = alice.get(BULK, chosen).content.decode()
    assert "Has several payment methods" in page
    assert "Send 2 invitations" in page
    response = alice.post(BULK, chosen, follow=True)
    assert "2 invitations were sent." in response.content.decode()
    with tenant_scope(tenant.pk):
        sent = {invitation.customer_id: invitation.profile_id for invitation in Invitation.objects.all()}
    assert sent == {first.pk: None, one.pk: profile.pk}
    assert "Has an open invitation already" in alice.get(BULK, chosen).content.decode()


def test_texts_only_where_a_provider_is_set_up(tenant: Tenant, alice: Client, settings: Any) -> None:
    settings.SMS_ACCOUNT_SID = ""
    with tenant_scope(tenant.pk):
        Tenant.objects.filter(pk=tenant.pk).update(invite_by_sms=True)
        customer = CustomerFactory(phone="+15145550142")
    alice.post(BULK, {"action": "invite", "customer": str(customer.pk)})
    with tenant_scope(tenant.pk):
        assert Invitation.objects.get().channels == ["email"]


def test_deletes_whom_nothing_keeps(tenant: Tenant, alice: Client) -> None:
    with tenant_scope(tenant.pk):
        free, kept = CustomerFactory(), CustomerFactory()
        subscription = SubscriptionFactory(customer=kept)
    chosen = {"action": "delete", "customer": [str(free.pk), str(kept.pk)]}
    assert subscription.short_number in alice.get(BULK, chosen).content.decode()
    assert "1 customer was deleted." in alice.post(BULK, chosen, follow=True).content.decode()
    with tenant_scope(tenant.pk):
        assert list(Customer.objects.values_list("pk", flat=True)) == [kept.pk]


def test_nothing_ticked_is_said(alice: Client) -> None:
    assert "Tick the customers first." in alice.get(BULK, {"action": "invite"}, follow=True).content.decode()


def test_another_tenants_customer_or_rubbish_is_not_there(tenant: Tenant, alice: Client) -> None:
    other = TenantFactory(slug="other")
    with tenant_scope(other.pk):
        theirs = CustomerFactory()
    for value in (str(theirs.pk), "rubbish"):
        chosen = {"action": "delete", "customer": value}
        assert alice.get(BULK, chosen).status_code == 404
        assert alice.post(BULK, chosen).status_code == 404


def test_readers_see_no_boxes(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        CustomerFactory()
    assert 'form="bulk"' not in sign_in(tenant, Role.READ_ONLY).get("/t/acme/customers/").content.decode()
