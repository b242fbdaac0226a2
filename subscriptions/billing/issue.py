"""Issuing invoices, many at a time: amounts worked out, credit applied, numbers without gaps, everything frozen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from customers.models import Address, AddressKind, Customer
from subscriptions.calculators.amounts import Amounts, Buyer, LineInput, Rate, compute_amounts
from subscriptions.calculators.balance import applied
from subscriptions.calculators.periods import Period, local_date
from subscriptions.documents.freeze import freeze_customer, freeze_issuer
from subscriptions.models import (
    BalanceEntry,
    BalanceEntryKind,
    CustomerBalance,
    Invoice,
    InvoiceLine,
    InvoiceState,
    InvoiceTax,
    PaidThrough,
    Price,
    Subscription,
    TaxRate,
)
from tenants.actors import Actor
from tenants.audit import Event, record_many
from tenants.models import Tenant
from tenants.money import step_of
from tenants.numbers import next_numbers
from tenants.wake import wake


@dataclass(frozen=True)
class Sale:
    """What one invoice is for: `price` x `quantity`, for a subscription's period or bought once."""

    customer: Customer
    price: Price
    quantity: int
    subscription: Subscription | None = None
    period: Period | None = None

    @property
    def amount_minor(self) -> int:
        return self.price.amount_minor * self.quantity


class Taxation:
    """The tenant's rates, found by country, and where each customer is taxed."""

    def __init__(self, tenant: Tenant, customer_ids: Iterable[UUID]) -> None:
        self.tenant = tenant
        self.country = str(tenant.country)
        addresses = Address.objects.filter(customer__in=set(customer_ids), kind=AddressKind.BILLING)
        self.addresses = {address.customer_id: address for address in addresses}
        self._by_country: dict[str, list[Rate]] = {}
        for row in TaxRate.objects.all():
            self._by_country.setdefault(str(row.country), []).append(as_rate(row))

    def amounts(self, sale: Sale, now: datetime) -> Amounts:
        """Lines, taxes and totals, by the rates of the local date of the period's start, else of `now`."""
        zone = sale.subscription.time_zone if sale.subscription else self.tenant.time_zone
        on = local_date(sale.period.start if sale.period else now, zone)
        buyer = self._buyer(sale.customer)
        line = LineInput(sale.price.product_id, sale.quantity, sale.price.amount_minor, on)
        rates = self._by_country.get(buyer.country, []) + self._by_country.get("", [])
        step = step_of(sale.price.currency)
        return compute_amounts([line], rates, buyer=buyer, seller_country=self.country, step=step)

    def _buyer(self, customer: Customer) -> Buyer:
        """A customer without an address is taxed as one at home."""
        address = self.addresses.get(customer.pk)
        return Buyer(
            country=str(address.country) if address else self.country,
            region=address.region if address else "",
            has_vat_number=bool(customer.vat_number),
            tax_exempt=customer.tax_exempt,
        )


def as_rate(row: TaxRate) -> Rate:
    """The rate as the calculators take it."""
    return Rate(
        code=row.code,
        percent=row.percent,
        name_en=row.name_en,
        name_fr=row.name_fr,
        country=str(row.country),
        region=row.region,
        product_id=row.product_id,
        reverse_charge=row.reverse_charge,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )


def issue_invoices(sales: Sequence[Sale], *, actor: Actor, tenant: Tenant, now: datetime) -> list[Invoice]:
    """One invoice for each sale, in the open scope; their numbers follow the order given.

    An invoice that credit pays for, or that comes to nothing, is paid at once. The others are charged when due.
    """
    if not sales:
        return []
    taxation = Taxation(tenant, (sale.customer.pk for sale in sales))
    balances = _Balances({sale.customer.pk for sale in sales})
    priced = [(sale, taxation.amounts(sale, now)) for sale in sales]
    issuer = freeze_issuer(tenant)
    due_at = now + timedelta(days=tenant.payment_terms_days)
    invoices = []
    for sale, amounts in priced:
        invoice = _invoice(sale, amounts, balances.take(sale, amounts.total_minor), now, due_at)
        invoice.customer_details = freeze_customer(sale.customer, taxation.addresses.get(sale.customer.pk))
        invoice.issuer, invoice.language = issuer, sale.customer.language or tenant.language
        invoices.append(invoice)
    # Last, since whoever else issues invoices for the tenant waits from here on.
    for invoice, number in zip(invoices, next_numbers("invoice", len(invoices)), strict=True):
        invoice.number = number
    Invoice.objects.bulk_create(invoices)
    made = [(invoice, *pair) for invoice, pair in zip(invoices, priced, strict=True)]
    InvoiceLine.objects.bulk_create([_line(*one) for one in made])
    InvoiceTax.objects.bulk_create([tax for invoice, _sale, amounts in made for tax in _taxes(invoice, amounts)])
    balances.book(invoices, actor)
    record_many(actor=actor, events=[_issued(invoice) for invoice in invoices])
    _tell_and_wake(tenant, invoices)
    return invoices


def _invoice(sale: Sale, amounts: Amounts, credit: int, now: datetime, due_at: datetime) -> Invoice:
    due = amounts.total_minor - credit
    invoice = Invoice(
        customer=sale.customer,
        subscription=sale.subscription,
        subtotal_minor=amounts.subtotal_minor,
        tax_minor=amounts.tax_minor,
        total_minor=amounts.total_minor,
        balance_applied_minor=credit,
        currency=sale.price.currency,
        tax_treatment=amounts.treatment,
        issued_at=now,
        due_at=due_at,
        period_start=sale.period.start if sale.period else None,
        period_end=sale.period.end if sale.period else None,
    )
    if due == 0:
        invoice.state, invoice.paid_at = InvoiceState.PAID, now
        invoice.paid_through = PaidThrough.BALANCE if amounts.total_minor else PaidThrough.RENEWAL
    else:
        invoice.next_attempt_at = due_at
    return invoice


def _line(invoice: Invoice, sale: Sale, amounts: Amounts) -> InvoiceLine:
    product, (line,) = sale.price.product, amounts.lines
    return InvoiceLine(
        invoice=invoice,
        position=1,
        product=product,
        price=sale.price,
        description_en=product.name_en,
        description_fr=product.name_fr,
        quantity=sale.quantity,
        unit_amount_minor=sale.price.amount_minor,
        amount_minor=line.amount_minor,
        tax_codes=list(line.tax_codes),
        period_start=invoice.period_start,
        period_end=invoice.period_end,
    )


def _taxes(invoice: Invoice, amounts: Amounts) -> list[InvoiceTax]:
    return [
        InvoiceTax(
            invoice=invoice,
            position=position,
            code=tax.code,
            name_en=tax.name_en,
            name_fr=tax.name_fr,
            percent=tax.percent,
            taxable_minor=tax.taxable_minor,
            tax_minor=tax.tax_minor,
        )
        for position, tax in enumerate(amounts.taxes, 1)
    ]


def _issued(invoice: Invoice) -> Event:
    after = {"total_minor": invoice.total_minor, "currency": invoice.currency, "state": str(invoice.state)}
    if invoice.balance_applied_minor:
        after["balance_applied_minor"] = invoice.balance_applied_minor
    if invoice.period_start:
        after |= {"period_start": invoice.period_start.isoformat()}
    return Event("invoice.created", invoice, after=after)


def _tell_and_wake(tenant: Tenant, invoices: Sequence[Invoice]) -> None:
    from subscriptions import mails

    mails.announce_invoices(invoices)
    now = timezone.now()
    if any(invoice.next_attempt_at is not None and invoice.next_attempt_at <= now for invoice in invoices):
        wake("subscriptions.tasks.collect_tenant", tenant.pk)


class _Balances:
    """The customers' balances: locked, so that a credit is spent once, and in one order by all."""

    def __init__(self, customer_ids: set[UUID]) -> None:
        rows = CustomerBalance.objects.select_for_update().filter(customer__in=customer_ids).exclude(amount_minor=0)
        self._rows = {(row.customer_id, row.currency): row for row in rows.order_by("customer_id", "currency")}
        self._after: list[int] = []

    def take(self, sale: Sale, total_minor: int) -> int:
        """What of the balance the next invoice takes; call it once for each invoice, in their order."""
        row = self._rows.get((sale.customer.pk, sale.price.currency))
        taken = applied(row.amount_minor, total_minor) if row else 0
        if row and taken:
            row.amount_minor -= taken
        self._after.append(row.amount_minor if row else 0)
        return taken

    def book(self, invoices: Sequence[Invoice], actor: Actor) -> None:
        """Write the ledger's entries and the balances that are left."""
        entries = [
            BalanceEntry(
                customer=invoice.customer,
                currency=invoice.currency,
                amount_minor=-invoice.balance_applied_minor,
                balance_after_minor=after,
                kind=BalanceEntryKind.APPLIED,
                invoice=invoice,
                actor_label=actor.label[:160],
            )
            for invoice, after in zip(invoices, self._after, strict=True)
            if invoice.balance_applied_minor
        ]
        if entries:
            BalanceEntry.objects.bulk_create(entries)
            CustomerBalance.objects.bulk_update(self._rows.values(), ["amount_minor"])
