"""Carries out steps: claim one, call the gateway outside any transaction, record what happened.

PostgreSQL is the truth. A worker may die at any instant: its lease runs out and another takes the step, reads what the
gateway already has, and goes on under the same idempotency key.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from payments.gateway.accounts import paced_gateway
from payments.gateway.errors import BadKeys, GatewayError, Gone
from payments.gateway.leases import (
    KEY_LIFETIME,
    LEASE,
    call_under_lease,
    needs_new_key,
    pause_after,
)
from payments.gateway.port import Gateway
from payments.models import GatewayCustomer, ProfileState
from payments.profiles import disable_profile
from propagation.carriers import CARRIERS, Effect, Work
from propagation.collecting import note_refusal
from propagation.models import Change, Step, StepAttempt, StepKind, StepState
from propagation.progress import advance
from propagation.wakeups import wake_worker_later
from tenants.scope import tenant_scope

log = structlog.get_logger(__name__)

#: A step that could not be carried out for this long is given up, loudly.
PATIENCE = timedelta(hours=72)

#: Steps that can be carried out now: not where another change of the same customer is being carried out.
_DUE = """
    SELECT s.id FROM propagation_step s
    WHERE s.state IN ('waiting', 'retrying', 'running') AND s.due_at <= now()
      AND (s.lease_until IS NULL OR s.lease_until <= now())
      AND (%(change)s::uuid IS NULL OR s.change_id = %(change)s::uuid)
      AND NOT EXISTS (
        SELECT 1 FROM propagation_step r
        WHERE r.tenant_id = s.tenant_id AND r.customer_id = s.customer_id AND r.change_id <> s.change_id
          AND r.state = 'running' AND r.lease_until > now())
    ORDER BY s.due_at, s.position LIMIT 1
"""


#: What carrying a step out changes of it.
_OUTCOME = ["state", "note", "error_code", "gateway_message", "gateway_request_id", "finished_at", "lease_until"]


@dataclass(frozen=True)
class Claim:
    """A step that this worker holds until `deadline` (time.monotonic() seconds); `gateway` None: none is connected."""

    work: Work
    gateway: Gateway | None
    attempt: StepAttempt
    deadline: float


def carry_out_now(tenant_id: UUID, change_id: UUID, seconds: float = 6.0) -> None:
    """Carry out what is due of one change in this process, for at most about `seconds`; the rest stays for workers."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and carry_out_next(tenant_id, change_id):
        pass


def work_through(tenant_id: UUID, seconds: float) -> bool:
    """Carry out the tenant's due steps for about `seconds`. True when more may be due."""
    until = time.monotonic() + seconds
    while carry_out_next(tenant_id):
        if time.monotonic() >= until:
            return True
    settle_abandoned(tenant_id)
    return False


def anything_due(tenant_id: UUID) -> bool:
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute(_DUE, {"change": None})
        return cursor.fetchone() is not None


def carry_out_next(tenant_id: UUID, change_id: UUID | None = None) -> bool:
    """Claim and carry out one due step. False when none is due."""
    claim = claim_next(tenant_id, change_id)
    if claim is None:
        return False
    carry_out(tenant_id, claim)
    return True


def claim_next(tenant_id: UUID, change_id: UUID | None = None) -> Claim | None:
    """Take the step that has been due longest, unless an earlier change of the same customer is being carried out."""
    with tenant_scope(tenant_id):
        with connection.cursor() as cursor:
            cursor.execute(f"{_DUE} FOR UPDATE SKIP LOCKED", {"change": change_id})
            row = cursor.fetchone()
        if row is None:
            return None
        deadline = time.monotonic() + LEASE.total_seconds()
        step = Step.objects.select_related(
            "change__customer",
            "change__new_profile",
            "change__old_profile",
            "profile",
            "subscription",
            "invoice",
        ).get(pk=row[0])
        return Claim(_begin_attempt(step), paced_gateway(), _note_attempt(step), deadline)


def _begin_attempt(step: Step) -> Work:
    now = timezone.now()
    is_retry = step.attempts > 0
    if step.first_called_at is None or now - step.first_called_at > KEY_LIFETIME:
        step.key_generation += 1 if step.first_called_at else 0
        step.first_called_at = now
    step.state = StepState.RUNNING
    step.attempts += 1
    step.lease_until = now + LEASE
    step.save(update_fields=["state", "attempts", "lease_until", "first_called_at", "key_generation"])
    gateway_customer = GatewayCustomer.objects.filter(customer=step.change.customer).first()
    return Work(
        step=step,
        change=step.change,
        gateway_customer=gateway_customer.gateway_id if gateway_customer else "",
        key=step.idempotency_key,
        is_retry=is_retry,
    )


def _note_attempt(step: Step) -> StepAttempt:
    return StepAttempt.objects.create(step=step, number=step.attempts)


def carry_out(tenant_id: UUID, claim: Claim) -> None:
    """Call the gateway and record the outcome. An error of our own is recorded too, retried, and given up loudly."""
    work = claim.work
    with structlog.contextvars.bound_contextvars(
        tenant_id=str(tenant_id), change=work.change.short_number, step=str(work.step.pk), kind=work.step.kind
    ):
        call_under_lease(
            claim.gateway,
            claim.deadline,
            work=lambda gateway: _record_effect(tenant_id, claim, CARRIERS[work.step.kind](work, gateway)),
            record_error=lambda error: _record_error(tenant_id, claim, error),
            crash_event="step_crashed",
        )


@contextmanager
def _holding(claim: Claim) -> Iterator[tuple[Change, Step] | None]:
    """Lock the change and its step; None when another worker has taken the step since."""
    change = Change.objects.select_for_update().get(pk=claim.work.change.pk)
    step = Step.objects.select_for_update().get(pk=claim.work.step.pk)
    mine = step.state == StepState.RUNNING and step.attempts == claim.attempt.number
    yield (change, step) if mine else None


def _record_effect(tenant_id: UUID, claim: Claim, effect: Effect) -> None:
    with tenant_scope(tenant_id), _holding(claim) as held:
        if held is None:
            return
        change, step = held
        effect.apply(change.actor)
        step.state = effect.state
        step.note = effect.note[:300]
        step.error_code = step.gateway_message = step.gateway_request_id = ""
        step.finished_at = timezone.now()
        step.lease_until = None
        step.save(update_fields=_OUTCOME)
        _finish_attempt(claim.attempt, "done" if effect.state == StepState.DONE else effect.state)
        advance(change)


def _record_error(tenant_id: UUID, claim: Claim, error: GatewayError) -> None:
    """Decide between another try and giving up, and keep the gateway's words."""
    with tenant_scope(tenant_id), _holding(claim) as held:
        if held is None:
            return
        change, step = held
        step.error_code = error.code[:60]
        step.gateway_message = error.gateway_message
        step.gateway_request_id = error.request_id[:80]
        step.lease_until = None
        # While it ran, a later change may have taken over what this step was to move.
        obsolete = step.due_at is None
        if obsolete:
            step.state, step.finished_at = StepState.SUPERSEDED, timezone.now()
        elif error.transient and not _tried_for_too_long(step):
            pause = pause_after(step.attempts, error)
            step.state, step.due_at = StepState.RETRYING, timezone.now() + pause
            wake_worker_later(tenant_id, seconds=pause.total_seconds())
        else:
            step.state, step.finished_at = StepState.FAILED, timezone.now()
        _note_consequences(change, step, error)
        if needs_new_key(error):
            step.key_generation += 1
            step.first_called_at = None
        step.save()
        _finish_attempt(claim.attempt, step.state, error)
        advance(change)
    log.warning("step_not_carried_out", state=step.state, error=error.code, gateway_request_id=error.request_id)


def _tried_for_too_long(step: Step) -> bool:
    """Counted from the first try, or from the first since someone had it retried."""
    tries = step.tries.order_by("number")
    given_up = tries.filter(outcome=StepState.FAILED).last()
    first = tries.filter(number__gt=given_up.number if given_up else 0).first()
    return first is not None and first.started_at < timezone.now() - PATIENCE


def _note_consequences(change: Change, step: Step, error: GatewayError) -> None:
    """What the gateway's refusal means beyond the step; that it could not be asked means nothing."""
    if error.transient or isinstance(error, BadKeys):
        return
    actor = change.actor
    if step.kind == StepKind.INVOICE_COLLECT and step.invoice is not None:
        note_refusal(change, step.invoice, error)
    if isinstance(error, Gone) and step.kind in (StepKind.ATTACH, StepKind.PROFILE_DETAILS):
        profile = step.profile
        if profile is not None and profile.state == ProfileState.ACTIVE:
            disable_profile(actor=actor, profile=profile, reason=str(error.message))


def _finish_attempt(attempt: StepAttempt, outcome: str, error: GatewayError | None = None) -> None:
    attempt.finished_at = timezone.now()
    attempt.outcome = outcome
    if error is not None:
        attempt.error_code = error.code[:60]
        attempt.gateway_message = error.gateway_message
        attempt.gateway_request_id = error.request_id[:80]
    attempt.save(update_fields=["finished_at", "outcome", "error_code", "gateway_message", "gateway_request_id"])


def settle_abandoned(tenant_id: UUID) -> None:
    """End running steps whose worker died and whose work a later change has taken over."""
    with tenant_scope(tenant_id):
        abandoned = Q(state=StepState.RUNNING, due_at=None, lease_until__lte=timezone.now())
        changes = Change.objects.filter(pk__in=Step.objects.filter(abandoned).values("change_id"))
        for change in changes.select_for_update().order_by("number"):
            change.steps.filter(abandoned).update(
                state=StepState.SUPERSEDED, finished_at=timezone.now(), lease_until=None
            )
            advance(change)
