"""How a change moves on: which stage is open, when it is finished, and who is told."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from customers.models import Notification
from messaging.services import queue_email
from propagation.models import OPEN_STEP_STATES, Change, ChangeKind, ChangeState, Stage, Step, StepState
from propagation.wakeups import wake_workers
from tenants.actors import ActorKind
from tenants.models import Tenant
from tenants.selectors import managers_to_tell

#: A failed step in one of these stages may still use the old method, so nothing is detached.
_MOVES = (Stage.METHOD, Stage.CUSTOMER, Stage.SUBSCRIPTIONS)


def advance(change: Change) -> None:
    """Open the next stage, or finish the change. The caller holds the change's lock, or has just made it."""
    steps = list(change.steps.only("stage", "state", "due_at", "change", "tenant").order_by("stage"))
    open_steps = [step for step in steps if step.state in OPEN_STEP_STATES]
    failed = [step for step in steps if step.state == StepState.FAILED]
    if open_steps:
        stage = open_steps[0].stage
        # Without the method nothing can move to it; and what has not moved still uses the old one.
        holding = _MOVES if stage == Stage.RETIREMENT else (Stage.METHOD,)
        blocked = any(step.stage in holding for step in failed)
        shut = sum(step.stage == stage and step.state == StepState.WAITING and not step.due_at for step in open_steps)
        if shut and not blocked:
            change.steps.filter(stage=stage, state=StepState.WAITING, due_at=None).update(due_at=timezone.now())
            wake_workers(change.tenant_id, steps=shut)
    before = change.state, change.finished_at is None
    if failed:
        change.state = ChangeState.NEEDS_ATTENTION
    elif open_steps:
        change.state = ChangeState.IN_PROGRESS
    elif any(step.state == StepState.SUPERSEDED for step in steps):
        change.state = ChangeState.SUPERSEDED
    else:
        change.state = ChangeState.DONE
    if before != (change.state, bool(open_steps)):
        change.finished_at = None if open_steps else timezone.now()
        change.save(update_fields=["state", "finished_at"])
    if failed and change.failure_told_at is None:
        _tell_staff(change)
    if change.state == ChangeState.DONE and before[0] != ChangeState.DONE:
        _tell_customer(change)


def _tell_staff(change: Change) -> None:
    """Mail owners and managers once for each change that needs them."""
    change.failure_told_at = timezone.now()
    change.save(update_fields=["failure_told_at"])
    tenant = Tenant.objects.get(pk=change.tenant_id)
    failed = change.steps.filter(state=StepState.FAILED).select_related("subscription", "invoice", "profile")
    link = settings.BASE_URL + reverse("backoffice:change", args=[tenant.slug, change.pk])
    for address, language in managers_to_tell(tenant):
        queue_email(
            template="change_failed",
            language=language,
            to=address,
            context={"change": change, "customer": change.customer, "steps": list(failed), "link": link},
            about=change,
        )


def _tell_customer(change: Change) -> None:
    """Confirm to customers, by mail, what they themselves have changed."""
    by_customer = ActorKind(change.actor_kind).is_customer
    if not by_customer or change.kind not in (ChangeKind.REPLACE, ChangeKind.ADD) or not change.customer.email:
        return
    if Notification.METHOD_UPDATES in change.customer.muted_mails:
        return
    tenant = Tenant.objects.get(pk=change.tenant_id)
    queue_email(
        template="payment_method_updated",
        language=change.customer.language or tenant.language,
        to=change.customer.email,
        cc=change.customer.cc_emails,
        context={"change": change, "customer": change.customer, "steps": _shown_steps(change)},
        customer_id=change.customer_id,
        about=change,
    )


def _shown_steps(change: Change) -> list[Step]:
    return list(
        change.steps.select_related("subscription__price__product", "invoice", "profile").order_by("stage", "position")
    )
