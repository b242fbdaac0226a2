"""A change's steps in the customer's words."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.gateway.errors import explain_to_customer
from propagation.models import Change, ChangeState, Step, StepKind, StepState
from propagation.selectors import steps_with_details
from tenants.models import Tenant
from tenants.templatetags.ui import money_text

#: What staff read of these would say little to the person who can mend it.
OWN_WORDS: dict[str, str | Promise] = {
    "authentication_required": gettext_lazy(
        "Your bank wants you to confirm this payment. Our staff know, and will help you with it."
    ),
}
QUIET_STATES = (StepState.SUPERSEDED,)


@dataclass(frozen=True)
class ToldStep:
    """As ui/steps.html shows it."""

    state: str
    title: str
    text: str = ""
    error: str = ""


@dataclass(frozen=True)
class Progress:
    """`is_moving`: there is more to come; `needs_help`: something could not be done."""

    steps: list[ToldStep]
    done_count: int
    total: int
    is_moving: bool
    needs_help: bool


def progress_of(change: Change, tenant: Tenant) -> Progress:
    """How far a change has come. Runs in the open scope."""
    steps = [step for step in steps_with_details(change) if step.state not in QUIET_STATES]
    told = [_tell(step, tenant) for step in steps]
    settled = (StepState.DONE, StepState.WAIVED, StepState.FAILED)
    return Progress(
        steps=told,
        done_count=sum(step.state in settled for step in steps),
        total=len(steps),
        is_moving=change.state == ChangeState.IN_PROGRESS,
        needs_help=any(step.state == StepState.FAILED for step in steps),
    )


def _tell(step: Step, tenant: Tenant) -> ToldStep:
    title, text = _words(step)
    error = ""
    if step.state == StepState.FAILED:
        error = _why_not(step, tenant)
    elif step.state == StepState.WAIVED:
        text = _("%(tenant)s takes care of this.") % {"tenant": tenant.name}
    return ToldStep(str(step.state), title, text, error)


def _words(step: Step) -> tuple[str, str]:
    """What it is about, and what has become or will become of it."""
    is_done = step.state == StepState.DONE
    if step.kind == StepKind.SUBSCRIPTION and step.subscription is not None:
        name = step.subscription.price.product.name
        return name, _("is paid with the new payment method from now on") if is_done else _(
            "moves to the new payment method"
        )
    if step.kind in (StepKind.INVOICE_COLLECT, StepKind.INVOICE_MOVE) and step.invoice is not None:
        amount = money_text(step.invoice.total_minor, step.invoice.currency)
        title = _("Invoice %(number)s, %(amount)s") % {"number": step.invoice.short_number, "amount": amount}
        if step.kind == StepKind.INVOICE_MOVE:
            return title, _("will be paid with the new payment method")
        return title, _("is paid") if is_done else _("is being paid")
    title, pending, done = _other_words(step)
    return title, done if is_done else pending


def _other_words(step: Step) -> tuple[str, str, str]:
    words = {
        StepKind.ATTACH: (
            _("Your new payment method"),
            _("is being linked to your account"),
            _("is linked to your account"),
        ),
        StepKind.PROFILE_DETAILS: (_("Your card’s details"), _("are being updated"), _("are up to date")),
        StepKind.CUSTOMER_DETAILS: (_("Your billing address"), _("is being updated"), _("is up to date")),
        StepKind.CUSTOMER_DEFAULT: (
            _("Future payments"),
            _("will use the new payment method"),
            _("use the new payment method"),
        ),
        StepKind.RETIRE: (_("Your old payment method"), _("will be removed last"), _("is removed")),
    }
    return words.get(StepKind(step.kind), (step.get_kind_display(), "", ""))


def _why_not(step: Step, tenant: Tenant) -> str:
    if step.kind == StepKind.INVOICE_COLLECT:
        return str(OWN_WORDS.get(step.error_code) or explain_to_customer(step.error_code))
    return _("This takes longer than usual. %(tenant)s is looking into it; there is nothing for you to do.") % {
        "tenant": tenant.name
    }
