"""Collecting from the back office, with the gateway at the other end: what staff are told is what happened."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from subscriptions.credits import refund_due
from subscriptions.models import CreditNote, Invoice, InvoiceState, PaidThrough, RefundState
from tenants.models import Membership, Role
from tests.factories import InvoiceFactory, UserFactory
from tests.propagation.conftest import World, world  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

GOOD, DECLINED, ASKS = "4242424242424242", "4000000000000341", "4000002760003184"


@pytest.fixture
def staff(world: World, client: Client) -> Client:  # noqa: F811
    person = UserFactory()
    with world.scope():
        Membership.objects.create(user=person, role=Role.OWNER)
    client.force_login(person)
    return client


def owing(world: World, number: str) -> tuple[Invoice, Any]:  # noqa: F811
    bob = world.customer()
    card = world.card(bob, "pm_bob", number=number, default=True)
    with world.scope():
        invoice = InvoiceFactory(customer=bob, attempts=1, dunning_attempts=1, first_failed_at=timezone.now())
        return invoice, card


def url(name: str, **ids: Any) -> str:
    return reverse(f"backoffice:{name}", kwargs={"tenant_slug": "acme", **ids})


@pytest.mark.parametrize(
    ("number", "state", "words"),
    [
        (GOOD, InvoiceState.PAID, "Paid with Visa"),
        (DECLINED, InvoiceState.OPEN, "was not charged."),
        (ASKS, InvoiceState.OPEN, "wants the customer to confirm the payment"),
    ],
)
def test_tells_what_came_of_it(world: World, staff: Client, number: str, state: str, words: str) -> None:  # noqa: F811
    invoice, card = owing(world, number)
    page = staff.post(url("invoice_collect", invoice_id=invoice.pk), {"profile": card.pk}, follow=True)
    assert words in page.content.decode()
    with world.scope():
        after = Invoice.objects.get(pk=invoice.pk)
        assert after.state == state
        assert after.charges.get().source == PaidThrough.STAFF


def test_what_was_collected_can_go_back(world: World, staff: Client) -> None:  # noqa: F811
    invoice, card = owing(world, GOOD)
    staff.post(url("invoice_collect", invoice_id=invoice.pk), {"profile": card.pk})
    typed = {"amount": "9.99", "destination": "refund", "reason": "Half of it was missing"}
    staff.post(url("invoice_credit", invoice_id=invoice.pk), typed)
    refund_due(world.tenant.pk)
    with world.scope():
        note = CreditNote.objects.get(invoice=invoice)
        assert note.refunds.get().state == RefundState.SUCCEEDED
    assert "Succeeded" in staff.get(url("invoice", invoice_id=invoice.pk)).content.decode()
