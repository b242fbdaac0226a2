"""The payer's bank takes money back, days after it had arrived."""

import pytest

from messaging.models import Message
from subscriptions.models import Invoice, InvoiceState
from tenants.models import AuditEntry, Role
from tests.factories import MembershipFactory
from tests.subscriptions.collection.conftest import Till
from tests.subscriptions.collection.test_requests import debtor


@pytest.fixture
def paid(till: Till) -> Invoice:
    """By bank debit."""
    with till.scope():
        MembershipFactory(role=Role.OWNER)
    invoice = debtor(till)
    till.collect()
    till.sandbox.control("POST", f"settle/{till.read(invoice).gateway_payment_id}", json={"outcome": "succeed"})
    till.collect(days=1)
    assert till.read(invoice).state == InvoiceState.PAID
    return invoice


def tell(till: Till, invoice: Invoice, kind: str, status: str) -> None:
    about = {"payment_intent": invoice.gateway_payment_id, "amount": 1999, "currency": "eur", "status": status}
    till.event(kind, "du_1", times=2, reason="insufficient_funds", **about)


def test_a_debit_that_comes_back_is_kept_on_the_invoice_and_told_to_the_staff_once(till: Till, paid: Invoice) -> None:
    tell(till, paid, "charge.dispute.created", "needs_response")
    tell(till, paid, "charge.dispute.closed", "lost")
    with till.scope():
        told = AuditEntry.objects.filter(action__startswith="invoice.dispute").order_by("at", "id")
        mail = Message.objects.get(template="payment_disputed")
        assert [(row.action, row.after["status"], row.after["why"]) for row in told] == [
            ("invoice.disputed", "needs_response", "insufficient funds"),
            ("invoice.dispute_closed", "lost", "insufficient funds"),
        ]
        assert {row.target_id for row in told} == {paid.pk}
    assert "€19.99" in mail.text
    assert paid.short_number in mail.text
    assert till.read(paid).state == InvoiceState.PAID


def test_a_dispute_of_someone_elses_payment_is_nobodys_business(till: Till) -> None:
    till.event("charge.dispute.created", "du_2", payment_intent="pi_of_another_product", amount=5, currency="eur")
    with till.scope():
        assert not AuditEntry.objects.filter(action="invoice.disputed").exists()
