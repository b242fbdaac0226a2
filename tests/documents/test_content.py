"""What stands on documents, in words and figures."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from subscriptions.documents.content import credit_note_document, invoice_document, receipt_document
from subscriptions.documents.document import InvoiceDocument
from subscriptions.errors import BillingError
from subscriptions.models import CreditDestination, Invoice, InvoiceState, PaidThrough, TaxTreatment
from subscriptions.pay_links import read_pay_token
from tests import factories
from tests.documents.conftest import bill


def facts(document: InvoiceDocument) -> dict[str, str]:
    return {fact.label: fact.value for fact in document.facts}


def sums(document: InvoiceDocument) -> list[tuple[str, str, str]]:
    return [(row.label, row.detail, row.amount) for row in document.sums]


def pay(invoice: Invoice) -> None:
    Invoice.objects.filter(pk=invoice.pk).update(
        state=InvoiceState.PAID,
        paid_at=datetime(2026, 12, 7, 3, tzinfo=UTC),
        paid_with={"kind": "card", "brand": "visa", "last4": "4242"},
        paid_through=PaidThrough.RETRY,
    )
    invoice.refresh_from_db()


def test_an_invoice_says_who_bills_whom_for_what(invoice: Invoice) -> None:
    document = invoice_document(invoice, "en")
    assert document.title == f"Invoice {invoice.short_number}"
    assert (document.issuer.name, document.issuer.lines) == (
        "Maple Streaming Inc.",
        ("500 King Street West", "Toronto ON  M5V 1L9", "GST/HST 81234 5678 RT0001"),
    )
    assert (document.recipient.name, document.recipient.lines) == (
        "Librairie du Port",
        (
            "Camille Tremblay",
            "1000 rue de la Gauchetière",
            "Montréal QC H3B 4W5",
            "Canada",
            "camille@example.com",
        ),
    )
    assert facts(document) == {
        "Invoice number": invoice.short_number,
        "Issued on": "November 21, 2026",
        "Due on": "December 5, 2026",
        "Customer number": invoice.customer.short_number,
        "Subscription": invoice.subscription.short_number,
    }
    (line,) = document.lines
    assert (line.description, line.quantity, line.unit_price, line.amount) == (
        "Daily paper",
        "2",
        "CA$19.99",
        "CA$39.98",
    )
    assert line.detail == "Nov 21\u2009–\u2009Dec 20, 2026"
    assert sums(document) == [
        ("Subtotal", "", "CA$39.98"),
        ("GST 5%", "on CA$39.98", "CA$2.00"),
        ("QST 9.975%", "on CA$39.98", "CA$3.99"),
        ("Total", "", "CA$45.97"),
        ("Amount due", "", "CA$45.97"),
    ]
    assert document.notes == ("Thank you.",)
    assert document.contact == "care@maple.example · +1 416-555-0123"
    assert document.hub.url.endswith("/portal/maple/")


def test_an_invoice_in_french(invoice: Invoice) -> None:
    document = invoice_document(invoice, "fr")
    assert document.heading == "Facture"
    assert facts(document)["Émise le"] == "21 novembre 2026"
    (line,) = document.lines
    assert (line.description, line.detail) == ("Journal quotidien", "21 nov.\u2009–\u200920 déc. 2026")
    assert [(row.label, row.detail, row.amount) for row in document.sums][1:3] == [
        ("TPS 5\u00a0%", "sur 39,98\u00a0$CA", "2,00\u00a0$CA"),
        ("TVQ 9,975\u00a0%", "sur 39,98\u00a0$CA", "3,99\u00a0$CA"),
    ]
    assert document.notes == ("Merci.",)
    assert document.columns == ("Description", "Quantité", "Prix unitaire", "Montant")


@pytest.mark.parametrize(
    ("treatment", "country", "language", "sentence"),
    [
        (TaxTreatment.STANDARD, "FR", "en", None),
        (TaxTreatment.EXEMPT, "CA", "en", "Tax exempt: the customer holds a tax exemption, so no tax is charged."),
        (
            TaxTreatment.EXEMPT,
            "CA",
            "fr",
            "Exonéré de taxes : le client bénéficie d’une exonération, aucune taxe n’est donc facturée.",
        ),
        (
            TaxTreatment.REVERSE_CHARGE,
            "FR",
            "en",
            "Reverse charge: VAT to be accounted for by the recipient (Art. 196 Directive 2006/112/EC).",
        ),
        (
            TaxTreatment.REVERSE_CHARGE,
            "FR",
            "fr",
            "Autoliquidation : TVA due par le preneur (art. 196 de la directive 2006/112/CE).",
        ),
        (TaxTreatment.REVERSE_CHARGE, "GB", "en", "Reverse charge: tax to be accounted for by the recipient."),
        (TaxTreatment.REVERSE_CHARGE, "GB", "fr", "Autoliquidation : taxe due par le preneur."),
    ],
)
def test_says_why_tax_is_not_charged(
    scope: Any, treatment: str, country: str, language: str, sentence: str | None
) -> None:
    address = {"line1": "1 High Street", "city": "Town", "region": "", "postal_code": "75001", "country": country}
    invoice = bill(scope, address=address, tax_treatment=treatment, subtotal_minor=3998, tax_minor=0, total_minor=3998)
    notes = invoice_document(invoice, language).notes
    assert notes[:-1] == ((sentence,) if sentence else ())
    assert notes[-1] == ("Merci." if language == "fr" else "Thank you.")


def test_prints_vat_numbers(scope: Any) -> None:
    customer = factories.CustomerFactory(vat_number="FR40303265045")
    assert "VAT number: FR40303265045" in invoice_document(bill(scope, customer=customer), "en").recipient.lines


def test_addresses_are_in_their_countrys_own_order(scope: Any) -> None:
    address = {"line1": "千代田1-1", "city": "千代田区", "region": "東京都", "postal_code": "100-8111", "country": "JP"}
    lines = invoice_document(bill(scope, address=address), "en").recipient.lines
    assert lines[1].startswith("〒100-8111")
    assert lines.index("千代田1-1") > 1


@pytest.mark.parametrize(
    ("currency", "language", "due"),
    [
        ("JPY", "en", "¥4,597"),
        ("JPY", "fr", "4\u202f597\u00a0JPY"),
        ("KWD", "en", "KWD\u00a04.597"),
        ("KWD", "fr", "4,597\u00a0KWD"),
        ("EUR", "en", "€45.97"),
    ],
)
def test_amounts_have_their_currencys_decimals(scope: Any, currency: str, language: str, due: str) -> None:
    assert invoice_document(bill(scope, currency=currency), language).headline.amount == due


@pytest.mark.parametrize(
    ("applied", "label", "amount", "due"),
    [
        (1000, "Paid from your balance", "-CA$10.00", "CA$35.97"),
        (-500, "Added from your balance", "CA$5.00", "CA$50.97"),
    ],
)
def test_shows_what_the_balance_did(scope: Any, applied: int, label: str, amount: str, due: str) -> None:
    document = invoice_document(bill(scope, balance_applied_minor=applied), "en")
    assert sums(document)[-2:] == [(label, "", amount), ("Amount due", "", due)]


def test_an_invoice_with_nothing_to_pay_has_no_pay_link(scope: Any) -> None:
    document = invoice_document(bill(scope, balance_applied_minor=4597), "en")
    assert document.pay is None
    assert document.headline.detail == "Nothing to pay"


def test_the_pay_link_works_and_stays_the_same(scope: Any, invoice: Invoice) -> None:
    link = invoice_document(invoice, "en").pay
    assert link is not None
    start, token = link.url.rsplit("/", 1)
    assert start.endswith("/portal/maple/pay")
    with time_machine.travel(invoice.due_at):
        assert read_pay_token(scope.pk, token) == invoice.pk


def test_later_edits_change_nothing(scope: Any, invoice: Invoice) -> None:
    before = invoice_document(invoice, "en")
    customer = invoice.customer
    customer.first_name, customer.organisation, customer.vat_number = "Other", "Other Ltd", "FR40303265045"
    customer.save()
    customer.addresses.update(line1="Elsewhere", country="FR")
    type(scope).objects.filter(pk=scope.pk).update(name="New name", legal_name="", primary_colour="#000000")
    pay(invoice)
    assert invoice_document(Invoice.objects.get(pk=invoice.pk), "en") == before


def test_a_void_invoice_is_marked_and_cannot_be_paid(invoice: Invoice) -> None:
    Invoice.objects.filter(pk=invoice.pk).update(
        state=InvoiceState.VOID, voided_at=datetime(2026, 12, 1, 12, tzinfo=UTC)
    )
    invoice.refresh_from_db()
    document = invoice_document(invoice, "en")
    assert document.mark is not None
    assert (document.mark.word, document.headline.detail) == ("Void", "Void since December 1, 2026")
    assert document.pay is None


def test_a_receipt_says_when_and_with_what_it_was_paid(invoice: Invoice) -> None:
    pay(invoice)
    document = receipt_document(invoice, "en")
    assert document.mark is not None
    assert document.mark.word == "Paid"
    assert (facts(document)["Paid on"], facts(document)["Paid with"]) == ("December 6, 2026", "Visa ending in 4242")
    assert sums(document)[-1] == ("Amount paid", "", "CA$45.97")
    assert document.pay is None


def test_a_receipt_keeps_the_card_that_paid(invoice: Invoice) -> None:
    profile = factories.PaymentProfileFactory(customer=invoice.customer)
    pay(invoice)
    Invoice.objects.filter(pk=invoice.pk).update(payment_profile=profile)
    profile.last4, profile.brand = "1111", "mastercard"
    profile.save()
    invoice.refresh_from_db()
    assert facts(receipt_document(invoice, "en"))["Paid with"] == "Visa ending in 4242"


def test_a_receipt_for_what_the_balance_paid(scope: Any) -> None:
    invoice = bill(scope, balance_applied_minor=4597)
    moment = datetime(2026, 11, 22, 2, tzinfo=UTC)
    Invoice.objects.filter(pk=invoice.pk).update(
        state=InvoiceState.PAID, paid_at=moment, paid_through=PaidThrough.BALANCE
    )
    invoice.refresh_from_db()
    document = receipt_document(invoice, "en")
    assert facts(document)["Paid with"] == "Your balance"
    assert sums(document)[-1] == ("Amount paid", "", "CA$0.00")


@pytest.mark.parametrize("state", [InvoiceState.OPEN, InvoiceState.VOID, InvoiceState.UNCOLLECTIBLE])
def test_refuses_a_receipt_for_what_is_not_paid(scope: Any, state: str) -> None:
    with pytest.raises(BillingError) as refused:
        receipt_document(bill(scope, state=state), "en")
    assert refused.value.code == "not_paid"


@pytest.mark.parametrize(
    ("destination", "detail"),
    [
        (CreditDestination.REFUND, "Back to Visa ending in 4242"),
        (CreditDestination.BALANCE, "Added to your balance"),
    ],
)
def test_a_credit_note_says_of_what_why_and_where_to(invoice: Invoice, destination: str, detail: str) -> None:
    pay(invoice)
    note = factories.CreditNoteFactory(
        invoice=invoice,
        destination=destination,
        subtotal_minor=1000,
        tax_minor=50,
        total_minor=1050,
        taxes=[{"code": "GST", "name_en": "GST", "name_fr": "TPS", "percent": "5.0000", "tax_minor": 50}],
        customer_details=invoice.customer_details,
        issuer=invoice.issuer,
    )
    document = credit_note_document(note, "en")
    assert document.title == f"Credit note {note.short_number}"
    assert facts(document)["For invoice"] == invoice.short_number
    (line,) = document.lines
    assert (line.description, line.detail) == (f"Credit for invoice {invoice.short_number}", "Billed twice")
    assert sums(document) == [
        ("Subtotal", "", "CA$10.00"),
        ("GST 5%", "", "CA$0.50"),
        ("Amount credited", "", "CA$10.50"),
    ]
    assert document.headline.detail == detail
    assert document.columns == ("Description", "Amount")


def test_an_invoice_that_the_gateway_made_shows_what_is_known(scope: Any) -> None:
    customer = factories.CustomerFactory(first_name="Carol", last_name="Roy")
    subscription = factories.SubscriptionFactory(customer=customer, price__product__name_en="Gateway plan")
    invoice = factories.InvoiceFactory(customer=customer, subscription=subscription, gateway_id="in_1")
    invoice.refresh_from_db()
    document = invoice_document(invoice, "en")
    assert document.recipient.name == "Carol Roy"
    assert [line.description for line in document.lines] == ["Gateway plan"]
    assert sums(document) == [("Total", "", "CA$19.99"), ("Amount due", "", "CA$19.99")]
    assert document.pay is None


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ((2026, 11, 21, 5), (2026, 11, 22, 5), "November 21, 2026"),
        ((2026, 12, 15, 17), (2027, 1, 15, 17), "Dec 15, 2026\u2009–\u2009Jan 14, 2027"),
        ((2026, 12, 15, 17), (2026, 12, 15, 19), "December 15, 2026"),
    ],
)
def test_periods_name_their_last_day(scope: Any, start: Any, end: Any, days: str) -> None:
    invoice = bill(scope)
    invoice.lines.update(period_start=datetime(*start, tzinfo=UTC), period_end=datetime(*end, tzinfo=UTC))
    (line,) = invoice_document(invoice, "en").lines
    assert line.detail == days


@pytest.mark.parametrize(("country", "paper"), [("CA", "us-letter"), ("US", "us-letter"), ("FR", "a4"), ("JP", "a4")])
def test_paper_is_the_issuers(scope: Any, country: str, paper: str) -> None:
    scope.country = country
    assert invoice_document(bill(scope), "en").paper == paper


def test_documents_hold_nothing_but_text(invoice: Invoice) -> None:
    content = asdict(invoice_document(invoice, "en"))
    assert content.pop("dated_at") == invoice.issued_at
    assert not [value for value in flatten(content) if not isinstance(value, str | bool | None)]


def flatten(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in flatten(item)]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in flatten(item)]
    return [value]
