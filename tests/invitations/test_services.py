from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from customers.models import Customer
from invitations.errors import AlreadyOpen, InvitationError
from invitations.models import Invitation, InvitationState
from invitations.selectors import funnel, invitations, messages_of, open_invitation_of
from invitations.services import (
    MAX_RESENDS,
    check_can_invite,
    expire_invitations,
    invitable_profiles,
    invitation_link,
    mark_opened,
    resend_allowed_from,
    resend_invitation,
    revoke_invitation,
)
from invitations.tasks import expire_due
from invitations.tokens import read_token
from messaging.delivery import record_delivery
from messaging.models import Message, MessageState
from payments.models import PaymentProfile, ProfileState
from propagation.models import Change, ChangeKind
from tenants.actors import Actor
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, GatewayCustomerFactory, PaymentProfileFactory, TenantFactory

Send = Callable[..., Invitation]


def actions(tenant: Tenant) -> list[str]:
    with tenant_scope(tenant.pk):
        return list(AuditEntry.objects.order_by("at", "id").values_list("action", flat=True))


def refusal(send: Send, **values: Any) -> InvitationError:
    with pytest.raises(InvitationError) as caught:
        send(**values)
    assert str(caught.value.message)
    return caught.value


def test_sends_a_link_by_mail(send: Send, tenant: Tenant, visa: PaymentProfile) -> None:
    invitation = send(profile_id=visa.pk)
    with tenant_scope(tenant.pk):
        (message,) = messages_of(invitation)
        link = invitation_link(invitation)
    assert (invitation.short_number, invitation.state) == ("I-1001", InvitationState.SENT)
    assert invitation.expires_at - invitation.created_at > timedelta(hours=71, minutes=59)
    assert link.startswith(f"{settings.BASE_URL}/i/acme/")
    assert read_token(tenant.pk, link.rpartition("/")[2]) == invitation.pk
    assert (message.to, message.template, message.about_id) == ("bob@example.com", "invitation", invitation.pk)
    assert link in message.text
    assert "Visa ending in 4242" in message.text
    assert "invitation.sent" in actions(tenant)


def test_no_link_or_token_is_in_the_audit_log(send: Send, tenant: Tenant, visa: PaymentProfile) -> None:
    invitation = send(profile_id=visa.pk)
    with tenant_scope(tenant.pk):
        token = invitation_link(invitation).rpartition("/")[2]
        assert all(token not in str((entry.before, entry.after)) for entry in AuditEntry.objects.all())


def test_sends_by_both_channels(send: Send, tenant: Tenant, visa: PaymentProfile) -> None:
    invitation = send(profile_id=visa.pk, channels=["sms", "email"], phone="(514) 555-0123")
    with tenant_scope(tenant.pk):
        sent = {message.channel: message.to for message in messages_of(invitation)}
    assert sent == {"email": "bob@example.com", "sms": "+15145550123"}
    assert invitation.channels == ["email", "sms"]


def test_writes_in_the_customers_language(send: Send, tenant: Tenant, bob: Customer) -> None:
    with tenant_scope(tenant.pk):
        Customer.objects.filter(pk=bob.pk).update(language="fr")
    assert send().language == "fr"
    assert send(language="en", replace_open=True).language == "en"


def test_a_customer_without_mail_cannot_be_invited(send: Send, tenant: Tenant, bob: Customer) -> None:
    assert refusal(send, email="  ").code == "no_email"
    assert refusal(send, email="  ").fields.keys() == {"email"}
    with tenant_scope(tenant.pk), pytest.raises(InvitationError) as caught:
        check_can_invite(CustomerFactory(email=""))
    assert caught.value.code == "no_email"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"email": "bob at example"}, "bad_email"),
        ({"channels": []}, "no_channel"),
        ({"channels": ["pigeon"]}, "no_channel"),
        ({"channels": ["sms"], "phone": ""}, "bad_phone"),
        ({"channels": ["sms"], "phone": "call me"}, "bad_phone"),
        ({"channels": ["sms"], "phone": "514 55"}, "bad_phone"),
        ({"channels": ["email"], "phone": "call me"}, "bad_phone"),
        ({"channels": ["sms"], "phone": "+33 1 42 68 53 00"}, "landline"),
        ({"channels": ["sms"], "phone": "+44 20 7946 0958"}, "landline"),
        ({"channels": ["sms"], "phone": "+1 800 234 5678"}, "landline"),
        ({"lifetime_hours": 5}, "bad_lifetime"),
    ],
)
def test_refuses_what_cannot_be_sent(send: Send, values: dict[str, Any], code: str) -> None:
    assert refusal(send, **values).code == code


@pytest.mark.parametrize("phone", ["+33 6 12 34 56 78", "+1 514 555 0123", "+44 7911 123456"])
def test_sends_texts_to_numbers_that_may_receive_them(send: Send, phone: str) -> None:
    assert send(channels=["sms"], phone=phone).phone.as_e164 == phone.replace(" ", "")


def test_a_landline_is_fine_for_a_mail(send: Send) -> None:
    assert send(phone="+33 1 42 68 53 00").channels == ["email"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (ProfileState.REMOVED, "profile_gone"),
        (ProfileState.DISABLED, "profile_disabled"),
        (ProfileState.REPLACED, "profile_replaced"),
    ],
)
def test_refuses_a_method_that_changed_after_it_was_chosen(
    send: Send, tenant: Tenant, visa: PaymentProfile, state: ProfileState, code: str
) -> None:
    with tenant_scope(tenant.pk):
        PaymentProfile.objects.filter(pk=visa.pk).update(state=state)
        assert invitable_profiles(visa.customer) == []
    assert refusal(send, profile_id=visa.pk).code == code


def test_refuses_a_method_of_another_customer_or_tenant(send: Send, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        other = PaymentProfileFactory()
    assert refusal(send, profile_id=other.pk).code == "profile_gone"
    elsewhere = TenantFactory()
    with tenant_scope(elsewhere.pk):
        foreign = PaymentProfileFactory()
    assert refusal(send, profile_id=foreign.pk).code == "profile_gone"


def test_asks_to_choose_when_a_method_was_added_meanwhile(send: Send, visa: PaymentProfile) -> None:
    assert refusal(send, profile_id=None).code == "choose_profile"


def test_the_second_staff_member_is_told_and_may_replace(send: Send, tenant: Tenant, visa: PaymentProfile) -> None:
    first = send(profile_id=visa.pk)
    refused = refusal(send, profile_id=visa.pk)
    assert isinstance(refused, AlreadyOpen)
    assert (refused.code, refused.open_invitation.pk) == ("already_open", first.pk)
    assert "Alice Martin" in str(refused.message)
    second = send(profile_id=visa.pk, replace_open=True)
    with tenant_scope(tenant.pk):
        first.refresh_from_db()
        assert (first.state, first.replaced_by_id) == (InvitationState.REVOKED, second.pk)
        assert open_invitation_of(first.customer) == second
    assert actions(tenant).count("invitation.revoked") == 1


def test_of_two_staff_at_once_one_is_told(send: Send, tenant: Tenant, visa: PaymentProfile) -> None:
    start = Barrier(2)
    outcomes: list[str] = []

    def race() -> None:
        start.wait()
        try:
            send(profile_id=visa.pk)
            outcomes.append("sent")
        except InvitationError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["already_open", "sent"]


def test_an_invitation_past_its_time_is_no_hindrance(send: Send, tenant: Tenant, visa: PaymentProfile) -> None:
    first = send(profile_id=visa.pk)
    with tenant_scope(tenant.pk):
        Invitation.objects.filter(pk=first.pk).update(expires_at=timezone.now())
    assert send(profile_id=visa.pk).state == InvitationState.SENT
    with tenant_scope(tenant.pk):
        first.refresh_from_db()
    assert first.state == InvitationState.EXPIRED


def test_what_was_corrected_is_the_customers_from_now_on(send: Send, tenant: Tenant, bob: Customer) -> None:
    with tenant_scope(tenant.pk):
        GatewayCustomerFactory(customer=bob)
    send(email="Bob.New@example.com", phone="+15145550199")
    with tenant_scope(tenant.pk):
        bob.refresh_from_db()
        assert Change.objects.get().kind == ChangeKind.DETAILS
    assert (bob.email, bob.email_normalized, bob.phone.as_e164) == (
        "Bob.New@example.com",
        "bob.new@example.com",
        "+15145550199",
    )


def test_nothing_is_kept_of_a_refused_invitation(send: Send, tenant: Tenant, bob: Customer) -> None:
    refusal(send, email="new@example.com", channels=["sms"], phone="nonsense")
    with tenant_scope(tenant.pk):
        bob.refresh_from_db()
        assert not Message.objects.exists()
    assert bob.email == "bob@example.com"


def test_resends_the_same_link(send: Send, tenant: Tenant, actor: Actor, time_machine: Any) -> None:
    invitation = send()
    with tenant_scope(tenant.pk):
        with pytest.raises(InvitationError) as caught:
            resend_invitation(actor=actor, invitation=invitation)
        assert caught.value.code == "resend_too_soon"
        link = invitation_link(invitation)
    time_machine.move_to(timezone.now() + timedelta(seconds=61))
    with tenant_scope(tenant.pk):
        again = resend_invitation(actor=actor, invitation=invitation)
        texts = [message.text for message in messages_of(again)]
    assert again.expires_at == invitation.expires_at
    assert len(texts) == 2
    assert all(link in text for text in texts)


def test_resends_a_limited_number_of_times(send: Send, tenant: Tenant, actor: Actor, time_machine: Any) -> None:
    invitation = send()
    for _time in range(MAX_RESENDS):
        time_machine.move_to(timezone.now() + timedelta(seconds=61))
        with tenant_scope(tenant.pk):
            invitation = resend_invitation(actor=actor, invitation=invitation)
    time_machine.move_to(timezone.now() + timedelta(hours=1))
    assert resend_allowed_from(invitation) is None
    with tenant_scope(tenant.pk), pytest.raises(InvitationError) as caught:
        resend_invitation(actor=actor, invitation=invitation)
    assert caught.value.code == "resend_limit"


def test_revokes_once(send: Send, tenant: Tenant, actor: Actor) -> None:
    invitation = send()
    with tenant_scope(tenant.pk):
        revoke_invitation(actor=actor, invitation=invitation)
        stale = Invitation.objects.get(pk=invitation.pk)
        for act in (revoke_invitation, resend_invitation):
            with pytest.raises(InvitationError) as caught:
                act(actor=actor, invitation=stale)
            assert caught.value.code == "not_open"


def test_expires_what_is_past_its_time(send: Send, tenant: Tenant, actor: Actor, time_machine: Any) -> None:
    invitation = send(lifetime_hours=1)
    with tenant_scope(tenant.pk):
        assert expire_invitations() == 0
    time_machine.move_to(timezone.now() + timedelta(hours=1, seconds=1))
    assert invitation.display_state == InvitationState.EXPIRED
    expire_due(str(tenant.pk))
    with tenant_scope(tenant.pk):
        invitation.refresh_from_db()
        assert expire_invitations() == 0
    assert invitation.state == InvitationState.EXPIRED
    assert actions(tenant)[-1] == "invitation.expired"


def test_delivery_moves_an_invitation_on_but_never_back(send: Send, tenant: Tenant, actor: Actor) -> None:
    invitation = send()

    def state_after(kind: str) -> str:
        with tenant_scope(tenant.pk):
            message = Message.objects.get()
            Message.objects.update(state=MessageState.SENT)
            record_delivery(message, kind=kind, event_id=f"{kind}-{timezone.now()}")
            invitation.refresh_from_db()
            return invitation.state

    assert state_after("delivered") == InvitationState.DELIVERED
    assert state_after("bounced") == InvitationState.BOUNCED
    assert state_after("delivered") == InvitationState.DELIVERED
    with tenant_scope(tenant.pk):
        mark_opened(actor=actor, invitation=invitation)
    opened_at = invitation.opened_at
    for kind in ("delivered", "bounced", "failed", "complained"):
        assert state_after(kind) == InvitationState.OPENED
    with tenant_scope(tenant.pk):
        mark_opened(actor=actor, invitation=invitation)
        invitation.refresh_from_db()
    assert invitation.opened_at == opened_at


def test_a_bounced_mail_is_no_matter_when_the_text_arrived(send: Send, tenant: Tenant) -> None:
    invitation = send(channels=["email", "sms"], phone="+15145550123")
    with tenant_scope(tenant.pk):
        Message.objects.update(state=MessageState.SENT)
        mail, text = Message.objects.order_by("channel")
        record_delivery(text, kind="delivered", event_id="1")
        record_delivery(mail, kind="bounced", event_id="2")
        invitation.refresh_from_db()
    assert invitation.state == InvitationState.DELIVERED
    assert invitation.bounced_at is not None


def test_lists_and_counts(send: Send, tenant: Tenant, actor: Actor, alice: Any) -> None:
    with tenant_scope(tenant.pk):
        carol = CustomerFactory(first_name="Carol", last_name="Nguyen", email="carol@example.com")
        dave = CustomerFactory(first_name="Dave", last_name="Okafor", email="dave@example.com")
    first = send()
    second = send(customer=carol, email="carol@example.com", channels=["sms"], phone="+15145550111")
    third = send(customer=dave, email="dave@example.com")
    with tenant_scope(tenant.pk):
        mark_opened(actor=actor, invitation=second)
        revoke_invitation(actor=actor, invitation=third)
        found = {
            "all": list(invitations()),
            "open": list(invitations(state="open")),
            "opened": list(invitations(state="opened")),
            "revoked": list(invitations(state="revoked")),
            "by text": list(invitations(channel="sms")),
            "hers": list(invitations(sent_by=alice.pk)),
            "name": list(invitations(text="carol ngu")),
            "mail": list(invitations(text="DAVE@example")),
            "number": list(invitations(text=second.short_number.lower())),
            "customer": list(invitations(text=f"C-{dave.number}")),
            "his": list(invitations(customer=dave)),
        }
        counts = funnel()
    assert found == {
        "all": [third, second, first],
        "open": [second, first],
        "opened": [second],
        "revoked": [third],
        "by text": [second],
        "hers": [third, second, first],
        "name": [second],
        "mail": [third],
        "number": [second],
        "customer": [third],
        "his": [third],
    }
    assert (counts.sent, counts.delivered, counts.opened, counts.revoked, counts.open) == (3, 1, 1, 1, 2)
