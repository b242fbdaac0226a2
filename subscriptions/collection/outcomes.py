"""What is recorded of a charge: it succeeded, the bank is at it, it failed. In the open scope, on a locked invoice."""

from datetime import datetime, timedelta

import structlog
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from payments.gateway.errors import Declined, GatewayError, Gone, NeedsAuthentication
from payments.models import PaymentProfile
from payments.profiles import VANISHED, disable_profile
from subscriptions.dunning import SCHEDULED, apply_failure, refused_for_good
from subscriptions.errors import BillingError
from subscriptions.models import UNSETTLED_CHARGE_STATES, Charge, ChargeState, Invoice, InvoiceState
from subscriptions.selectors import backup_profile, usable
from subscriptions.settlement import mark_invoice_paid
from tenants.actors import Actor
from tenants.audit import record

log = structlog.get_logger(__name__)

#: How often a payment that the bank is at is read again, beside the gateway's events.
READ_AGAIN = timedelta(hours=1)
_ENDED = ["state", "error_code", "gateway_message", "gateway_request_id", "finished_at", "profile"]


def unsettled_charge(invoice: Invoice) -> Charge | None:
    """The charge of this invoice that may still take money, if there is one; never more than one."""
    unsettled = invoice.charges.filter(state__in=UNSETTLED_CHARGE_STATES)
    return unsettled.select_related("profile").order_by("-number").first()


def refuse_while_charged(invoice: Invoice, *, now: datetime, holds_lease: bool = False) -> None:
    """Raises BillingError `charge_under_way` while a charge of a locked invoice may take money, or may have.

    One that was asked for and not begun is no hindrance, nor one that has not come as far as a payment at the gateway,
    unless someone is at it just now: they are simply not made.
    """
    charge = unsettled_charge(invoice)
    if charge is None or charge.tries == 0:
        return
    lease = None if holds_lease else invoice.collection_lease_until
    if invoice.gateway_payment_id or (lease is not None and lease > now):
        raise under_way()


def under_way() -> BillingError:
    return BillingError("charge_under_way", _("This invoice is being charged at this moment. Try again afterwards."))


def new_charge(*, invoice: Invoice, source: str, actor: Actor, profile: PaymentProfile | None) -> Charge:
    """Another try to collect a locked invoice."""
    last = invoice.charges.aggregate(last=Max("number"))["last"] or 0
    return Charge.objects.create(
        invoice=invoice, number=last + 1, source=source, actor=actor.as_json(), profile=profile
    )


def close_unsettled(invoice: Invoice, *, now: datetime) -> None:
    """What was to be charged otherwise is not tried any more: the invoice has been charged to something else."""
    open_charges = invoice.charges.filter(state__in=UNSETTLED_CHARGE_STATES)
    open_charges.update(state=ChargeState.NOT_TRIED, finished_at=now)


def actor_of(charge: Charge) -> Actor:
    """Who had the charge made."""
    return Actor.from_json(charge.actor) if charge.actor else Actor.system("collection")


def record_paid(
    *, actor: Actor, invoice: Invoice, charge: Charge, payment_id: str, now: datetime, profile: PaymentProfile | None
) -> bool:
    """The money is there. False when the invoice was paid before, or has been voided."""
    _end(charge, ChargeState.SUCCEEDED, now)
    paid = mark_invoice_paid(
        actor=actor,
        invoice=invoice,
        gateway_payment_id=payment_id,
        profile=profile,
        through=charge.source,
        now=now,
    )
    if not paid and invoice.state == InvoiceState.VOID:
        log.error("void_invoice_was_paid", invoice=str(invoice.pk), payment=payment_id)
        record(actor=actor, action="invoice.paid_after_void", target=invoice, after={"payment": payment_id})
    return paid


def record_processing(*, invoice: Invoice, charge: Charge, now: datetime) -> None:
    """The bank takes days over it: wait for its word."""
    charge.state = ChargeState.PROCESSING
    charge.error_code = charge.gateway_message = charge.gateway_request_id = ""
    charge.save(update_fields=["state", "error_code", "gateway_message", "gateway_request_id"])
    Invoice.objects.filter(pk=invoice.pk).update(next_attempt_at=now + READ_AGAIN)


def record_failure(*, actor: Actor, invoice: Invoice, charge: Charge, error: GatewayError, now: datetime) -> None:
    """The charge is refused. In the schedule, the customer's backup is tried at once, as part of the same try."""
    state = ChargeState.FAILED
    if isinstance(error, NeedsAuthentication):
        state = ChargeState.NEEDS_CONFIRMATION
    elif isinstance(error, Declined | Gone):
        state = ChargeState.DECLINED
    charge.gateway_message, charge.gateway_request_id = error.gateway_message, error.request_id[:80]
    _end(charge, state, now, error_code=error.code)
    _disable_what_is_gone(charge, error, actor)
    backup = _backup_of(invoice, charge) if state == ChargeState.DECLINED else None
    if backup is not None:
        new_charge(invoice=invoice, source=charge.source, actor=actor, profile=backup)
        Invoice.objects.filter(pk=invoice.pk).update(next_attempt_at=now)
        return
    apply_failure(actor=actor, invoice=invoice, charge=charge, error_code=error.code, now=now)


def record_not_tried(*, actor: Actor, invoice: Invoice, charge: Charge, error_code: str, now: datetime) -> None:
    """There is nothing that could be charged; the schedule goes on as after a decline."""
    _end(charge, ChargeState.NOT_TRIED, now, error_code=error_code)
    apply_failure(actor=actor, invoice=invoice, charge=charge, error_code=error_code, now=now)


def _end(charge: Charge, state: ChargeState, now: datetime, *, error_code: str = "") -> None:
    charge.state, charge.error_code, charge.finished_at = state, error_code[:60], now
    if state == ChargeState.SUCCEEDED:
        charge.gateway_message = charge.gateway_request_id = ""
    charge.save(update_fields=_ENDED)


def _backup_of(invoice: Invoice, charge: Charge) -> PaymentProfile | None:
    """The customer's backup, unless it is what was just refused, or was refused for good before."""
    if charge.source not in SCHEDULED or invoice.state != InvoiceState.OPEN:
        return None
    backup = usable(backup_profile(invoice.customer))
    refused = backup is None or backup.pk == charge.profile_id or backup.pk in refused_for_good(invoice)
    return None if refused else backup


def _disable_what_is_gone(charge: Charge, error: GatewayError, actor: Actor) -> None:
    profile = charge.profile
    if isinstance(error, Gone) and error.param == "payment_method" and profile is not None:
        disable_profile(actor=actor, profile=profile, reason=VANISHED)
