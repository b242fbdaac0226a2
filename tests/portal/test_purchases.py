"""Purchase history: what is the customer's, and every paper of it, for nobody else's eyes."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.models import Customer
from subscriptions.invoicing import bill_purchase
from subscriptions.models import Invoice, InvoiceState
from subscriptions.services import mark_invoice_paid
from tenants.models import Tenant
from tests.factories import CreditNoteFactory, CustomerFactory, InvoiceFactory
from tests.portal.conftest import client_of, portal_url
from tests.portal.shop import ACTOR, price, subscribed, world
from tests.propagation.conftest import World

__all__ = ["world"]
PAPERS = ("invoice_pdf", "receipt_pdf")


def bought(world: World, customer: Customer, *, paid: bool = True) -> Invoice:
    """A one-time purchase."""
    product = price(world, "Atlas", "Atlas illustré", interval="one_time", amount_minor=4900)
    with world.scope():
        invoice = bill_purchase(actor=ACTOR, customer=customer, price=product)
        if paid:
            mark_invoice_paid(actor=ACTOR, invoice=invoice)
        return Invoice.objects.get(pk=invoice.pk)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_shows_what_is_granted_and_every_invoice(world: World, bob: Customer, signed_in: Client) -> None:
    subscribed(world, bob)
    invoice = bought(world, bob)
    page = text_of(signed_in.get(portal_url(world.tenant, "purchases")))
    assert "As long as your subscription runs" in page
    assert "Atlas" in page
    assert "One-time purchase" in page
    assert invoice.short_number in page
    assert "CA$49.00" in page


def test_what_is_not_paid_is_not_granted(world: World, bob: Customer, signed_in: Client) -> None:
    invoice = bought(world, bob, paid=False)
    page = text_of(signed_in.get(portal_url(world.tenant, "purchases")))
    assert "One-time purchase" not in page
    assert portal_url(world.tenant, "invoice_pay", invoice.pk) in page


def test_nothing_bought_yet_leads_to_the_offers(tenant: Tenant, signed_in: Client) -> None:
    page = text_of(signed_in.get(portal_url(tenant, "purchases")))
    assert "No purchases yet" in page
    assert portal_url(tenant, "offers") in page


def test_an_invoice_shows_lines_and_total(world: World, bob: Customer, signed_in: Client) -> None:
    page = text_of(signed_in.get(portal_url(world.tenant, "invoice", bought(world, bob).pk)))
    assert "Atlas" in page
    assert "Paid on" in page
    assert "Download receipt" in page


@pytest.mark.parametrize("name", PAPERS)
def test_papers_are_viewed_and_downloaded(world: World, bob: Customer, signed_in: Client, name: str) -> None:
    where = portal_url(world.tenant, name, bought(world, bob).pk)
    viewed = signed_in.get(where)
    assert viewed["Content-Type"] == "application/pdf"
    assert viewed.content.startswith(b"%PDF-")
    assert viewed["Content-Disposition"].startswith("inline")
    assert "no-store" in viewed["Cache-Control"]
    assert signed_in.get(f"{where}?download=1")["Content-Disposition"].startswith("attachment")


def test_papers_are_in_the_readers_language(world: World, bob: Customer, signed_in: Client) -> None:
    where = portal_url(world.tenant, "invoice_pdf", bought(world, bob).pk)
    english = signed_in.get(where)
    with world.scope():
        Customer.objects.filter(pk=bob.pk).update(language="fr")
    french = signed_in.get(where)
    assert french.content != english.content
    assert "facture" in french["Content-Disposition"]


def test_an_unpaid_invoice_has_no_receipt(world: World, bob: Customer, signed_in: Client) -> None:
    invoice = bought(world, bob, paid=False)
    assert signed_in.get(portal_url(world.tenant, "receipt_pdf", invoice.pk)).status_code == 404


def test_another_customers_papers_are_not_there(world: World, bob: Customer) -> None:
    invoice = bought(world, bob)
    with world.scope():
        carol = CustomerFactory()
        note = CreditNoteFactory(invoice=invoice, customer=bob)
    stranger = client_of(world.tenant, carol)
    for name in ("invoice", "invoice_pay", *PAPERS):
        assert stranger.get(portal_url(world.tenant, name, invoice.pk)).status_code == 404
    assert stranger.get(portal_url(world.tenant, "credit_note_pdf", note.pk)).status_code == 404


def test_nobody_without_signing_in(world: World, bob: Customer) -> None:
    invoice = bought(world, bob)
    for name in ("invoice", *PAPERS):
        answer = Client().get(portal_url(world.tenant, name, invoice.pk))
        assert answer.status_code == 302
        assert "sign-in" in answer["Location"]


def test_a_draft_is_not_shown(world: World, bob: Customer, signed_in: Client) -> None:
    with world.scope():
        draft = InvoiceFactory(customer=bob, state=InvoiceState.DRAFT)
    assert draft.short_number not in text_of(signed_in.get(portal_url(world.tenant, "purchases")))
    assert signed_in.get(portal_url(world.tenant, "invoice", draft.pk)).status_code == 404


def test_many_invoices_come_in_pages(world: World, bob: Customer, signed_in: Client) -> None:
    now = timezone.now()
    with world.scope():
        made = [InvoiceFactory(customer=bob, issued_at=now - timedelta(days=n)) for n in range(26)]
    first = text_of(signed_in.get(portal_url(world.tenant, "purchases")))
    assert made[-1].short_number in first
    assert made[0].short_number not in first
    older = portal_url(world.tenant, "purchases") + f"?before={made[2].number}"
    assert made[0].short_number in text_of(signed_in.get(older))
    assert signed_in.get(portal_url(world.tenant, "purchases") + "?before=9%00x").status_code == 200
