import base64
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.test import Client

from messaging import delivery
from messaging.models import Channel, DeliveryEvent, Message, MessageState
from messaging.sms import callback_url, signature_of
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories import TenantFactory

pytestmark = pytest.mark.django_db(transaction=True)
BASIC_AUTH = {"authorization": "Basic " + base64.b64encode(b"mail:for-tests-only").decode()}


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory(slug="acme")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    kinds: list[str] = []
    monkeypatch.setattr(delivery, "_listeners", {})
    delivery.register_listener("invitations.invitation", lambda message, kind: kinds.append(kind))
    return kinds


def make_message(tenant: Tenant, **values: Any) -> Message:
    with tenant_scope(tenant.pk):
        return Message.objects.create(
            **{
                "channel": Channel.EMAIL,
                "template": "invitation",
                "language": "en",
                "to": "bob@example.com",
                "text": "Hello",
                "state": MessageState.SENT,
                "about_type": "invitations.invitation",
                "about_id": tenant.pk,
            }
            | values
        )


def state_of(message: Message) -> str:
    with tenant_scope(message.tenant_id):
        return Message.objects.get(pk=message.pk).state


def tell(client: Client, message: Message, record_type: str, **more: Any) -> int:
    event = {
        "RecordType": record_type,
        "MessageID": "1",
        "Metadata": {"message": f"{message.tenant_id}:{message.pk}"},
        "DeliveredAt": "2026-11-21T20:00:00Z",
    } | more
    return client.post(
        "/anymail/postmark/tracking/", event, content_type="application/json", headers=BASIC_AUTH
    ).status_code


def test_a_delivered_mail(client: Client, tenant: Tenant, told: list[str]) -> None:
    message = make_message(tenant)
    assert tell(client, message, "Delivery", Recipient="bob@example.com") == 200
    assert state_of(message) == MessageState.DELIVERED
    assert told == ["delivered"]


def test_the_same_event_ten_times_counts_once(client: Client, tenant: Tenant, told: list[str]) -> None:
    message = make_message(tenant)
    for _time in range(10):
        tell(client, message, "Delivery", Recipient="bob@example.com")
    with tenant_scope(tenant.pk):
        assert DeliveryEvent.objects.count() == 1
    assert told == ["delivered"]


def test_a_bounce_is_final(client: Client, tenant: Tenant, told: list[str]) -> None:
    message = make_message(tenant)
    tell(client, message, "Bounce", Type="HardBounce", Email="bob@example.com", ID=7, Description="No such mailbox")
    tell(client, message, "Delivery", Recipient="bob@example.com")
    with tenant_scope(tenant.pk):
        message.refresh_from_db()
    assert (message.state, message.error) == (MessageState.BOUNCED, "No such mailbox")
    assert told == ["bounced"]


def test_a_copys_bounce_is_kept_but_is_not_the_messages(client: Client, tenant: Tenant, told: list[str]) -> None:
    message = make_message(tenant, cc=["accounts@example.com"])
    tell(client, message, "Bounce", Type="HardBounce", Email="accounts@example.com", ID=8)
    assert state_of(message) == MessageState.SENT
    assert told == []


def test_a_complaint_is_told(client: Client, tenant: Tenant, told: list[str]) -> None:
    message = make_message(tenant, state=MessageState.DELIVERED)
    tell(client, message, "SpamComplaint", Type="SpamComplaint", Email="bob@example.com", ID=9)
    assert state_of(message) == MessageState.DELIVERED
    assert told == ["complained"]


def test_an_event_of_somebody_elses_mail_is_nothing(client: Client, tenant: Tenant, told: list[str]) -> None:
    other = TenantFactory(slug="other")
    message = make_message(tenant)
    assert tell(client, message, "Delivery", Metadata={"message": f"{other.pk}:{message.pk}"}) == 200
    assert tell(client, message, "Delivery", Metadata={"message": "nonsense"}) == 200
    assert tell(client, message, "Delivery", Metadata={}) == 200
    assert state_of(message) == MessageState.SENT
    assert told == []


def test_a_webhook_without_the_shared_secret_is_refused(client: Client) -> None:
    assert client.post("/anymail/postmark/tracking/", {}, content_type="application/json").status_code == 400


def test_without_a_shared_secret_nobody_tells_of_deliveries(
    client: Client, tenant: Tenant, told: list[str], settings: Any
) -> None:
    settings.ANYMAIL = {}
    message = make_message(tenant)
    assert tell(client, message, "Bounce", Type="HardBounce", Email="bob@example.com", ID=7) == 404
    assert state_of(message) == MessageState.SENT
    assert told == []


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"[1]", b'"a"', b"null", b"\xff"])
def test_what_is_no_event_is_refused(client: Client, body: bytes) -> None:
    for provider in ("postmark", "sendgrid", "mailjet", "brevo"):
        address = f"/anymail/{provider}/tracking/"
        response = client.post(address, body, content_type="application/json", headers=BASIC_AUTH)
        assert response.status_code in ({200, 400} if body == b"[]" else {400})


@pytest.mark.parametrize(
    "address", ["mailgun/tracking/", "postal/tracking/", "amazon_ses/tracking/", "postmark/inbound/"]
)
def test_a_provider_that_is_not_set_up_has_no_address(client: Client, address: str) -> None:
    assert client.post(f"/anymail/{address}", b"{}", content_type="application/json").status_code == 404


def sms_status(client: Client, message: Message, fields: dict[str, str], signature: str | None = None) -> int:
    url = callback_url("acme", message)
    return client.post(
        url.removeprefix(project_settings.BASE_URL),
        fields,
        headers={"x-twilio-signature": signature if signature is not None else signature_of(url, fields.items())},
    ).status_code


def test_the_signature_is_twilios(settings: Any) -> None:
    # The example of https://www.twilio.com/docs/usage/webhooks/webhooks-security
    settings.SMS_AUTH_TOKEN = "12345"
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    assert signature_of("https://mycompany.com/myapp.php?foo=1&bar=2", fields.items()) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize(
    ("status", "state", "kinds"),
    [
        ("delivered", MessageState.DELIVERED, ["delivered"]),
        ("undelivered", MessageState.BOUNCED, ["bounced"]),
        ("failed", MessageState.BOUNCED, ["bounced"]),
        ("sent", MessageState.SENT, []),
    ],
)
def test_an_sms_status(
    client: Client, tenant: Tenant, told: list[str], status: str, state: MessageState, kinds: list[str]
) -> None:
    message = make_message(tenant, channel=Channel.SMS, to="+14165550123")
    fields = {"MessageStatus": status, "MessageSid": "SM1", "ErrorCode": "30005"}
    for _time in range(2):
        assert sms_status(client, message, fields) == 204
    assert state_of(message) == state
    assert told == kinds


def test_without_a_provider_of_text_messages_no_status_is_believed(
    client: Client, tenant: Tenant, told: list[str], settings: Any
) -> None:
    settings.SMS_AUTH_TOKEN = ""
    message = make_message(tenant, channel=Channel.SMS)
    assert sms_status(client, message, {"MessageStatus": "undelivered"}) == 403
    assert state_of(message) == MessageState.SENT
    assert told == []


def test_an_sms_status_is_never_a_mails(client: Client, tenant: Tenant) -> None:
    message = make_message(tenant)
    assert sms_status(client, message, {"MessageStatus": "undelivered"}) == 404
    assert state_of(message) == MessageState.SENT


def test_a_forged_sms_status_is_refused(client: Client, tenant: Tenant, told: list[str]) -> None:
    message = make_message(tenant, channel=Channel.SMS)
    assert sms_status(client, message, {"MessageStatus": "delivered"}, signature="forged") == 403
    assert sms_status(client, message, {"MessageStatus": "delivered"}, signature="") == 403
    assert state_of(message) == MessageState.SENT
    assert told == []
