"""What stands on an invoice, its receipt and its credit notes: from frozen rows only, so that nothing changes later.

An invoice's document is the one that was issued: paying it changes nothing on it (the receipt tells of that), voiding
it puts a mark on it. Everything runs in the open scope; amounts come as text in the language asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from customers.addresses import format_address
from customers.models import AddressKind
from customers.validation import format_phone
from messaging.templatetags.mail import method_words
from subscriptions.documents import wording
from subscriptions.documents.document import (
    DocumentKind,
    Fact,
    Headline,
    InvoiceDocument,
    Line,
    Link,
    Mark,
    Party,
    Sum,
    Tone,
)
from subscriptions.documents.freeze import freeze_customer, freeze_issuer
from subscriptions.errors import BillingError
from subscriptions.models import CreditDestination, CreditNote, Invoice, InvoiceState, PaidThrough, in_reader_language
from subscriptions.pay_links import LIFETIME, make_pay_token
from tenants.models import Tenant
from tenants.templatetags.ui import percent


def invoice_document(invoice: Invoice, language: str) -> InvoiceDocument:
    """The invoice as it was issued."""
    with translation.override(language):
        frame = _Frame.of(invoice, invoice.tenant)
        due = wording.money(invoice.amount_due_minor, invoice.currency)
        is_void = invoice.state == InvoiceState.VOID
        voided = frame.day(invoice.voided_at) if is_void and invoice.voided_at else ""
        return frame.document(
            kind=DocumentKind.INVOICE,
            language=language,
            title=_("Invoice %(number)s") % {"number": invoice.short_number},
            heading=_("Invoice"),
            number=invoice.short_number,
            dated_at=invoice.issued_at,
            facts=(
                Fact(_("Invoice number"), invoice.short_number),
                Fact(_("Issued on"), frame.day(invoice.issued_at)),
                Fact(_("Due on"), frame.day(invoice.due_at)),
                *frame.references(invoice),
            ),
            headline=Headline(_("Amount due"), due, _voided_or_due(invoice, voided, frame)),
            mark=Mark(_("Void"), Tone.BAD) if is_void else None,
            lines=_lines(invoice, frame),
            sums=(*_amounts(invoice), Sum(_("Amount due"), due, is_final=True)),
            notes=frame.notes(wording.tax_note(invoice.tax_treatment, frame.country)),
            pay=_pay(invoice, frame.slug),
        )


def receipt_document(invoice: Invoice, language: str) -> InvoiceDocument:
    """The receipt for a paid invoice. Raises BillingError `not_paid`."""
    if invoice.state != InvoiceState.PAID or invoice.paid_at is None:
        raise BillingError("not_paid", _("This invoice is not paid, so there is no receipt for it."))
    with translation.override(language):
        frame = _Frame.of(invoice, invoice.tenant)
        paid_on, paid_by = frame.day(invoice.paid_at), _payer(invoice)
        amount = wording.money(invoice.amount_due_minor, invoice.currency)
        return frame.document(
            kind=DocumentKind.RECEIPT,
            language=language,
            title=_("Receipt for invoice %(number)s") % {"number": invoice.short_number},
            heading=_("Receipt"),
            number=invoice.short_number,
            dated_at=invoice.paid_at,
            facts=(
                Fact(_("Invoice number"), invoice.short_number),
                Fact(_("Issued on"), frame.day(invoice.issued_at)),
                Fact(_("Paid on"), paid_on),
                *([Fact(_("Paid with"), paid_by)] if paid_by else []),
                *frame.references(invoice),
            ),
            headline=Headline(_("Amount paid"), amount, " · ".join(part for part in (paid_on, paid_by) if part)),
            mark=Mark(_("Paid"), Tone.GOOD),
            lines=_lines(invoice, frame),
            sums=(*_amounts(invoice), Sum(_("Amount paid"), amount, is_final=True)),
            notes=frame.notes(wording.tax_note(invoice.tax_treatment, frame.country)),
            pay=None,
        )


def credit_note_document(note: CreditNote, language: str) -> InvoiceDocument:
    """The credit note; its taxes are the rows of `CreditNote.taxes` (code, names, percent, taxable, tax)."""
    with translation.override(language):
        invoice, currency = note.invoice, note.currency
        frame = _Frame.of(note, note.tenant)
        total = wording.money(note.total_minor, currency)
        about = _("Credit for invoice %(number)s") % {"number": invoice.short_number}
        sums = [Sum(_("Subtotal"), wording.money(note.subtotal_minor, currency))]
        sums += [_tax_sum(tax, currency) for tax in note.taxes]
        return frame.document(
            kind=DocumentKind.CREDIT_NOTE,
            language=language,
            title=_("Credit note %(number)s") % {"number": note.short_number},
            heading=_("Credit note"),
            number=note.short_number,
            dated_at=note.issued_at,
            facts=(
                Fact(_("Credit note number"), note.short_number),
                Fact(pgettext("credit note", "Issued on"), frame.day(note.issued_at)),
                Fact(_("For invoice"), invoice.short_number),
                Fact(_("Invoice issued on"), frame.day(invoice.issued_at)),
                *frame.references(invoice),
            ),
            headline=Headline(_("Amount credited"), total, _destination(note)),
            mark=None,
            lines=(Line(about, note.reason, "", "", wording.money(note.subtotal_minor, currency)),),
            sums=(*sums, Sum(_("Amount credited"), total, is_final=True)),
            notes=frame.notes(wording.tax_note(invoice.tax_treatment, frame.country)),
            pay=None,
        )


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all documents of an invoice share: who, to whom, in which zone."""

    issuer: Mapping[str, Any]
    customer: Mapping[str, Any]
    slug: str

    @classmethod
    def of(cls, row: Invoice | CreditNote, tenant: Tenant) -> "_Frame":
        """From the row's frozen details; an invoice that the gateway made has none, and shows its customer of today."""
        customer = row.customer_details
        if not customer:
            address = row.customer.addresses.filter(kind=AddressKind.BILLING).first()
            customer = freeze_customer(row.customer, address)
        return cls(row.issuer or freeze_issuer(tenant), customer, tenant.slug)

    @property
    def country(self) -> str:
        return str(self.customer["address"].get("country", ""))

    def day(self, moment: datetime) -> str:
        return wording.day(moment, self.issuer["time_zone"])

    def references(self, invoice: Invoice) -> Iterable[Fact]:
        yield Fact(_("Customer number"), self.customer["number"])
        if self.customer["reference"]:
            yield Fact(_("Your reference"), self.customer["reference"])
        if invoice.subscription:
            yield Fact(_("Subscription"), invoice.subscription.short_number)

    def notes(self, tax_note: str) -> tuple[str, ...]:
        own = in_reader_language(self.issuer["note_en"], self.issuer["note_fr"])
        return tuple(note for note in (tax_note, own) if note)

    def document(self, **content: Any) -> InvoiceDocument:
        amounts = (_("Quantity"), _("Unit price")) if content["kind"] != DocumentKind.CREDIT_NOTE else ()
        return InvoiceDocument(
            brand=self.issuer["name"],
            logo=self.issuer["logo"],
            colour=self.issuer["colour"],
            paper=wording.paper_of(self.issuer["country"]),
            issuer=self._issuer(),
            recipient=self._recipient(),
            columns=(_("Description"), *amounts, _("Amount")),
            hub=Link(_("Your billing details and purchases"), f"{settings.BASE_URL}/portal/{self.slug}/"),
            contact=" · ".join(part for part in (self.issuer["care_email"], self._care_phone()) if part),
            page_label=_("Page {page} of {pages}"),
            **content,
        )

    def _care_phone(self) -> str:
        return format_phone(self.issuer["care_phone"])

    def _issuer(self) -> Party:
        name = self.issuer["legal_name"] or self.issuer["name"]
        lines = [*self.issuer["legal_address"].splitlines(), *self.issuer["tax_numbers"].splitlines()]
        return Party(pgettext("issuer of an invoice", "From"), name, _filled(lines))

    def _recipient(self) -> Party:
        """A company's name goes before the person's."""
        name, organisation = self.customer["name"], self.customer["organisation"]
        lines = [name] if organisation and organisation != name else []
        lines += format_address(self.customer["address"])
        if self.customer["vat_number"]:
            lines.append(_("VAT number: %(number)s") % {"number": self.customer["vat_number"]})
        return Party(_("Billed to"), organisation or name, _filled([*lines, self.customer["email"]]))


def _filled(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(line.strip() for line in lines if line.strip())


def _lines(invoice: Invoice, frame: _Frame) -> tuple[Line, ...]:
    subscription = invoice.subscription
    zone = subscription.time_zone if subscription else frame.issuer["time_zone"]
    rows = tuple(
        Line(
            description=line.description,
            detail=wording.period(line.period_start, line.period_end, zone),
            quantity=wording.count(line.quantity),
            unit_price=wording.money(line.unit_amount_minor, invoice.currency),
            amount=wording.money(line.amount_minor, invoice.currency),
        )
        for line in invoice.lines.all()
    )
    return rows or (_only_line(invoice, zone),)


def _only_line(invoice: Invoice, zone: str) -> Line:
    """For an invoice that the gateway made: its lines are there."""
    about = invoice.subscription.price.product.name if invoice.subscription else _("As agreed")
    total = wording.money(invoice.total_minor, invoice.currency)
    return Line(about, wording.period(invoice.period_start, invoice.period_end, zone), wording.count(1), total, total)


def _amounts(invoice: Invoice) -> list[Sum]:
    """From the subtotal to the total and what the customer's balance did to it."""
    currency, applied = invoice.currency, invoice.balance_applied_minor
    sums = []
    if invoice.subtotal_minor + invoice.tax_minor == invoice.total_minor:
        sums.append(Sum(_("Subtotal"), wording.money(invoice.subtotal_minor, currency)))
    for tax in invoice.taxes.all():
        values = {"name_en": tax.name_en, "name_fr": tax.name_fr, "percent": tax.percent}
        values |= {"taxable_minor": tax.taxable_minor, "tax_minor": tax.tax_minor}
        sums.append(_tax_sum(values, currency))
    sums.append(Sum(_("Total"), wording.money(invoice.total_minor, currency)))
    if applied:
        label = _("Paid from your balance") if applied > 0 else _("Added from your balance")
        sums.append(Sum(label, wording.money(-applied, currency)))
    return sums


def _tax_sum(tax: Mapping[str, Any], currency: str) -> Sum:
    name = in_reader_language(tax["name_en"], tax["name_fr"])
    rate = percent(Decimal(str(tax["percent"])))
    taxable = tax.get("taxable_minor")
    on = _("on %(amount)s") % {"amount": wording.money(taxable, currency)} if taxable is not None else ""
    return Sum(f"{name} {rate}", wording.money(tax["tax_minor"], currency), on)


def _voided_or_due(invoice: Invoice, voided: str, frame: _Frame) -> str:
    if voided:
        return _("Void since %(date)s") % {"date": voided}
    if not invoice.amount_due_minor:
        return _("Nothing to pay")
    return _("Due on %(date)s") % {"date": frame.day(invoice.due_at)}


def _payer(invoice: Invoice) -> str:
    if invoice.paid_through == PaidThrough.BALANCE:
        return _("Your balance")
    return method_words(invoice.paid_with)


def _destination(note: CreditNote) -> str:
    if note.destination == CreditDestination.BALANCE:
        return _("Added to your balance")
    paid_with = method_words(note.invoice.paid_with)
    return _("Back to %(method)s") % {"method": paid_with} if paid_with else _("Back to your payment method")


def _pay(invoice: Invoice, slug: str) -> Link | None:
    """The pay page, where there is something to pay; the link ends on a fixed day, so that the file stays the same."""
    if invoice.state == InvoiceState.VOID or invoice.gateway_id or not invoice.amount_due_minor:
        return None
    until = invoice.due_at.astimezone(UTC).date() + LIFETIME
    token = make_pay_token(invoice.tenant_id, invoice.pk, until)
    return Link(_("Pay online"), f"{settings.BASE_URL}/portal/{slug}/pay/{token}")
