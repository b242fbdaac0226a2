"""A bill and its receipt as they arrive: real invoices, real PDFs, a real mail server."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from messaging.models import Message, MessageState
from messaging.sending import send_due_messages
from subscriptions.invoicing import bill_purchase
from subscriptions.models import Interval
from subscriptions.services import mark_invoice_paid
from tenants.actors import Actor
from tenants.scope import tenant_scope
from tests.factories import CustomerFactory, PriceFactory, TenantFactory
from tests.messaging.servers import MailServer

pytestmark = pytest.mark.django_db(transaction=True)

ALICE = Actor.system("Alice")


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


def files_of(mail: Any) -> dict[str, str]:
    """The words of each attached PDF, by its name."""
    return {
        file.get_filename(): PdfReader(BytesIO(file.get_payload(decode=True))).pages[0].extract_text()
        for file in mail.iter_attachments()
    }


def test_the_bill_and_the_receipt_arrive_with_their_documents(mail_server: MailServer) -> None:
    tenant = TenantFactory(slug="northwind", name="Northwind")
    with tenant_scope(tenant.pk):
        zoe = CustomerFactory(first_name="Zoé", last_name="Roy", language="fr", cc_emails=["comptes@example.com"])
        price = PriceFactory(interval=Interval.ONE_TIME, amount_minor=2500, currency="CAD")
        invoice = bill_purchase(actor=ALICE, customer=zoe, price=price)
    send_due_messages(tenant.pk)
    with tenant_scope(tenant.pk):
        mark_invoice_paid(actor=ALICE, invoice=invoice)
    send_due_messages(tenant.pk)
    with tenant_scope(tenant.pk):
        assert {(m.state, m.error) for m in Message.objects.all()} == {(MessageState.SENT, "")}
    bill, receipt = mail_server.mails
    assert (bill["To"], bill["Cc"]) == (zoe.email, "comptes@example.com")
    assert len(files_of(bill)) == 1
    assert len(files_of(receipt)) == 2
    for name, words in {**files_of(bill), **files_of(receipt)}.items():
        assert name.endswith(".pdf")
        assert invoice.short_number in words
        assert "Zoé Roy" in words
