"""An invoice's page and what staff do about its money."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.models import Address, Customer
from messaging.models import Message
from subscriptions.balance import balances
from subscriptions.documents.freeze import freeze_customer
from subscriptions.models import (
    BalanceEntry,
    Charge,
    ChargeState,
    CreditNote,
    Invoice,
    InvoiceState,
    Refund,
    RefundState,
)
from tenants.models import AuditEntry, Role
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office, join
from tests.factories import (
    ChargeFactory,
    CreditNoteFactory,
    InvoiceFactory,
    InvoiceLineFactory,
    InvoiceTaxFactory,
    RefundFactory,
)

pytestmark = pytest.mark.django_db


def issued(office: Office, **more: Any) -> Invoice:
    """An invoice of 100.00 and 5.00 of GST, as the billing run makes one."""
    with tenant_scope(office.tenant.pk):
        address = Address.objects.get(customer=office.customer)
        invoice: Invoice = InvoiceFactory(
            customer=office.customer,
            subtotal_minor=10_000,
            tax_minor=500,
            total_minor=10_500,
            customer_details=freeze_customer(office.customer, address),
            **more,
        )
        InvoiceLineFactory(invoice=invoice, unit_amount_minor=10_000, tax_codes=["GST"])
        InvoiceTaxFactory(invoice=invoice, taxable_minor=10_000, tax_minor=500)
        return invoice


def paid(office: Office, **more: Any) -> Invoice:
    return issued(office, state=InvoiceState.PAID, paid_at=timezone.now(), gateway_payment_id="pi_1", **more)


def page_of(office: Office, client: Client, invoice: Invoice) -> str:
    return client.get(office.url("invoice", invoice_id=invoice.pk)).content.decode()


def do(office: Office, client: Client, action: str, invoice: Invoice, **typed: str) -> Any:
    return client.post(office.url(f"invoice_{action}", invoice_id=invoice.pk), typed, follow=True)


def stored(office: Office, invoice: Invoice) -> Invoice:
    with tenant_scope(office.tenant.pk):
        return Invoice.objects.get(pk=invoice.pk)


def test_shows_the_invoice_as_it_was_issued(office: Office, owner: Client) -> None:
    invoice = issued(office)
    with tenant_scope(office.tenant.pk):
        Customer.objects.filter(pk=office.customer.pk).update(first_name="Robert", last_name="Roy")
    page = page_of(office, owner, invoice)
    assert 'class="card paper"' in page
    for text in ("Tremblay of Acme", "Magazine", "GST 5%", "CA$100.00", "CA$5.00", "CA$105.00"):
        assert text in page
    assert "have changed since" in page


def test_shows_every_attempt_with_the_gateways_words(office: Office, owner: Client) -> None:
    invoice = issued(
        office,
        first_failed_at=timezone.now() - timedelta(days=1),
        next_attempt_at=timezone.now() + timedelta(days=2),
        dunning_attempts=1,
        last_error_code="insufficient_funds",
    )
    with tenant_scope(office.tenant.pk):
        ChargeFactory(
            invoice=invoice,
            profile=office.profile,
            state=ChargeState.DECLINED,
            error_code="insufficient_funds",
            gateway_message="Your card has insufficient funds.",
            gateway_request_id="req_abc",
        )
    page = page_of(office, owner, invoice)
    for text in ("Attempt 1 · declined", "Your card has insufficient funds.", "There are not enough funds."):
        assert text in page
    assert "/test/logs/req_abc" in page or "/logs/req_abc" in page
    assert "retry 1 of 4" in page


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"next_attempt_at": None, "first_failed_at": timezone.now()}, "It is charged no more by itself."),
        ({"next_attempt_at": timezone.now() + timedelta(days=3)}, "It is charged when it is due, on"),
        ({"needs_confirmation": True}, "The bank waits for the customer to confirm"),
        ({"state": InvoiceState.UNCOLLECTIBLE}, "It is written off and charged no more."),
    ],
)
def test_says_what_happens_next(office: Office, owner: Client, values: dict[str, Any], text: str) -> None:
    assert text in page_of(office, owner, issued(office, **values))


def test_says_what_brought_the_money_back(office: Office, owner: Client) -> None:
    page = page_of(office, owner, paid(office, is_recovered=True, paid_through="invitation", attempts=2))
    assert "Recovered money" in page
    assert "An invitation." in page


@pytest.mark.parametrize(("name", "language", "word"), [("invoice", "en", "invoice"), ("receipt", "fr", "recu")])
def test_hands_out_the_papers_in_both_languages(
    office: Office, reader: Client, name: str, language: str, word: str
) -> None:
    invoice = paid(office)
    answer = reader.get(office.url(f"{name}_pdf", invoice_id=invoice.pk, language=language), {"download": "1"})
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    assert answer["Content-Disposition"] == f'attachment; filename="acme-{word}-{invoice.short_number}.pdf"'
    assert reader.get(office.url(f"{name}_pdf", invoice_id=invoice.pk, language="de")).status_code == 404


def test_sends_it_again(office: Office, agent: Client) -> None:
    open_one, void = issued(office), issued(office, state=InvoiceState.VOID)
    assert "On its way to" in do(office, agent, "send", open_one).content.decode()
    assert "Nothing was sent" in do(office, agent, "send", void).content.decode()
    with tenant_scope(office.tenant.pk):
        assert Message.objects.get(template="invoice_open").about_id == open_one.pk
        assert AuditEntry.objects.filter(action="invoice.sent_again").count() == 1


def test_copies_the_pay_link_only_for_those_who_work(office: Office, agent: Client, reader: Client) -> None:
    invoice = issued(office)
    assert "/portal/acme/pay/" in page_of(office, agent, invoice)
    assert "/portal/acme/pay/" not in page_of(office, reader, invoice)
    assert "/portal/acme/pay/" not in page_of(office, agent, paid(office))


def test_refreshing_shows_what_changes_and_keeps_the_amounts(office: Office, agent: Client) -> None:
    invoice = issued(office)
    with tenant_scope(office.tenant.pk):
        Address.objects.filter(customer=office.customer).update(city="Laval")
    asked = agent.get(office.url("invoice_refresh", invoice_id=invoice.pk)).content.decode()
    assert "Laval" in asked
    assert stored(office, invoice).customer_details["address"]["city"] != "Laval"
    assert "present details" in do(office, agent, "refresh", invoice).content.decode()
    after = stored(office, invoice)
    assert (after.customer_details["address"]["city"], after.total_minor) == ("Laval", 10_500)


def test_writing_off_needs_a_reason(office: Office, owner: Client) -> None:
    invoice = issued(office)
    assert do(office, owner, "uncollectible", invoice, reason="  ").status_code == 422
    assert stored(office, invoice).state == InvoiceState.OPEN
    do(office, owner, "uncollectible", invoice, reason="The company is no more")
    assert stored(office, invoice).state == InvoiceState.UNCOLLECTIBLE


def test_voiding_gives_the_balance_back(office: Office, owner: Client) -> None:
    invoice = issued(office, balance_applied_minor=2500)
    page = do(office, owner, "void", invoice, reason="Wrong customer").content.decode()
    assert f"{invoice.short_number} is void." in page
    with tenant_scope(office.tenant.pk):
        assert balances(office.customer) == {"CAD": 2500}
    assert do(office, owner, "void", invoice, reason="Again").status_code == 422


def test_a_credit_divides_net_and_tax_and_goes_to_the_balance(office: Office, owner: Client) -> None:
    invoice = paid(office)
    split = owner.get(office.url("invoice_credit_preview", invoice_id=invoice.pk), {"amount": "21.00"}).content.decode()
    assert "CA$20.00" in split
    assert "CA$1.00" in split
    page = do(office, owner, "credit", invoice, amount="21", destination="balance", reason="Late").content.decode()
    with tenant_scope(office.tenant.pk):
        note = CreditNote.objects.get(invoice=invoice)
        assert (note.subtotal_minor, note.tax_minor, note.total_minor) == (2000, 100, 2100)
        assert balances(office.customer) == {"CAD": 2100}
    assert note.short_number in page


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"amount": "105.01", "reason": "x"}, "At most CA$105.00"),
        ({"amount": "0", "reason": "x"}, "Enter an amount above zero."),
        ({"amount": "1.005", "reason": "x"}, "CAD has only 2 decimals."),
        ({"amount": "-1", "reason": "x"}, "Enter an amount above zero."),
        ({"amount": "5", "reason": ""}, "This field is required."),
        ({"amount": "5", "reason": "x", "destination": "elsewhere"}, "Select a valid choice."),
    ],
)
def test_a_bad_credit_is_refused_at_its_field(office: Office, owner: Client, typed: dict[str, str], field: str) -> None:
    invoice = paid(office)
    answer = do(office, owner, "credit", invoice, **{"destination": "balance"} | typed)
    assert answer.status_code == 422
    assert field in answer.content.decode()
    assert stored(office, invoice).credited_minor == 0


def test_an_open_invoice_cannot_be_credited(office: Office, owner: Client) -> None:
    page = owner.get(office.url("invoice_credit", invoice_id=issued(office).pk)).content.decode()
    assert "Only a paid invoice is credited." in page


def test_a_failed_refund_is_tried_again_or_moved(office: Office, owner: Client) -> None:
    with tenant_scope(office.tenant.pk):
        note = CreditNoteFactory(invoice__customer=office.customer)
        one, other = (
            RefundFactory(credit_note=note, state=RefundState.FAILED, error_code="declined", due_at=None)
            for _ in range(2)
        )
    page = page_of(office, owner, note.invoice)
    assert "Try again" in page
    assert "Move to the balance" in page
    owner.post(office.url("refund_retry", refund_id=one.pk))
    owner.post(office.url("refund_move", refund_id=other.pk))
    with tenant_scope(office.tenant.pk):
        assert Refund.objects.get(pk=one.pk).state == RefundState.WAITING
        assert Refund.objects.get(pk=other.pk).state == RefundState.TO_BALANCE
        assert balances(office.customer) == {"CAD": 1999}
    again = owner.post(office.url("refund_move", refund_id=other.pk), follow=True).content.decode()
    assert "has not failed, or no longer" in again


def test_the_gateways_invoices_are_left_to_it(office: Office, owner: Client) -> None:
    page = page_of(office, owner, issued(office, gateway_id="in_1"))
    assert "The gateway bills this invoice" in page
    for word in ("Collect now", "Void", "Write off", "Send again"):
        assert f">{word}<" not in page


def test_collecting_without_a_method_is_refused(office: Office, agent: Client) -> None:
    invoice = issued(office)
    answer = do(office, agent, "collect", invoice)
    assert answer.status_code == 422
    with tenant_scope(office.tenant.pk):
        assert not Charge.objects.filter(invoice=invoice).exists()


def test_what_each_role_is_offered(office: Office, client: Client) -> None:
    invoice = issued(office)
    offered = {}
    for role in Role:
        client.force_login(join(office, role))
        page = page_of(office, client, invoice)
        names = ("invoice_collect", "invoice_send", "invoice_void", "invoice_uncollectible")
        offered[role] = {name for name in names if office.url(name, invoice_id=invoice.pk) in page}
    work = {"invoice_collect", "invoice_send"}
    assert offered[Role.READ_ONLY] == set()
    assert offered[Role.AGENT] == work
    assert offered[Role.MANAGER] == offered[Role.OWNER] == work | {"invoice_void", "invoice_uncollectible"}


def test_a_balance_takes_credits_and_debits_with_their_reason(office: Office, owner: Client) -> None:
    url = office.url("balance_entry", customer_id=office.customer.pk)
    typed = {"kind": "credit", "amount": "12.50", "currency": "CAD", "reason": "Came late"}
    owner.post(url, typed)
    owner.post(url, typed | {"kind": "debit", "amount": "2.50", "reason": "Fee"})
    with tenant_scope(office.tenant.pk):
        assert balances(office.customer) == {"CAD": 1000}
        assert set(BalanceEntry.objects.values_list("amount_minor", "reason")) == {(1250, "Came late"), (-250, "Fee")}
    for page in ("balance", "customer"):
        shown = owner.get(office.url(page, customer_id=office.customer.pk)).content.decode()
        assert "CA$10.00" in shown
        assert "Came late" in shown


@pytest.mark.parametrize(
    "typed", [{"amount": "0"}, {"amount": "x"}, {"reason": ""}, {"currency": "XXX"}, {"amount": "0.001"}]
)
def test_a_bad_entry_changes_nothing(office: Office, owner: Client, typed: dict[str, str]) -> None:
    right = {"kind": "credit", "amount": "5", "currency": "CAD", "reason": "Came late"}
    answer = owner.post(office.url("balance_entry", customer_id=office.customer.pk), right | typed)
    assert answer.status_code == 422
    with tenant_scope(office.tenant.pk):
        assert balances(office.customer) == {}


def test_lists_by_state_number_and_customer(office: Office, reader: Client) -> None:
    invoice, other = issued(office), paid(office)
    for query, wanted in (
        ({"state": "paid"}, other),
        ({"state": "open"}, invoice),
        ({"q": invoice.short_number}, invoice),
    ):
        page = reader.get(office.url("invoices"), query).content.decode()
        assert wanted.short_number in page
        assert (other if wanted is invoice else invoice).short_number not in page
