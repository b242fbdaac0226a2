"""Invoices by hand: selling once, refreshing what an open one shows, writing one off. In the open scope."""

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.models import Address, AddressKind, Customer
from subscriptions.billing.issue import Sale, issue_invoices
from subscriptions.collection.outcomes import close_unsettled, refuse_while_charged
from subscriptions.documents.freeze import freeze_customer
from subscriptions.errors import BillingError
from subscriptions.limits import check_quantity, hold_customer
from subscriptions.models import Invoice, InvoiceState, Price
from subscriptions.settlement import recover_subscription
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import Tenant
from tenants.scope import current_tenant_id


def bill_purchase(
    *, actor: Actor, customer: Customer, price: Price, quantity: int = 1, now: datetime | None = None
) -> Invoice:
    """Sell a one-time price: an invoice of its own, charged when due.

    Raises BillingError `customer_deleted`, `not_one_time`, `price_inactive`, `bad_quantity`.
    """
    hold_customer(customer)
    if price.is_recurring:
        raise BillingError("not_one_time", _("This price recurs. Start a subscription instead."))
    if not price.is_active:
        raise BillingError("price_inactive", _("This price is no longer offered. Choose another one."))
    check_quantity(price, quantity)
    tenant = Tenant.objects.get(pk=current_tenant_id())
    sale = Sale(customer, price, quantity)
    return issue_invoices([sale], actor=actor, tenant=tenant, now=now or timezone.now())[0]


def refresh_billing_details(*, actor: Actor, invoice: Invoice) -> bool:
    """Put the customer's present name, address and VAT number on an open invoice; whether anything changed.

    Its amounts and taxes stay as they were issued, and so does what it says about them.
    Raises BillingError `not_open`, `gateway_billed`.
    """
    invoice = _lock_open(invoice)
    customer = Customer.objects.get(pk=invoice.customer_id)
    address = Address.objects.filter(customer=customer, kind=AddressKind.BILLING).first()
    before = invoice.customer_details
    after = freeze_customer(customer, address)
    if "tax_exempt" in before:
        after["tax_exempt"] = before["tax_exempt"]
    if before == after:
        return False
    invoice.customer_details = after
    invoice.save(update_fields=["customer_details"])
    record(actor=actor, action="invoice.details_refreshed", target=invoice, before=before, after=after)
    return True


def mark_uncollectible(*, actor: Actor, invoice: Invoice, reason: str) -> Invoice:
    """Write an open invoice off: it is charged no more, and can still be paid.

    Raises BillingError `not_open`, `gateway_billed`, `reason_missing`, `charge_under_way`.
    """
    reason = reason.strip()
    if not reason:
        message = _("Say why it is written off.")
        raise BillingError("reason_missing", message, {"reason": message})
    invoice, now = _lock_open(invoice), timezone.now()
    refuse_while_charged(invoice, now=now)
    close_unsettled(invoice, now=now)
    invoice.state, invoice.uncollectible_at, invoice.next_attempt_at = InvoiceState.UNCOLLECTIBLE, now, None
    invoice.save(update_fields=["state", "uncollectible_at", "next_attempt_at"])
    record(
        actor=actor,
        action="invoice.written_off",
        target=invoice,
        before={"state": str(InvoiceState.OPEN)},
        after={"state": str(invoice.state)},
        reason=reason,
    )
    if invoice.subscription_id:
        recover_subscription(invoice.subscription_id, actor=actor)
    return invoice


def _lock_open(invoice: Invoice) -> Invoice:
    invoice = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if invoice.state != InvoiceState.OPEN:
        raise BillingError("not_open", _("Only an open invoice can be changed."))
    if invoice.gateway_id:
        raise BillingError("gateway_billed", _("The gateway bills this one. Change it there."))
    return invoice
