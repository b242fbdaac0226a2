"""What a change's charge of an invoice means for the invoice. In the open scope."""

from django.utils import timezone

from payments.gateway.errors import GatewayError
from payments.gateway.port import PaymentFacts
from payments.models import PaymentProfile
from propagation.models import Change
from subscriptions.collection.charging import PROCESSING
from subscriptions.collection.outcomes import (
    close_unsettled,
    new_charge,
    record_failure,
    record_paid,
    record_processing,
    unsettled_charge,
)
from subscriptions.models import Charge, ChargeState, Invoice, PaidThrough
from subscriptions.settlement import PAYABLE_STATES, mark_invoice_failed
from tenants.actors import ActorKind

_BY_ACTOR = {
    ActorKind.STAFF: PaidThrough.STAFF,
    ActorKind.CUSTOMER_PORTAL: PaidThrough.PORTAL,
    ActorKind.CUSTOMER_INVITATION: PaidThrough.INVITATION,
    ActorKind.CUSTOMER_PAY_LINK: PaidThrough.PAY_PAGE,
    ActorKind.API_KEY: PaidThrough.API,
    ActorKind.GATEWAY: PaidThrough.UPDATER,
    ActorKind.SYSTEM: PaidThrough.STAFF,
}


def source_of(change: Change) -> PaidThrough:
    """What the money counts as brought in by: the door that the change came through."""
    return _BY_ACTOR[ActorKind(change.actor_kind)]


def _locked(invoice: Invoice) -> Invoice:
    return Invoice.objects.select_for_update(of=("self",)).select_related("customer", "subscription").get(pk=invoice.pk)


def _new_charge(change: Change, invoice: Invoice) -> Charge:
    close_unsettled(invoice, now=timezone.now())
    return new_charge(invoice=invoice, source=source_of(change), actor=change.actor, profile=change.new_profile)


def note_payment(change: Change, invoice: Invoice, payment: PaymentFacts) -> None:
    """The new method was charged, or the bank is at it."""
    invoice, now = _locked(invoice), timezone.now()
    under_way = unsettled_charge(invoice)
    waited_for = under_way if under_way is not None and under_way.state == ChargeState.PROCESSING else None
    if payment.status == PROCESSING:
        record_processing(invoice=invoice, charge=waited_for or _new_charge(change, invoice), now=now)
    elif invoice.state in PAYABLE_STATES:
        used = PaymentProfile.objects.filter(gateway_id=payment.method or "-").first() or change.new_profile
        record_paid(
            actor=change.actor,
            invoice=invoice,
            charge=waited_for or _new_charge(change, invoice),
            payment_id=payment.id,
            now=now,
            profile=used,
        )


def note_refusal(change: Change, invoice: Invoice, error: GatewayError) -> None:
    """The new method was refused."""
    invoice, now, actor = _locked(invoice), timezone.now(), change.actor
    if invoice.gateway_id:
        mark_invoice_failed(actor=actor, invoice=invoice, profile=change.new_profile, error_code=error.code)
    elif invoice.state in PAYABLE_STATES:
        charge = _new_charge(change, invoice)
        record_failure(actor=actor, invoice=invoice, charge=charge, error=error, now=now)
