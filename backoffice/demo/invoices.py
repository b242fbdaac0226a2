"""Invoices as the billing run would have made them, and how each was collected."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from backoffice.demo.book import Book
from backoffice.demo.ids import gateway_id
from customers.models import Customer
from payments.models import PaymentProfile
from subscriptions.calculators.amounts import Amounts, Buyer, LineInput, compute_amounts
from subscriptions.calculators.balance import applied
from subscriptions.calculators.periods import Period, local_date
from subscriptions.documents.freeze import freeze_customer, freeze_issuer, freeze_method
from subscriptions.models import (
    BalanceEntry,
    BalanceEntryKind,
    BilledBy,
    CancelReason,
    Charge,
    ChargeState,
    CreditDestination,
    CreditNote,
    CustomerBalance,
    Invoice,
    InvoiceLine,
    InvoiceState,
    InvoiceTax,
    PaidThrough,
    Price,
    Subscription,
    SubscriptionState,
)
from tenants.numbers import next_number, next_numbers

#: The run comes by within seconds, the charge after it.
RUN, CHARGED = timedelta(seconds=21), timedelta(seconds=34)
GATEWAY_TERMS = timedelta(days=7)
DECLINE = "insufficient_funds"
DECLINE_WORDS = "Your card has insufficient funds."
#: What brought in the money that had failed at first, and how often.
SAVED_BY = {
    PaidThrough.INVITATION: 6,
    PaidThrough.RETRY: 4,
    PaidThrough.PORTAL: 3,
    PaidThrough.PAY_PAGE: 3,
    PaidThrough.UPDATER: 2,
    PaidThrough.STAFF: 1,
}


class Story(Enum):
    """How an invoice was collected: at once, after it had failed, or not yet."""

    PAID = auto()
    RECOVERED = auto()
    OWING = auto()


def bill_period(
    book: Book, subscription: Subscription, found: Period, story: Story, pays: PaymentProfile | None
) -> Invoice:
    """The invoice of one period of a subscription, and what came of it."""
    invoice = issue(book, subscription.customer, subscription.price, found.start + RUN, subscription, found)
    collect(book, invoice, story, pays)
    _affect(book, subscription, invoice)
    return invoice


def issue(
    book: Book,
    customer: Customer,
    price: Price,
    at: datetime,
    subscription: Subscription | None = None,
    found: Period | None = None,
) -> Invoice:
    """An open invoice, its number still to be given; what the customer's balance holds is applied."""
    quantity = subscription.quantity if subscription else 1
    amounts = _amounts(book, customer, price, quantity, found.start if found else at)
    there = subscription is not None and subscription.billed_by == BilledBy.GATEWAY
    terms = GATEWAY_TERMS if there else timedelta(days=book.tenant.payment_terms_days)
    start, end = (found.start, found.end) if found else (None, None)
    invoice = book.add(
        Invoice,
        customer=customer,
        subscription=subscription,
        subtotal_minor=amounts.subtotal_minor,
        tax_minor=amounts.tax_minor,
        total_minor=amounts.total_minor,
        currency=price.currency,
        tax_treatment=amounts.treatment,
        customer_details=freeze_customer(customer, book.billing_address(customer)),
        issuer=freeze_issuer(book.tenant),
        language=customer.language,
        issued_at=at,
        due_at=at + terms,
        period_start=start,
        period_end=end,
        created_at=at,
    )
    _write_down(book, invoice, price, quantity, amounts)
    if not there:
        invoice.next_attempt_at = invoice.due_at
        _apply_balance(book, invoice)
    return invoice


def _amounts(book: Book, customer: Customer, price: Price, quantity: int, moment: datetime) -> Amounts:
    address = book.billing_address(customer)
    buyer = Buyer(
        country=str(address.country),
        region=address.region,
        has_vat_number=bool(customer.vat_number),
        tax_exempt=customer.tax_exempt,
    )
    on = local_date(moment, book.tenant.time_zone)
    line = LineInput(price.product_id, quantity, price.amount_minor, on)
    return compute_amounts([line], book.rates(), buyer=buyer, seller_country=str(book.tenant.country))


def _write_down(book: Book, invoice: Invoice, price: Price, quantity: int, amounts: Amounts) -> None:
    book.add(
        InvoiceLine,
        invoice=invoice,
        position=1,
        product=price.product,
        price=price,
        description_en=price.product.name_en,
        description_fr=price.product.name_fr,
        quantity=quantity,
        unit_amount_minor=price.amount_minor,
        amount_minor=amounts.subtotal_minor,
        tax_codes=list(amounts.lines[0].tax_codes),
        period_start=invoice.period_start,
        period_end=invoice.period_end,
    )
    for position, tax in enumerate(amounts.taxes, 1):
        book.add(
            InvoiceTax,
            invoice=invoice,
            position=position,
            code=tax.code,
            name_en=tax.name_en,
            name_fr=tax.name_fr,
            percent=tax.percent,
            taxable_minor=tax.taxable_minor,
            tax_minor=tax.tax_minor,
        )


def collect(book: Book, invoice: Invoice, story: Story, pays: PaymentProfile | None) -> None:
    """Charge the invoice as the schedule would have, up to now."""
    if invoice.state == InvoiceState.PAID:
        return
    there = invoice.subscription is not None and invoice.subscription.billed_by == BilledBy.GATEWAY
    if there:
        _collected_there(book, invoice, story, pays)
    elif story == Story.PAID:
        if invoice.due_at + CHARGED <= book.now:
            pay(book, invoice, pays, invoice.due_at + CHARGED, PaidThrough.RENEWAL)
    elif story == Story.RECOVERED:
        _recover(book, invoice, pays)
    else:
        fail(book, invoice, pays, until=book.now)


def _collected_there(book: Book, invoice: Invoice, story: Story, pays: PaymentProfile | None) -> None:
    invoice.payment_profile = pays
    if story == Story.OWING:
        invoice.attempts, invoice.last_error_code = (3, DECLINE) if pays else (0, "")
        return
    invoice.attempts = 1
    _settle(invoice, invoice.issued_at + timedelta(minutes=3), PaidThrough.GATEWAY, pays)


def _settle(invoice: Invoice, at: datetime, through: str, pays: PaymentProfile | None) -> None:
    invoice.state, invoice.paid_at, invoice.paid_through = InvoiceState.PAID, at, through
    invoice.paid_with, invoice.payment_profile = freeze_method(pays), pays
    invoice.next_attempt_at, invoice.last_error_code = None, ""


def pay(book: Book, invoice: Invoice, pays: PaymentProfile | None, at: datetime, through: str) -> None:
    """The charge that succeeded. Without a profile, the money came by other ways, which staff entered."""
    invoice.is_recovered = invoice.attempts > 0
    invoice.attempts += 1
    if pays is not None:
        _charge(book, invoice, pays, at, source=through, state=ChargeState.SUCCEEDED)
    _settle(invoice, at, through if pays is not None else PaidThrough.STAFF, pays)


def fail(book: Book, invoice: Invoice, pays: PaymentProfile | None, *, until: datetime) -> None:
    """Every try of the schedule up to then, all declined; without a profile, none could be made."""
    days = book.tenant.dunning_retry_days
    first = invoice.due_at + CHARGED
    moments = [first, *(first + timedelta(days=day) for day in days)]
    tried = [moment for moment in moments if moment <= until]
    for nth, moment in enumerate(tried):
        source = PaidThrough.RETRY if nth else PaidThrough.RENEWAL
        state = ChargeState.DECLINED if pays else ChargeState.NOT_TRIED
        _charge(book, invoice, pays, moment, source=source, state=state)
    if not tried:
        return
    invoice.attempts = invoice.dunning_attempts = len(tried)
    invoice.first_failed_at, invoice.payment_profile = first, pays
    invoice.last_error_code = DECLINE if pays else "no_payment_method"
    invoice.next_attempt_at = moments[len(tried)] if len(tried) < len(moments) else None


def _recover(book: Book, invoice: Invoice, pays: PaymentProfile | None) -> None:
    through = book.chance.choices(list(SAVED_BY), weights=list(SAVED_BY.values()))[0]
    retry = timedelta(days=book.tenant.dunning_retry_days[book.chance.randrange(2)])
    other = timedelta(hours=book.chance.randrange(9, 150))
    at = invoice.due_at + CHARGED + (retry if through in (PaidThrough.RETRY, PaidThrough.UPDATER) else other)
    at = min(at, book.now - timedelta(hours=1))
    fail(book, invoice, pays, until=at - timedelta(minutes=1))
    pay(book, invoice, pays, at, through)


def _charge(
    book: Book, invoice: Invoice, pays: PaymentProfile | None, at: datetime, *, source: str, state: ChargeState
) -> None:
    declined = state == ChargeState.DECLINED
    book.add(
        Charge,
        invoice=invoice,
        number=1 + sum(charge.invoice_id == invoice.pk for charge in book.of(Charge)[-20:]),
        profile=pays,
        source=source,
        actor={"kind": "system", "id": "", "label": "collection"},
        state=state,
        error_code=DECLINE if declined else "no_payment_method" if pays is None else "",
        gateway_message=DECLINE_WORDS if declined else "",
        gateway_request_id=gateway_id("req", invoice.pk, at)[:18] if declined else "",
        tries=1 if pays else 0,
        first_called_at=at if pays else None,
        started_at=at,
        finished_at=at + timedelta(seconds=2),
    )


def _affect(book: Book, subscription: Subscription, invoice: Invoice) -> None:
    """A subscription of ours whose invoice has failed is past due since; one that ended so is written off."""
    if subscription.billed_by != BilledBy.US or invoice.state != InvoiceState.OPEN or not invoice.first_failed_at:
        return
    if subscription.state == SubscriptionState.ACTIVE:
        subscription.state = SubscriptionState.PAST_DUE
    if subscription.state == SubscriptionState.CANCELLED:
        if subscription.cancel_reason == CancelReason.UNPAID:
            invoice.state, invoice.next_attempt_at = InvoiceState.UNCOLLECTIBLE, None
            invoice.uncollectible_at = min(invoice.first_failed_at + timedelta(days=35), book.now - timedelta(days=1))
        return
    subscription.past_due_since = invoice.first_failed_at


def credit_balance(
    book: Book, customer: Customer, currency: str, amount_minor: int, days_ago: int, reason: str
) -> None:
    """Staff credit the customer; invoices from then on take it into account."""
    balance = _balance(book, customer, currency) or book.add(
        CustomerBalance, customer=customer, currency=currency, amount_minor=0
    )
    _enter(book, balance, amount_minor, book.now - timedelta(days=days_ago), BalanceEntryKind.MANUAL, reason=reason)


def _balance(book: Book, customer: Customer, currency: str) -> CustomerBalance | None:
    rows: Sequence[CustomerBalance] = book.of(CustomerBalance)
    return next((row for row in rows if row.customer_id == customer.pk and row.currency == currency), None)


def _enter(book: Book, balance: CustomerBalance, amount: int, at: datetime, kind: str, **more: Any) -> None:
    balance.amount_minor += amount
    book.add(
        BalanceEntry,
        customer=balance.customer,
        currency=balance.currency,
        amount_minor=amount,
        balance_after_minor=balance.amount_minor,
        kind=kind,
        actor_label="Daniel Okafor" if kind == BalanceEntryKind.MANUAL else "billing run",
        created_at=at,
        **more,
    )


def _apply_balance(book: Book, invoice: Invoice) -> None:
    balance = _balance(book, invoice.customer, invoice.currency)
    since = [row.created_at for row in book.of(BalanceEntry) if row.customer_id == invoice.customer_id]
    if balance is None or not since or invoice.issued_at < since[0]:
        return
    taken = applied(balance.amount_minor, invoice.total_minor)
    if not taken:
        return
    invoice.balance_applied_minor = taken
    _enter(book, balance, -taken, invoice.issued_at, BalanceEntryKind.APPLIED, invoice=invoice)
    if taken == invoice.total_minor:
        _settle(invoice, invoice.issued_at, PaidThrough.BALANCE, None)


def buy(book: Book, customer: Customer, price: Price, days_ago: int, pays: PaymentProfile | None) -> Invoice:
    """Something bought once, and paid."""
    invoice = issue(book, customer, price, book.now - timedelta(days=days_ago, hours=3))
    collect(book, invoice, Story.PAID, pays)
    return invoice


def void(book: Book, invoice: Invoice, after: timedelta) -> None:
    """A mistake, taken back before it was paid."""
    invoice.state, invoice.voided_at = InvoiceState.VOID, invoice.issued_at + after
    invoice.next_attempt_at = invoice.first_failed_at = None


def credit_to_balance(book: Book, invoice: Invoice, reason: str) -> None:
    """A credit note for the whole of a paid invoice, its amount given to the customer's balance."""
    at = (invoice.paid_at or invoice.issued_at) + timedelta(days=2)
    note = book.add(
        CreditNote,
        number=next_number("credit_note"),
        invoice=invoice,
        customer=invoice.customer,
        destination=CreditDestination.BALANCE,
        reason=reason,
        subtotal_minor=invoice.subtotal_minor,
        tax_minor=invoice.tax_minor,
        total_minor=invoice.total_minor,
        taxes=[_credited(tax) for tax in book.of(InvoiceTax) if tax.invoice_id == invoice.pk],
        currency=invoice.currency,
        customer_details=invoice.customer_details,
        issuer=invoice.issuer,
        language=invoice.language,
        issued_at=at,
    )
    invoice.credited_minor = invoice.total_minor
    balance = _balance(book, invoice.customer, invoice.currency) or book.add(
        CustomerBalance, customer=invoice.customer, currency=invoice.currency, amount_minor=0
    )
    _enter(book, balance, invoice.total_minor, at, BalanceEntryKind.CREDIT_NOTE, credit_note=note, reason=reason)


def _credited(tax: InvoiceTax) -> dict[str, Any]:
    return {
        "position": tax.position,
        "code": tax.code,
        "name_en": tax.name_en,
        "name_fr": tax.name_fr,
        "percent": str(tax.percent),
        "taxable_minor": tax.taxable_minor,
        "tax_minor": tax.tax_minor,
    }


def number_invoices(book: Book) -> None:
    """Numbers grow with time, as they would have, and so do those of what the gateway bills."""
    invoices = sorted(book.of(Invoice), key=lambda invoice: invoice.issued_at)
    for invoice, number in zip(invoices, next_numbers("invoice", len(invoices)), strict=True):
        invoice.number = number
        if invoice.subscription and invoice.subscription.billed_by == BilledBy.GATEWAY:
            invoice.gateway_id = gateway_id("in", book.tenant.slug, number)
