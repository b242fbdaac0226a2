"""Mails with attachments: made when sent; a mail never goes without what belongs to it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from customers.models import Customer
from messaging import attachments
from messaging.attachments import Attachment, register
from messaging.models import Message, MessageState
from messaging.sending import send_due_messages
from messaging.services import queue_email
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, TenantFactory
from tests.messaging.servers import MailServer

pytestmark = pytest.mark.django_db(transaction=True)


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
def kinds() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = dict(attachments._makers)
    yield
    attachments._makers.clear()
    attachments._makers.update(before)


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory(slug="acme", name="Acme")


def queue(tenant: Tenant, *kinds: str) -> Message:
    with tenant_scope(tenant.pk):
        bob = CustomerFactory(first_name="Bob")
        return queue_email(
            template="email_change_told",
            language="fr",
            to=bob.email,
            context={"customer_name": "Bob", "new_email": "bob@example.org", "link": "https://example.com/"},
            attachments=[{"kind": kind, "id": str(bob.pk), "language": "fr"} for kind in kinds],
        )


def read(message: Message) -> Message:
    with tenant_scope(message.tenant_id):
        return Message.objects.get(pk=message.pk)


def business_card(customer_id: str, language: str) -> Attachment:
    """A file that only the tenant's scope can make."""
    name = Customer.objects.get(pk=customer_id).first_name
    return Attachment(f"{name}-{language}.pdf", "application/pdf", b"%PDF-1.7 \x00\xff")


@pytest.mark.usefixtures("kinds")
def test_attachments_are_made_in_the_scope_when_the_mail_is_sent(mail_server: MailServer, tenant: Tenant) -> None:
    register("card", business_card)
    queue(tenant, "card", "card")
    assert send_due_messages(tenant.pk) == 1
    (mail,) = mail_server.mails
    files = list(mail.iter_attachments())
    assert [(file.get_filename(), file.get_content_type()) for file in files] == [("Bob-fr.pdf", "application/pdf")] * 2
    assert files[0].get_payload(decode=True) == b"%PDF-1.7 \x00\xff"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "bob@example.org" in body.get_content()


@pytest.mark.usefixtures("kinds")
def test_a_mail_whose_attachment_fails_waits_and_says_why(mail_server: MailServer, tenant: Tenant) -> None:
    broken = True

    def fails(customer_id: str, language: str) -> Attachment:
        if broken:
            raise RuntimeError("the typesetter is out of ink")
        return business_card(customer_id, language)

    register("card", fails)
    message, other = queue(tenant, "card"), queue(tenant)
    send_due_messages(tenant.pk)
    waiting = read(message)
    assert (waiting.state, waiting.error) == (
        MessageState.QUEUED,
        "The attachment card could not be made (RuntimeError).",
    )
    assert waiting.due_at > timezone.now()
    assert read(other).state == MessageState.SENT
    assert len(mail_server.mails) == 1
    broken = False
    with tenant_scope(tenant.pk):
        Message.objects.filter(pk=message.pk).update(due_at=timezone.now())
    send_due_messages(tenant.pk)
    assert (read(message).state, read(message).error) == (MessageState.SENT, "")


def test_a_kind_that_nobody_makes_is_waited_for(mail_server: MailServer, tenant: Tenant) -> None:
    message = queue(tenant, "unheard_of")
    send_due_messages(tenant.pk)
    assert (read(message).state, mail_server.mails) == (MessageState.QUEUED, [])
    assert "unheard_of" in read(message).error


def test_nothing_is_kept_of_a_mail_that_tells_a_code(mail_server: MailServer, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        context = {
            "customer_name": "Bob",
            "code": "482 913",
            "link": "https://example.com/x",
            "expires_at": timezone.now(),
        }
        message = queue_email(template="portal_sign_in", language="en", to="bob@example.com", context=context)
    send_due_messages(tenant.pk)
    assert "482 913" in str(mail_server.mails[0].get_body(("plain",)))
    kept = read(message)
    assert "482" not in kept.text + kept.html + kept.subject
