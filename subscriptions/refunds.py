"""Carries out refunds: claim one that is due, call the gateway outside any transaction, record what happened.

As with collections, a worker may die at any instant: the next one reads what the gateway has before it goes on.
https://docs.stripe.com/refunds
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from messaging.services import queue_email
from payments.gateway.accounts import paced_gateway, paced_gateway_for
from payments.gateway.errors import GatewayError
from payments.gateway.leases import (
    KEY_LIFETIME,
    LEASE,
    call_under_lease,
    needs_new_key,
    pause_after,
    says_nothing,
)
from payments.gateway.port import Gateway, RefundFacts
from subscriptions.models import Invoice, Refund, RefundState
from tenants.actors import Actor
from tenants.audit import record
from tenants.lanes import LONGEST_DELAY_SECONDS
from tenants.models import Tenant
from tenants.money import format_money
from tenants.scope import tenant_scope
from tenants.selectors import managers_to_tell
from tenants.wake import wake

log = structlog.get_logger(__name__)

#: How often a refund that the bank is at is read again, beside the gateway's events.
READ_AGAIN = timedelta(hours=6)
_OPEN = (RefundState.WAITING, RefundState.RUNNING, RefundState.PENDING)
_REFUSED = ("failed", "canceled")
#: What an event may change; one that waits or is running is a worker's, one moved to the balance is over.
_SETTLED_BY_EVENTS = (RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED)


@dataclass(frozen=True)
class Claim:
    """A refund that this worker holds until `deadline`; `lease` is its token. `gateway` None: none is connected."""

    refund: Refund
    payment: str
    gateway: Gateway | None
    lease: datetime
    deadline: float
    is_retry: bool

    @property
    def key(self) -> str:
        return f"refund-{self.refund.pk}-{self.refund.key_generation}"


def refund_due(tenant_id: UUID, *, now: datetime | None = None, seconds: float = 60.0) -> bool:
    """Carry out the tenant's due refunds for about `seconds`, as of `now`. True when more may be due."""
    until = time.monotonic() + seconds
    while (claim := claim_next(tenant_id, now or timezone.now())) is not None:
        carry_out(tenant_id, claim)
        if time.monotonic() >= until:
            return True
    return False


def claim_next(tenant_id: UUID, now: datetime) -> Claim | None:
    """Take the refund that has been due longest."""
    with tenant_scope(tenant_id):
        free = Q(lease_until=None) | Q(lease_until__lte=now)
        due = Refund.objects.filter(free, state__in=_OPEN, due_at__lte=now).select_related("invoice")
        refund = due.select_for_update(of=("self",), skip_locked=True).order_by("due_at").first()
        if refund is None:
            return None
        if refund.first_called_at is None or now - refund.first_called_at > KEY_LIFETIME:
            refund.key_generation += 1 if refund.first_called_at else 0
            refund.first_called_at = now
        is_retry = refund.attempts > 0
        refund.attempts += 1
        refund.state = RefundState.RUNNING if refund.state == RefundState.WAITING else refund.state
        refund.lease_until = now + LEASE
        refund.save(update_fields=["key_generation", "first_called_at", "attempts", "state", "lease_until"])
        return Claim(
            refund=refund,
            payment=refund.invoice.gateway_payment_id,
            gateway=paced_gateway(),
            lease=refund.lease_until,
            deadline=time.monotonic() + LEASE.total_seconds(),
            is_retry=is_retry,
        )


def carry_out(tenant_id: UUID, claim: Claim) -> None:
    """Call the gateway and record the outcome. An error of our own is recorded too, and tried again."""
    with structlog.contextvars.bound_contextvars(tenant_id=str(tenant_id), refund=str(claim.refund.pk)):

        def work(gateway: Gateway) -> None:
            facts = _refund_at_gateway(claim, gateway)
            with tenant_scope(tenant_id):
                if refund := _held(claim):
                    record_facts(refund, facts, actor=_actor_of(refund))

        call_under_lease(
            claim.gateway,
            claim.deadline,
            work=work,
            record_error=lambda error: _record_error(tenant_id, claim, error),
            crash_event="refund_crashed",
        )


def _refund_at_gateway(claim: Claim, gateway: Gateway) -> RefundFacts:
    """The refund as the gateway has it, made now if it has not. One that is known to have failed is left alone."""
    refund = claim.refund
    if refund.state == RefundState.PENDING:
        return gateway.read_refund(refund.gateway_id)
    metadata = {"refund_id": str(refund.pk)}
    found = gateway.find_refund(payment=claim.payment, metadata=metadata) if claim.is_retry else None
    if found is not None and found.id != refund.gateway_id:
        return found
    return gateway.create_refund(
        payment=claim.payment, amount_minor=refund.amount_minor, metadata=metadata, key=claim.key
    )


def _held(claim: Claim) -> Refund | None:
    """The refund, locked; None when another worker has taken it since, or it has been settled."""
    refund = Refund.objects.select_for_update(of=("self",)).select_related("invoice").get(pk=claim.refund.pk)
    return refund if refund.lease_until == claim.lease and refund.state in _OPEN else None


def _actor_of(refund: Refund) -> Actor:
    return Actor.from_json(refund.actor) if refund.actor else Actor.system("refunds")


def record_facts(refund: Refund, facts: RefundFacts, *, actor: Actor) -> None:
    """Bring a locked refund up to what the gateway has. One that succeeded may still fail, days later.

    https://docs.stripe.com/refunds#failed-refunds
    """
    before, now = refund.state, timezone.now()
    refund.gateway_id, refund.lease_until = facts.id, None
    refund.error_code = refund.gateway_message = refund.gateway_request_id = ""
    if facts.status == "succeeded":
        refund.state, refund.due_at, refund.finished_at = RefundState.SUCCEEDED, None, now
    elif facts.status in _REFUSED:
        refund.state, refund.due_at, refund.finished_at = RefundState.FAILED, None, now
        refund.error_code = (facts.failure_code or "refund_failed")[:60]
    else:
        refund.state, refund.due_at = RefundState.PENDING, now + READ_AGAIN
    refund.save()
    _note_outcome(refund, before, actor)


def _record_error(tenant_id: UUID, claim: Claim, error: GatewayError) -> None:
    with tenant_scope(tenant_id):
        refund = _held(claim)
        if refund is None:
            return
        before, now = refund.state, timezone.now()
        refund.lease_until = None
        refund.error_code, refund.gateway_message = error.code[:60], error.gateway_message
        refund.gateway_request_id = error.request_id[:80]
        if says_nothing(error):
            pause = pause_after(refund.attempts, error)
            refund.due_at = now + pause
            if needs_new_key(error):
                refund.key_generation += 1
                refund.first_called_at = None
            if pause.total_seconds() <= LONGEST_DELAY_SECONDS:
                wake("subscriptions.tasks.refund_tenant", tenant_id, after_seconds=pause.total_seconds())
        else:
            refund.state, refund.due_at, refund.finished_at = RefundState.FAILED, None, now
        refund.save()
        _note_outcome(refund, before, _actor_of(refund))
    log.warning("not_refunded", error=error.code, gateway_request_id=error.request_id)


def _note_outcome(refund: Refund, before: str, actor: Actor) -> None:
    """The invoice's sum of what went back, the audit row, and, when it failed, the staff."""
    if refund.state == before:
        return
    gone_back = (refund.state == RefundState.SUCCEEDED) - (before == RefundState.SUCCEEDED)
    if gone_back:
        changed = F("refunded_minor") + gone_back * refund.amount_minor
        Invoice.objects.filter(pk=refund.invoice_id).update(refunded_minor=changed)
    record(
        actor=actor,
        action=f"refund.{refund.state}",
        target=refund,
        before={"state": str(before)},
        after={"state": str(refund.state), "error": refund.error_code},
        customer_id=refund.invoice.customer_id,
    )
    if refund.state == RefundState.FAILED:
        log.error("refund_failed", refund=str(refund.pk), error=refund.error_code)
        _tell_staff(refund)


def _tell_staff(refund: Refund) -> None:
    """Owners and managers decide whether it is tried again or moved to the customer's balance."""
    tenant, invoice = Tenant.objects.get(pk=refund.tenant_id), refund.invoice
    link = settings.BASE_URL + reverse("backoffice:invoice", args=[tenant.slug, invoice.pk])
    for address, language in managers_to_tell(tenant):
        context = {
            "customer_name": invoice.customer.name,
            "number": invoice.short_number,
            "amount": format_money(refund.amount_minor, refund.currency, language),
            "words": refund.gateway_message or refund.error_code.replace("_", " "),
            "link": link,
        }
        queue_email(template="refund_failed", language=language, to=address, context=context, about=refund)


def settle_refund(tenant_id: UUID, refund_id: str, *, actor: Actor) -> None:
    """Read a refund at the gateway, after one of its events, and record what it says. Raises GatewayError.

    One of someone else's is ignored, and one that a worker is making is left to that worker.
    """
    with tenant_scope(tenant_id):
        if not Refund.objects.filter(gateway_id=refund_id or "-").exists():
            return
    facts = paced_gateway_for(tenant_id).read_refund(refund_id)
    with tenant_scope(tenant_id):
        known = Refund.objects.select_for_update(of=("self",)).select_related("invoice")
        refund = known.filter(gateway_id=refund_id).filter(state__in=_SETTLED_BY_EVENTS)
        if found := refund.first():
            record_facts(found, facts, actor=actor)
