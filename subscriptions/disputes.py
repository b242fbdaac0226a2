"""A payer's bank takes money back: what the gateway tells of it, kept on the invoice, and told to the staff.

The invoice stays paid: only people know whether they answer the dispute, stop what was bought or sell it anew.
https://docs.stripe.com/disputes; a bank debit that comes back after it had arrived is told of in the same way:
https://docs.stripe.com/payments/sepa-debit#disputes
"""

from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.urls import reverse

from messaging.services import queue_email
from payments.events import on_event
from payments.models import GatewayEvent
from subscriptions.models import Invoice
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import AuditEntry, Tenant
from tenants.money import format_money
from tenants.scope import tenant_scope
from tenants.selectors import managers_to_tell

log = structlog.get_logger(__name__)


@on_event("charge.dispute.created")
def follow_dispute(tenant_id: UUID, event: GatewayEvent) -> None:
    """Told once, however often the event comes."""
    with tenant_scope(tenant_id):
        if invoice := _note(event, action="invoice.disputed"):
            log.error("invoice_disputed", invoice=invoice.short_number, dispute=_dispute_of(event)["id"])
            _tell_staff(invoice, _dispute_of(event))


@on_event("charge.dispute.closed")
def follow_end_of_dispute(tenant_id: UUID, event: GatewayEvent) -> None:
    with tenant_scope(tenant_id):
        _note(event, action="invoice.dispute_closed")


def _dispute_of(event: GatewayEvent) -> dict[str, Any]:
    dispute: dict[str, Any] = event.payload["data"]["object"]
    return dispute


def _note(event: GatewayEvent, *, action: str) -> Invoice | None:
    """The invoice, when this is news of one of ours."""
    dispute = _dispute_of(event)
    invoice = _disputed(dispute)
    if invoice is None or _is_known(invoice, action, dispute):
        return None
    record(actor=Actor.gateway(event.gateway_id), action=action, target=invoice, after=_told(dispute))
    return invoice


def _disputed(dispute: dict[str, Any]) -> Invoice | None:
    """The invoice that the disputed payment paid, locked; None for a payment of someone else."""
    payment = str(dispute.get("payment_intent") or "-")
    invoices = Invoice.objects.filter(gateway_payment_id=payment).select_related("customer")
    return invoices.select_for_update(of=("self",)).first()


def _is_known(invoice: Invoice, action: str, dispute: dict[str, Any]) -> bool:
    known = AuditEntry.objects.filter(target_type="subscriptions.invoice", target_id=invoice.pk, action=action)
    return known.filter(after__dispute=dispute["id"]).exists()


def _told(dispute: dict[str, Any]) -> dict[str, Any]:
    return {
        "dispute": dispute["id"],
        "status": dispute.get("status", ""),
        "amount_minor": dispute.get("amount", 0),
        "currency": str(dispute.get("currency", "")).upper(),
        "why": str(dispute.get("reason") or "").replace("_", " "),
    }


def _tell_staff(invoice: Invoice, dispute: dict[str, Any]) -> None:
    tenant, told = Tenant.objects.get(pk=invoice.tenant_id), _told(dispute)
    link = settings.BASE_URL + reverse("backoffice:invoice", args=[tenant.slug, invoice.pk])
    for address, language in managers_to_tell(tenant):
        context = {
            "customer_name": invoice.customer.name,
            "number": invoice.short_number,
            "amount": format_money(told["amount_minor"], told["currency"] or invoice.currency, language),
            "words": told["why"] or "–",
            "link": link,
        }
        queue_email(template="payment_disputed", language=language, to=address, context=context, about=invoice)
