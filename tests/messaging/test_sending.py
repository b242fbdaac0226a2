import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings as project_settings
from django.utils import timezone

from messaging.delivery import register_listener
from messaging.mail import build_email
from messaging.models import Message, MessageState
from messaging.sending import BATCH, LEASE, MAX_ATTEMPTS, claim, pause_seconds, send, send_due_messages
from messaging.services import queue_email, queue_sms
from messaging.tasks import sweep
from tenants.models import Tenant
from tenants.scope import OpenTransaction, tenant_scope
from tests.factories import CustomerFactory, TenantFactory
from tests.messaging.servers import MailServer, SmsServer

pytestmark = pytest.mark.django_db(transaction=True)

LINK = "https://billing.example.com/i/acme/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-AbCdE"


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.MAILERS = {
            "default": {
                "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                "OPTIONS": {"host": "127.0.0.1", "port": server.port, "timeout": 15},
            }
        }
        yield server


@pytest.fixture
def sms_server(settings: Any) -> Iterator[SmsServer]:
    with SmsServer() as server:
        settings.SMS_API_BASE = server.url
        yield server


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory(
        slug="acme",
        name="Acme",
        sender_name="Acme, Billing",
        sender_email="bills@acme.example",
        care_email="care@acme.example",
    )


def queue(tenant: Tenant, **more: Any) -> Message:
    context = {
        "customer_name": "Bob",
        "method": {"brand": "visa", "last4": "4242"},
        "unpaid": [],
        "link": LINK,
        "expires_at": timezone.now() + timedelta(days=3),
    }
    with tenant_scope(tenant.pk):
        if more.pop("sms", False):
            return queue_sms(template="invitation", language="en", to="+14165550123", context=context, **more)
        values = {"to": "bob@example.com"} | more
        return queue_email(template="invitation", language="en", context=context, **values)


def read(message: Message) -> Message:
    with tenant_scope(message.tenant_id):
        return Message.objects.get(pk=message.pk)


def make_due(message: Message) -> None:
    with tenant_scope(message.tenant_id):
        Message.objects.filter(pk=message.pk).update(due_at=timezone.now(), lease_until=None)


def test_sends_a_mail_in_the_tenants_name(mail_server: MailServer, tenant: Tenant) -> None:
    message = queue(tenant, cc=["accounts@example.com"])
    assert send_due_messages(tenant.pk) == 1
    (mail,) = mail_server.mails
    assert mail["From"] == '"Acme, Billing" <bills@acme.example>'
    assert (mail["To"], mail["Cc"], mail["Reply-To"]) == (
        "bob@example.com",
        "accounts@example.com",
        "care@acme.example",
    )
    assert mail["X-PM-Metadata-message"].strip() == f"{tenant.pk}:{message.pk}"
    assert mail["Message-ID"] == f"<{message.pk}@acme.example>"
    assert {part.get_content_type() for part in mail.walk()} >= {"text/plain", "text/html"}
    sent = read(message)
    assert (sent.state, sent.attempts, sent.lease_until) == (MessageState.SENT, 1, None)
    assert sent.sent_at is not None
    assert sent.provider_id == mail["Message-ID"]


def test_the_copy_that_is_kept_opens_nothing(mail_server: MailServer, tenant: Tenant) -> None:
    message = queue(tenant)
    send_due_messages(tenant.pk)
    (mail,) = mail_server.mails
    body = mail.get_body(("plain",))
    assert body is not None
    assert LINK in body.get_content()
    kept = read(message)
    assert LINK not in kept.text + kept.html
    assert "https://billing.example.com/i/acme/[…]" in kept.text


def test_never_sends_inside_a_transaction(tenant: Tenant) -> None:
    message = queue(tenant)
    with tenant_scope(tenant.pk), pytest.raises(OpenTransaction):
        send(tenant, message)


@pytest.mark.parametrize("answer", ["451 Try later", "421 Busy"])
def test_tries_again_later_when_the_server_is_busy(mail_server: MailServer, tenant: Tenant, answer: str) -> None:
    mail_server.answer = answer
    message = queue(tenant)
    before = timezone.now()
    send_due_messages(tenant.pk)
    waiting = read(message)
    assert waiting.state == MessageState.QUEUED
    assert waiting.error.startswith(answer[:3])
    assert timedelta(seconds=25) < waiting.due_at - before < timedelta(seconds=60)
    assert send_due_messages(tenant.pk) == 0
    mail_server.answer = "250 OK"
    make_due(message)
    send_due_messages(tenant.pk)
    assert (read(message).state, read(message).error) == (MessageState.SENT, "")


def test_tries_again_when_no_server_answers(settings: Any, mail_server: MailServer, tenant: Tenant) -> None:
    mail_server.stop()
    message = queue(tenant)
    send_due_messages(tenant.pk)
    assert read(message).state == MessageState.QUEUED
    assert "ConnectionRefusedError" in read(message).error


def test_only_one_message_is_tried_while_no_server_answers(
    mail_server: MailServer, sms_server: SmsServer, tenant: Tenant
) -> None:
    mail_server.stop()
    mails, text = [queue(tenant) for _ in range(BATCH + 5)], queue(tenant, sms=True)
    before = timezone.now()
    assert send_due_messages(tenant.pk) == 2
    assert sum(read(mail).attempts for mail in mails) == 1
    assert all(read(mail).due_at > before + timedelta(seconds=20) for mail in mails)
    assert read(text).state == MessageState.SENT
    assert send_due_messages(tenant.pk) == 0


def test_a_refusal_for_good_fails_at_once_with_the_reason(mail_server: MailServer, tenant: Tenant) -> None:
    told: list[tuple[UUID, str]] = []
    register_listener("customers.customer", lambda message, kind: told.append((message.pk, kind)))
    mail_server.answer = "550 5.1.1 No such mailbox"
    with tenant_scope(tenant.pk):
        customer = CustomerFactory()
    message = queue(tenant, about=customer)
    send_due_messages(tenant.pk)
    failed = read(message)
    assert (failed.state, failed.error) == (MessageState.FAILED, "550 5.1.1 No such mailbox")
    assert told == [(message.pk, "failed")]


def test_gives_up_after_the_last_attempt(mail_server: MailServer, tenant: Tenant) -> None:
    mail_server.answer = "451 Try later"
    message = queue(tenant)
    for _attempt in range(MAX_ATTEMPTS):
        assert read(message).state == MessageState.QUEUED
        make_due(message)
        send_due_messages(tenant.pk)
    assert read(message).state == MessageState.FAILED
    make_due(message)
    assert send_due_messages(tenant.pk) == 0


def test_waits_longer_each_time() -> None:
    pauses = [pause_seconds(attempts) for attempts in range(1, 11)]
    assert 27 <= pauses[0] <= 33
    assert all(later > sooner * 1.5 for sooner, later in pairwise(pauses[:7]))
    assert max(pauses) <= 3960


def test_two_workers_never_hold_the_same_message(tenant: Tenant) -> None:
    queue(tenant)
    assert len(claim(tenant.pk)) == 1
    assert claim(tenant.pk) == []


def test_a_message_of_a_dead_worker_is_sent_by_another(
    mail_server: MailServer, tenant: Tenant, time_machine: Any
) -> None:
    message = queue(tenant)
    claim(tenant.pk)
    time_machine.move_to(timezone.now() + LEASE + timedelta(seconds=1))
    assert send_due_messages(tenant.pk) == 1
    assert read(message).state == MessageState.SENT
    assert read(message).attempts == 2


def test_a_message_that_had_to_wait_for_slow_ones_keeps_its_tries(
    mail_server: MailServer, tenant: Tenant, time_machine: Any
) -> None:
    message = queue(tenant)
    (claimed,) = claim(tenant.pk)
    time_machine.move_to(timezone.now() + LEASE - timedelta(seconds=10))
    send(tenant, claimed)
    waiting = read(message)
    assert (waiting.state, waiting.attempts, waiting.lease_until) == (MessageState.QUEUED, 0, None)
    assert send_due_messages(tenant.pk) == 1
    assert (read(message).state, read(message).attempts) == (MessageState.SENT, 1)


def test_the_sweep_wakes_a_worker_for_a_lost_message(tenant: Tenant, valkey: redis.Redis) -> None:
    TenantFactory()
    queue(tenant)
    assert valkey.llen("celery") == 1
    valkey.flushdb()  # the wake-up is lost
    sweep()
    (wake_up,) = valkey.lrange("celery", 0, -1)
    headers = json.loads(wake_up)["headers"]
    assert (headers["task"], headers["argsrepr"]) == ("messaging.tasks.send_due", f"['{tenant.pk}']")


def test_sends_a_text_message(sms_server: SmsServer, tenant: Tenant) -> None:
    message = queue(tenant, sms=True)
    assert message.segments == 1
    send_due_messages(tenant.pk)
    (request,) = sms_server.requests
    assert request["path"] == "/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json"
    assert (request["To"], request["From"]) == ("+14165550123", "+15005550006")
    assert request["Body"].endswith(LINK)
    assert request["StatusCallback"] == f"{project_settings.BASE_URL}/webhooks/messages/sms/acme/{message.pk}/"
    sent = read(message)
    assert (sent.state, sent.provider_id) == (MessageState.SENT, "SM00000000000000000000000000000001")
    assert LINK not in sent.text


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((400, {"code": 21211, "message": "Invalid 'To' Phone Number"}), MessageState.FAILED),
        ((401, {"code": 20003, "message": "Authenticate"}), MessageState.QUEUED),
        ((429, {"code": 20429, "message": "Too Many Requests"}), MessageState.QUEUED),
        ((503, {"code": 20503, "message": "Unavailable"}), MessageState.QUEUED),
    ],
)
def test_an_sms_providers_refusal(sms_server: SmsServer, tenant: Tenant, answer: Any, state: MessageState) -> None:
    sms_server.answer = answer
    message = queue(tenant, sms=True)
    send_due_messages(tenant.pk)
    assert read(message).state == state
    assert read(message).error == f"{answer[1]['code']} {answer[1]['message']}"


def test_a_senders_name_with_line_breaks_forges_no_header(tenant: Tenant) -> None:
    tenant.sender_name = 'Acme\r\nBcc: eve@example.com "<a@b.c>'
    with tenant_scope(tenant.pk):
        message = Message(channel="email", to="bob@example.com", subject="Hello", text="Hello", html="<p>Hello</p>")
        sent = build_email(tenant, message).message()
    assert sent["Bcc"] is None
    assert "Acme Bcc: eve@example.com" in str(sent["From"])


def test_a_tenants_own_sender_comes_before_the_general_one(
    sms_server: SmsServer, tenant: Tenant, settings: Any
) -> None:
    settings.SMS_FROM = "MG00000000000000000000000000000001"
    queue(tenant, sms=True)
    send_due_messages(tenant.pk)
    with tenant_scope(tenant.pk):
        Tenant.objects.filter(pk=tenant.pk).update(sms_sender="+15005550001")
    queue(tenant, sms=True)
    send_due_messages(tenant.pk)
    first, second = sms_server.requests
    assert first["MessagingServiceSid"] == "MG00000000000000000000000000000001"
    assert (second["From"], "MessagingServiceSid" in second) == ("+15005550001", False)


def test_says_when_no_sms_provider_is_set_up(settings: Any, tenant: Tenant) -> None:
    settings.SMS_ACCOUNT_SID = ""
    message = queue(tenant, sms=True)
    send_due_messages(tenant.pk)
    assert (read(message).state, read(message).error) == (MessageState.FAILED, "No SMS provider is set up.")
