"""Voiding an invoice: it is as if it had not been issued, except that it keeps its number."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.gateway.accounts import paced_gateway_for
from payments.gateway.port import PaymentFacts
from subscriptions.balance import add_balance_entry
from subscriptions.collection.charging import CANCELLED
from subscriptions.collection.leases import give_lease_back, take_lease
from subscriptions.collection.outcomes import close_unsettled, refuse_while_charged, under_way
from subscriptions.collection.settling import settle_payment
from subscriptions.errors import BillingError
from subscriptions.models import BalanceEntryKind, Invoice, InvoiceState
from subscriptions.settlement import PAYABLE_STATES, recover_subscription
from tenants.actors import Actor
from tenants.audit import record
from tenants.scope import forbid_open_transaction, tenant_scope


def void_invoice(tenant_id: UUID, *, actor: Actor, invoice_id: UUID, reason: str) -> Invoice:
    """Take back an invoice that is not paid. Its payment at the gateway is cancelled first, so that it cannot be paid.

    What the customer's balance had paid of it is given back. Opens its own scopes.

    Raises BillingError `reason_missing`, `not_open`, `gateway_billed`, `charge_under_way`, and `was_paid` when the
    gateway says that it is paid, which is then recorded; GatewayError when the gateway cannot be asked.
    """
    forbid_open_transaction()
    reason = reason.strip()
    if not reason:
        message = _("Say why the invoice is voided.")
        raise BillingError("reason_missing", message, {"reason": message})
    now = timezone.now()
    with tenant_scope(tenant_id):
        invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
        _check_voidable(invoice, now=now)
        lease = take_lease(invoice.pk, now)
        if lease is None:
            raise under_way()
    try:
        _cancel_payment(tenant_id, invoice, actor)
        with tenant_scope(tenant_id):
            return _void(invoice, actor, reason)
    finally:
        with tenant_scope(tenant_id):
            give_lease_back(invoice_id, lease)


def _check_voidable(invoice: Invoice, *, now: datetime, holds_lease: bool = False) -> None:
    if invoice.gateway_id:
        raise BillingError("gateway_billed", _("The payment gateway bills this invoice. Void it there."))
    if invoice.state not in PAYABLE_STATES:
        raise BillingError("not_open", _("Only an invoice that is not paid can be voided. Credit one that is."))
    refuse_while_charged(invoice, now=now, holds_lease=holds_lease)


def _cancel_payment(tenant_id: UUID, invoice: Invoice, actor: Actor) -> None:
    """Make sure at the gateway that nothing can be paid any more."""
    if not invoice.gateway_payment_id:
        return
    key = f"charge-{invoice.pk}-void-{invoice.gateway_payment_id}"
    payment: PaymentFacts = paced_gateway_for(tenant_id).cancel_payment(invoice.gateway_payment_id, key=key)
    if payment.status == CANCELLED:
        return
    settle_payment(tenant_id, payment.id, actor=actor)
    if payment.status == "succeeded":
        message = _("This invoice was paid at this moment. Credit it instead.")
        raise BillingError("was_paid", message)
    raise under_way()


def _void(read: Invoice, actor: Actor, reason: str) -> Invoice:
    now = timezone.now()
    invoice = Invoice.objects.select_for_update(of=("self",)).select_related("customer").get(pk=read.pk)
    _check_voidable(invoice, now=now, holds_lease=True)
    if invoice.gateway_payment_id != read.gateway_payment_id:
        # The pay page has begun a payment since, which nobody has cancelled.
        raise under_way()
    before, applied = str(invoice.state), invoice.balance_applied_minor
    close_unsettled(invoice, now=now)
    invoice.state, invoice.voided_at = InvoiceState.VOID, now
    invoice.next_attempt_at, invoice.needs_confirmation = None, False
    invoice.save(update_fields=["state", "voided_at", "next_attempt_at", "needs_confirmation"])
    record(
        actor=actor,
        action="invoice.voided",
        target=invoice,
        before={"state": before},
        after={"state": str(invoice.state), "balance_returned_minor": applied, "currency": invoice.currency},
        reason=reason,
    )
    # Before the balance, as the billing run locks them.
    if invoice.subscription_id:
        recover_subscription(invoice.subscription_id, actor=actor, now=now)
    if applied:
        add_balance_entry(
            actor=actor,
            customer=invoice.customer,
            currency=invoice.currency,
            amount_minor=applied,
            reason=reason,
            kind=BalanceEntryKind.RETURNED,
            invoice=invoice,
        )
    return invoice
