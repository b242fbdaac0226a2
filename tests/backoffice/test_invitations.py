"""Update by invitation, the staff's side."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from invitations.models import Invitation, InvitationState
from messaging.models import Message
from payments.models import PaymentProfile, ProfileState
from propagation.impact import Impact
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office, make_change, make_invitation
from tests.factories import CustomerFactory, InvoiceFactory, PaymentProfileFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer(office: Office) -> Customer:
    """Has two cards, of which the default pays a subscription and owes for it."""
    with tenant_scope(office.tenant.pk):
        found: Customer = CustomerFactory(first_name="Zoé", last_name="Gagnon", email="zoe@example.com")
        card = PaymentProfileFactory(customer=found, is_default=True, last4="1111")
        PaymentProfileFactory(customer=found, last4="2222")
        subscription = SubscriptionFactory(customer=found, price=office.subscription.price)
        InvoiceFactory(customer=found, subscription=subscription, payment_profile=card, total_minor=4321)
    return found


def card(office: Office, last4: str) -> PaymentProfile:
    with tenant_scope(office.tenant.pk):
        return PaymentProfile.objects.get(last4=last4)


def send_url(office: Office, customer: Customer, profile: PaymentProfile | None = None) -> str:
    url = office.url("invitation_send", customer_id=customer.pk)
    return f"{url}?profile={profile.pk}" if profile else url


def values(**more: Any) -> dict[str, Any]:
    typed = {
        "lifetime_hours": "24",
        "channels": ["email"],
        "email": "zoe@example.com",
        "phone": "",
        "language": "en",
    }
    return typed | more


def test_choosing_shows_each_method_and_what_it_pays_for(office: Office, agent: Client, customer: Customer) -> None:
    page = agent.get(office.url("invitation_choose", customer_id=customer.pk)).content.decode()
    assert "1111" in page
    assert "2222" in page
    assert "Pays for nothing at the moment" in page
    assert "checked" not in page.split('<form method="post">')[1]


def test_choosing_nothing_says_so(office: Office, agent: Client, customer: Customer) -> None:
    response = agent.post(office.url("invitation_choose", customer_id=customer.pk))
    assert response.status_code == 422
    assert "Choose the payment method to be replaced." in response.content.decode()


def test_choosing_another_customers_method_is_refused(office: Office, agent: Client, customer: Customer) -> None:
    url = office.url("invitation_choose", customer_id=customer.pk)
    assert agent.post(url, {"profile": str(office.profile.pk)}).status_code == 422


def test_the_choice_leads_to_the_message(office: Office, agent: Client, customer: Customer) -> None:
    second = card(office, "2222")
    response = agent.post(office.url("invitation_choose", customer_id=customer.pk), {"profile": str(second.pk)})
    assert response["Location"] == send_url(office, customer, second)


def test_one_method_needs_no_choice(office: Office, agent: Client) -> None:
    response = agent.get(office.url("invitation_choose", customer_id=office.customer.pk))
    assert response["Location"] == send_url(office, office.customer, office.profile)


def test_without_an_address_it_says_how_to_add_one(office: Office, agent: Client) -> None:
    with tenant_scope(office.tenant.pk):
        customer = CustomerFactory(email="")
    response = agent.get(office.url("invitation_choose", customer_id=customer.pk))
    assert response.status_code == 409
    assert office.url("customer_edit", customer_id=customer.pk) in response.content.decode()


def test_the_message_page_shows_what_will_move(office: Office, agent: Client, customer: Customer) -> None:
    response = agent.get(send_url(office, customer, card(office, "1111")))
    impact: Impact = response.context["impact"]
    assert [moved.amount_minor for moved in impact.collected] == [4321]
    page = response.content.decode()
    assert "CA$43.21" in page
    assert "at once" in page


def test_sends(office: Office, agent: Client, customer: Customer) -> None:
    chosen = card(office, "2222")
    response = agent.post(send_url(office, customer, chosen), values(email="new@example.com"))
    with tenant_scope(office.tenant.pk):
        invitation = Invitation.objects.get(customer=customer)
        assert Message.objects.get(about_id=invitation.pk).to == "new@example.com"
        assert Customer.objects.get(pk=customer.pk).email == "new@example.com"
    assert (invitation.profile_id, invitation.lifetime_hours) == (chosen.pk, 24)
    assert response["Location"] == office.url("invitation", invitation_id=invitation.pk)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"email": "zoe@"}, "This is not an e-mail address."),
        ({"email": ""}, "no e-mail address"),
        ({"channels": []}, "Choose e-mail, text message or both."),
        ({"channels": ["sms"], "phone": ""}, "There is no phone number"),
        ({"channels": ["sms"], "phone": "+33 1 42 68 53 00"}, "cannot receive text messages"),
        ({"phone": "12"}, "phone"),
        ({"lifetime_hours": "5"}, "Select a valid choice"),
        ({"language": "xx"}, "Select a valid choice"),
    ],
)
def test_bad_input_keeps_what_was_typed(
    office: Office, agent: Client, customer: Customer, typed: dict[str, Any], words: str
) -> None:
    data = values(**typed)
    if "email" not in typed:
        data["email"] = "typed-just-now@example.com"
    response = agent.post(send_url(office, customer, card(office, "1111")), data)
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    if "email" not in typed:
        assert 'value="typed-just-now@example.com"' in page
    with tenant_scope(office.tenant.pk):
        assert not Invitation.objects.filter(customer=customer).exists()


def test_an_open_invitation_is_told_and_may_be_replaced(office: Office, agent: Client) -> None:
    url = send_url(office, office.customer, office.profile)
    assert "Replace and send" in agent.get(url).content.decode()
    refused = agent.post(url, values())
    assert refused.status_code == 422
    assert "Alice Martin has invited this customer already" in refused.content.decode()
    agent.post(url, values(replace_open="1"))
    with tenant_scope(office.tenant.pk):
        assert Invitation.objects.get(pk=office.invitation.pk).state == InvitationState.REVOKED
        assert Invitation.objects.filter(customer=office.customer).count() == 2


@pytest.mark.parametrize("state", [ProfileState.REMOVED, ProfileState.DISABLED, ProfileState.REPLACED])
def test_a_method_that_is_gone_by_now_leads_back_to_the_choice(
    office: Office, agent: Client, customer: Customer, state: ProfileState
) -> None:
    gone = card(office, "2222")
    with tenant_scope(office.tenant.pk):
        PaymentProfile.objects.filter(pk=gone.pk).update(state=state)
    response = agent.post(send_url(office, customer, gone), values(), follow=True)
    assert "can no longer be replaced" in response.content.decode()
    with tenant_scope(office.tenant.pk):
        assert not Invitation.objects.filter(customer=customer).exists()


def test_the_preview_follows_the_form(office: Office, agent: Client) -> None:
    url = office.url("invitation_preview", customer_id=office.customer.pk)
    page = agent.get(url, {"channels": ["sms"], "lifetime_hours": "1", "language": "fr"}).content.decode()
    assert "sms-bubble" in page
    assert "<iframe" not in page
    assert "<html" not in page


def test_the_mail_is_framed_by_our_pages_alone_and_runs_nothing(office: Office, agent: Client) -> None:
    response = agent.get(office.url("invitation_preview_mail", customer_id=office.customer.pk))
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "script-src" not in response["Content-Security-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "Acme" in response.content.decode()


def test_its_page_tells_its_life_and_the_change_it_led_to(office: Office, reader: Client) -> None:
    with tenant_scope(office.tenant.pk):
        change = make_change(office.customer, source="invitation", source_id=office.invitation.pk)
        Invitation.objects.filter(pk=office.invitation.pk).update(
            state=InvitationState.COMPLETED,
            opened_at=timezone.now(),
            completed_at=timezone.now(),
            ended_at=timezone.now(),
            change_id=change.pk,
        )
    page = reader.get(office.url("invitation", invitation_id=office.invitation.pk)).content.decode()
    for words in ("Invitation made", "E-mail delivered", "Opened by the customer", "Completed: a card was saved"):
        assert words in page
    assert change.short_number in page


def test_the_link_is_shown_to_those_who_may_send_it_and_only_while_it_works(
    office: Office, agent: Client, reader: Client
) -> None:
    url = office.url("invitation_link", invitation_id=office.invitation.pk)
    shown = agent.post(url, headers={"HX-Request": "true"})
    assert "/i/acme/" in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"
    assert reader.post(url).status_code == 403
    agent.post(office.url("invitation_revoke", invitation_id=office.invitation.pk))
    assert "/i/acme/" not in agent.post(url).content.decode()


def test_sends_again_and_says_when_that_is_too_soon(office: Office, agent: Client) -> None:
    url = office.url("invitation_resend", invitation_id=office.invitation.pk)
    assert "once more" in agent.post(url, follow=True).content.decode()
    page = agent.post(url, follow=True).content.decode()
    assert "Wait a minute." in page
    assert "It can be sent again" in page


def test_revoking_twice_is_told(office: Office, agent: Client) -> None:
    url = office.url("invitation_revoke", invitation_id=office.invitation.pk)
    assert "no longer works" in agent.post(url, follow=True).content.decode()
    assert "no longer open" in agent.post(url, follow=True).content.decode()


def test_read_only_staff_see_no_button(office: Office, reader: Client) -> None:
    page = reader.get(office.url("invitation", invitation_id=office.invitation.pk)).content.decode()
    for name in ("invitation_resend", "invitation_revoke", "invitation_link"):
        assert office.url(name, invitation_id=office.invitation.pk) not in page


def test_an_invitation_past_its_time_shows_as_expired_before_the_sweep(office: Office, reader: Client) -> None:
    with tenant_scope(office.tenant.pk):
        late = make_invitation(CustomerFactory(), expires_at=timezone.now())
    page = reader.get(office.url("invitation", invitation_id=late.pk)).content.decode()
    assert 'data-state="expired"' in page
    assert reverse("home") == "/"
