"""A change as its page shows it: stages, steps with what each moves, attempts, and the preview beside the outcome."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invitations.models import Invitation
from payments.gateway.errors import explain
from payments.models import GatewayAccount
from propagation.models import Change, ChangeState, Stage, Step, StepAttempt, StepKind, StepState
from propagation.selectors import steps_with_details

#: Codes of our own that a step may end with; the gateway's are in payments.gateway.errors.
_OWN_WORDS = {
    "still_used": gettext_lazy("Something still uses the old method, so it was not detached."),
    "lease_lost": gettext_lazy("The worker was held up; another one took the step over."),
}
_SETTLED = (StepState.DONE, StepState.WAIVED, StepState.SUPERSEDED)


@dataclass(frozen=True)
class ShownAttempt:
    attempt: StepAttempt
    words: str | Promise
    log_url: str


@dataclass(frozen=True)
class ShownStep:
    """One step; `target` is what it moves, `url` its page, `amount` (minor units, currency) where money is charged."""

    step: Step
    title: str
    target: str
    url: str
    words: str | Promise
    log_url: str
    amount: tuple[int, str] | None
    attempts: list[ShownAttempt]


@dataclass
class ShownStage:
    label: str
    steps: list[ShownStep] = field(default_factory=list)


@dataclass(frozen=True)
class ShownChange:
    change: Change
    stages: list[ShownStage]
    done: int
    total: int
    failed: int

    @property
    def is_live(self) -> bool:
        """Whether the page should keep asking: something still waits for a worker."""
        return self.change.state == ChangeState.IN_PROGRESS or self.open_steps > 0

    @property
    def fingerprint(self) -> str:
        """Changes whenever the page would look different."""
        parts = [
            f"{item.step.pk}{item.step.state}{item.step.attempts}" for stage in self.stages for item in stage.steps
        ]
        return sha256("".join([self.change.state, *parts]).encode()).hexdigest()[:16]

    @property
    def open_steps(self) -> int:
        return self.total - self.done - self.failed


def show_change(change: Change, slug: str) -> ShownChange:
    steps = list(steps_with_details(change))
    base = log_base()
    stages = {stage.value: ShownStage(str(stage.label)) for stage in Stage}
    for step in steps:
        stages[step.stage].steps.append(_show_step(step, slug, base))
    return ShownChange(
        change=change,
        stages=[stage for stage in stages.values() if stage.steps],
        done=sum(step.state in _SETTLED for step in steps),
        total=len(steps),
        failed=sum(step.state == StepState.FAILED for step in steps),
    )


def log_base() -> str:
    """Where the tenant's account shows a request of its log; followed by the request's id."""
    key = GatewayAccount.objects.values_list("publishable_key", flat=True).first() or ""
    return f"{settings.STRIPE_DASHBOARD_BASE}{'' if key.startswith('pk_live_') else '/test'}/logs/"


def source_of(change: Change, slug: str) -> tuple[str, str] | None:
    """(label, URL) of the invitation that a change came from; None for other doors."""
    if change.source != "invitation" or change.source_id is None:
        return None
    invitation = Invitation.objects.filter(pk=change.source_id).only("number", "tenant").first()
    return (invitation.short_number, _page(slug, "invitation", invitation.pk)) if invitation else None


def _page(slug: str, name: str, pk: UUID) -> str:
    return reverse(f"backoffice:{name}", kwargs={"tenant_slug": slug, f"{name}_id": pk})


def _show_step(step: Step, slug: str, base: str) -> ShownStep:
    target, url, amount = _target(step, slug)
    return ShownStep(
        step=step,
        title=str(step.get_kind_display()),
        target=target,
        url=url,
        amount=amount,
        words=_words(step.error_code) if step.error_code else "",
        log_url=base + step.gateway_request_id if step.gateway_request_id else "",
        attempts=[
            ShownAttempt(
                attempt=attempt,
                words=_words(attempt.error_code) if attempt.error_code else "",
                log_url=base + attempt.gateway_request_id if attempt.gateway_request_id else "",
            )
            for attempt in sorted(step.tries.all(), key=lambda attempt: attempt.number)
        ],
    )


def _words(code: str) -> str | Promise:
    return _OWN_WORDS.get(code) or explain(code)


def _target(step: Step, slug: str) -> tuple[str, str, tuple[int, str] | None]:
    if step.subscription is not None:
        subscription = step.subscription
        name = f"{subscription.short_number} {subscription.price.product.name}"
        return name, _page(slug, "subscription", subscription.pk), None
    if step.invoice is not None:
        invoice = step.invoice
        amount = (invoice.total_minor, invoice.currency) if step.kind == StepKind.INVOICE_COLLECT else None
        return invoice.short_number, _page(slug, "invoice", invoice.pk), amount
    if step.profile is not None:
        return str(step.profile), "", None
    return "", "", None


def previewed_and_done(shown: ShownChange) -> list[dict[str, Any]]:
    """The preview's items beside what became of each: {label, text, state}; empty when nothing was previewed."""
    impact = shown.change.impact
    states = _states_by_number(shown)
    rows = [
        {"label": _("Subscription"), "number": number, "state": states.get(number)}
        for number in impact.get("subscriptions", [])
    ]
    for invoice in impact.get("invoices", []):
        label = _("Invoice, collected at once") if invoice.get("collect") else _("Open invoice, moved")
        row = {"label": label, "number": invoice["number"], "state": states.get(invoice["number"])}
        rows.append(row | {"amount_minor": invoice["amount_minor"], "currency": invoice["currency"]})
    return rows


def _states_by_number(shown: ShownChange) -> dict[str, str]:
    states = {}
    for stage in shown.stages:
        for item in stage.steps:
            thing = item.step.subscription or item.step.invoice
            if thing is not None:
                states[thing.short_number] = item.step.state
    return states
