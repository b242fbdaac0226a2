"""Recording changes: the change, its steps, and what it supersedes, in one transaction of the open scope."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from payments.gateway.errors import KEY_ERRORS
from payments.models import GatewayCustomer, PaymentProfile, ProfileState
from payments.profiles import hand_over_backup
from propagation.errors import ChangeRefused
from propagation.impact import Consent, Impact, preview
from propagation.models import OPEN_STEP_STATES, Change, ChangeKind, Stage, Step, StepKind, StepState
from propagation.progress import advance
from subscriptions.models import Subscription
from subscriptions.selectors import default_profile, subscriptions_paid_by, successor, usable
from tenants.actors import Actor
from tenants.audit import record
from tenants.numbers import next_number


def replace_or_add(
    *,
    customer: Customer,
    new_profile: PaymentProfile,
    old_profile: PaymentProfile | None = None,
    duplicates: Iterable[PaymentProfile] = (),
    make_default: bool = False,
    carry_details: bool = False,
    consent: Consent | None = None,
    actor: Actor,
    source: str,
    source_id: UUID | None = None,
    reason: str = "",
) -> Change:
    """Record that a method which the gateway has confirmed takes the place of others, or joins them.

    `old_profile` stands for its successor when it was replaced meanwhile; `duplicates` are the same card entered
    before, and are replaced too. `carry_details` also brings the customer's billing details to the gateway.
    With `consent` only what the customer let move moves; while anything stays, the old methods stay too.
    """
    customer = _lock(customer)
    old = successor(_fresh(old_profile))
    old_profiles = list({p.pk: p for p in (old, *duplicates) if p is not None and p.pk != new_profile.pk}.values())
    kind = ChangeKind.REPLACE if old_profiles else ChangeKind.ADD
    impact = preview(
        customer=customer,
        kind=kind,
        old_profile=old_profiles[0] if old_profiles else None,
        duplicates=old_profiles[1:],
        makes_default=make_default,
        consent=consent,
    )
    if impact.kept:
        kind, old_profiles = ChangeKind.ADD, []
        _pin_to_present_payer(impact, customer, new_profile, actor)
    change = _create_change(
        customer=customer,
        kind=kind,
        old_profile=old_profiles[0] if old_profiles else None,
        new_profile=new_profile,
        actor=actor,
        source=source,
        source_id=source_id,
        reason=reason,
        impact=impact,
    )
    steps = [Step(stage=Stage.METHOD, kind=StepKind.ATTACH, profile=new_profile)]
    if carry_details:
        steps.append(Step(stage=Stage.CUSTOMER, kind=StepKind.CUSTOMER_DETAILS))
    steps += _moving_steps(impact)
    steps += [Step(stage=Stage.RETIREMENT, kind=StepKind.RETIRE, profile=profile) for profile in impact.retired]
    change = _begin(change, steps, retired=old_profiles)
    # After the earlier changes are locked, as a worker does that records one of their steps.
    for profile in old_profiles:
        profile.state = ProfileState.REPLACED if profile.state == ProfileState.ACTIVE else profile.state
        profile.replaced_by = new_profile
        profile.save(update_fields=["state", "replaced_by"])
        if profile.is_backup:
            hand_over_backup(actor=actor, old=profile, new=None if impact.default_moves else new_profile)
    return change


def _pin_to_present_payer(impact: Impact, customer: Customer, new_profile: PaymentProfile, actor: Actor) -> None:
    """Some of what follows the default stays with it: what moves is pinned first, so that it can move alone."""
    payer = usable(default_profile(customer)) or new_profile
    for moved in impact.pinned:
        subscription = moved.subscription
        if Subscription.objects.filter(pk=subscription.pk, payment_profile=None).update(payment_profile=payer):
            record(
                actor=actor,
                action="subscription.method_pinned",
                target=subscription,
                before={"payment_method": None},
                after={"payment_method": str(payer)},
            )


def set_default(*, actor: Actor, profile: PaymentProfile, source: str = "backoffice", reason: str = "") -> Change:
    """Make a profile the customer's default; what follows the default moves with it. Raises ChangeRefused."""
    customer = _lock(profile.customer)
    profile = _usable_or_refuse(profile)
    if profile.is_default and not _open_steps(customer, Q(kind=StepKind.CUSTOMER_DEFAULT)).exists():
        raise ChangeRefused("already_default", _("This is the default payment method already."))
    impact = preview(customer=customer, kind=ChangeKind.SET_DEFAULT)
    change = _create_change(
        customer=customer,
        kind=ChangeKind.SET_DEFAULT,
        old_profile=default_profile(customer),
        new_profile=profile,
        actor=actor,
        source=source,
        reason=reason,
        impact=impact,
    )
    return _begin(change, _moving_steps(impact))


def edit_profile(
    *,
    actor: Actor,
    profile: PaymentProfile,
    holder_name: str,
    exp_month: int | None,
    exp_year: int | None,
    address: dict[str, str],
    source: str = "backoffice",
    reason: str = "",
) -> Change:
    """Change what the gateway lets be changed of a saved card. `address` has the keys of port.PostalAddress."""
    customer = _lock(profile.customer)
    profile = _usable_or_refuse(profile)
    change = _create_change(
        customer=customer,
        kind=ChangeKind.EDIT,
        new_profile=profile,
        actor=actor,
        source=source,
        reason=reason,
        values={"holder_name": holder_name, "exp_month": exp_month, "exp_year": exp_year, "address": address},
    )
    return _begin(change, [Step(stage=Stage.METHOD, kind=StepKind.PROFILE_DETAILS, profile=profile)])


def remove_profile(*, actor: Actor, profile: PaymentProfile, source: str = "backoffice", reason: str = "") -> Change:
    """Detach a profile at the gateway and remove it. Raises ChangeRefused `still_pays` naming the subscriptions."""
    customer = _lock(profile.customer)
    profile = PaymentProfile.objects.select_related("replaced_by", "customer").get(pk=profile.pk)
    if profile.state == ProfileState.REMOVED:
        raise ChangeRefused("already_removed", _("This payment method was removed already."))
    if profile.state == ProfileState.REPLACED:
        raise ChangeRefused("already_replaced", _("This payment method was replaced and is being removed."))
    kept_by = subscriptions_paid_by(customer, profile)
    if kept_by:
        numbers = ", ".join(subscription.short_number for subscription in kept_by)
        raise ChangeRefused(
            "still_pays",
            _("This payment method pays for %(subscriptions)s. Move them to another one first.")
            % {"subscriptions": numbers},
        )
    change = _create_change(
        customer=customer,
        kind=ChangeKind.REMOVE,
        old_profile=profile,
        actor=actor,
        source=source,
        reason=reason,
    )
    return _begin(change, [Step(stage=Stage.RETIREMENT, kind=StepKind.RETIRE, profile=profile)], retired=[profile])


def discard_card(*, actor: Actor, profile: PaymentProfile, source: str, source_id: UUID | None, reason: str) -> Change:
    """Detach a card that was entered but lost the race for its invitation; nothing was moved to it."""
    customer = _lock(profile.customer)
    change = _create_change(
        customer=customer,
        kind=ChangeKind.DISCARD,
        old_profile=profile,
        actor=actor,
        source=source,
        source_id=source_id,
        reason=reason,
    )
    return _begin(change, [Step(stage=Stage.RETIREMENT, kind=StepKind.RETIRE, profile=profile)])


def change_billing_details(*, actor: Actor, customer: Customer, source: str = "backoffice") -> Change | None:
    """Carry the customer's name, e-mail, phone and address to the gateway; None when it has no such customer."""
    if not GatewayCustomer.objects.filter(customer=customer).exists():
        return None
    customer = _lock(customer)
    change = _create_change(customer=customer, kind=ChangeKind.DETAILS, actor=actor, source=source)
    return _begin(change, [Step(stage=Stage.CUSTOMER, kind=StepKind.CUSTOMER_DETAILS)])


def retry_step(*, actor: Actor, step: Step) -> Step:
    """Carry out a failed step once more, under a new key. Raises ChangeRefused `not_failed`."""
    change, step = _lock_failed_step(step)
    step.state = StepState.WAITING
    step.due_at = None
    step.key_generation += 1
    step.first_called_at = None
    step.save(update_fields=["state", "due_at", "key_generation", "first_called_at"])
    record(actor=actor, action="step.retried", target=step, customer_id=change.customer_id)
    advance(change)
    return step


def retry_after_new_keys(*, actor: Actor) -> int:
    """Carry out once more what had failed for want of keys that the gateway accepts; how many steps."""
    refused = Step.objects.filter(state=StepState.FAILED, error_code__in=KEY_ERRORS)
    changes = Change.objects.select_for_update().filter(pk__in=refused.values("change_id")).order_by("number")
    held = {change.pk for change in changes}
    steps = list(refused.filter(change__in=held).order_by("stage", "position"))
    for step in steps:
        retry_step(actor=actor, step=step)
    return len(steps)


def waive_step(*, actor: Actor, step: Step, reason: str) -> Step:
    """Let a failed step be, for a reason. Raises ChangeRefused `not_failed` or `reason_missing`."""
    if not reason.strip():
        message = _("Say why this step is waived.")
        raise ChangeRefused("reason_missing", message, {"reason": message})
    change, step = _lock_failed_step(step)
    step.state = StepState.WAIVED
    step.note = reason.strip()[:300]
    step.finished_at = timezone.now()
    step.save(update_fields=["state", "note", "finished_at"])
    record(actor=actor, action="step.waived", target=step, reason=reason, customer_id=change.customer_id)
    advance(change)
    return step


def _lock(customer: Customer) -> Customer:
    """Changes of one customer are recorded one after the other."""
    return Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)


def _fresh(profile: PaymentProfile | None) -> PaymentProfile | None:
    return profile and PaymentProfile.objects.select_related("replaced_by").get(pk=profile.pk)


def _usable_or_refuse(profile: PaymentProfile) -> PaymentProfile:
    profile = PaymentProfile.objects.select_related("customer").get(pk=profile.pk)
    if profile.state == ProfileState.DISABLED:
        raise ChangeRefused("disabled", _("The payment gateway no longer knows this method; it can only be deleted."))
    if profile.state != ProfileState.ACTIVE:
        raise ChangeRefused("not_active", _("This payment method was replaced or removed."))
    if _open_steps(profile.customer, Q(kind=StepKind.RETIRE, profile=profile)).exists():
        raise ChangeRefused("being_removed", _("This payment method is being removed."))
    return profile


def _lock_failed_step(step: Step) -> tuple[Change, Step]:
    change = Change.objects.select_for_update().get(pk=step.change_id)
    step = Step.objects.select_for_update().get(pk=step.pk)
    if step.state != StepState.FAILED:
        raise ChangeRefused("not_failed", _("This step has not failed, or no longer."))
    return change, step


def _create_change(
    *,
    customer: Customer,
    kind: ChangeKind,
    actor: Actor,
    source: str,
    source_id: UUID | None = None,
    old_profile: PaymentProfile | None = None,
    new_profile: PaymentProfile | None = None,
    reason: str = "",
    impact: Impact | None = None,
    values: dict[str, Any] | None = None,
) -> Change:
    change = Change.objects.create(
        number=next_number("change"),
        customer=customer,
        kind=kind,
        old_profile=old_profile,
        new_profile=new_profile,
        source=source,
        source_id=source_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:160],
        reason=reason[:300],
        impact=impact.as_json() if impact else {},
        values=values or {},
    )
    record(
        actor=actor,
        action="change.recorded",
        target=change,
        reason=reason,
        before={"payment_method": str(old_profile)} if old_profile else {},
        after={"kind": kind} | ({"payment_method": str(new_profile)} if new_profile else {}),
    )
    return change


def _moving_steps(impact: Impact) -> list[Step]:
    steps = [Step(stage=Stage.CUSTOMER, kind=StepKind.CUSTOMER_DEFAULT)] if impact.default_moves else []
    for moved in impact.subscriptions:
        steps.append(Step(stage=Stage.SUBSCRIPTIONS, kind=StepKind.SUBSCRIPTION, subscription=moved.subscription))
    for invoice in impact.invoices:
        kind = StepKind.INVOICE_COLLECT if invoice.collect else StepKind.INVOICE_MOVE
        steps.append(Step(stage=Stage.INVOICES, kind=kind, invoice=invoice.invoice))
    return steps


def _begin(change: Change, steps: list[Step], retired: Iterable[PaymentProfile] = ()) -> Change:
    """Write the steps, supersede what they make obsolete, and open the first stage."""
    steps += _supersede_earlier(change, steps, {profile.pk for profile in retired})
    for position, step in enumerate(steps):
        step.change = change
        step.customer = change.customer
        step.position = position
    Step.objects.bulk_create(steps)
    advance(change)
    return change


def _open_steps(customer: Customer, condition: Q) -> Any:
    states = (*OPEN_STEP_STATES, StepState.FAILED)
    return Step.objects.filter(condition, customer=customer, state__in=states)


def _supersede_earlier(change: Change, steps: list[Step], retired: set[UUID]) -> list[Step]:
    """End what is left of earlier changes wherever the new one decides anew; return the retirements to take over.

    An earlier step is obsolete when it moves the same thing, or when its change's new method is being retired. One
    that is running now is left to end; this change's own steps wait for it. A retirement that is running goes on, since
    nobody else would see to it, unless this change retires the same method.
    """
    same = Q(pk=None)
    for step in steps:
        same |= Q(
            kind__in=[step.kind, *_ALTERNATIVES.get(StepKind(step.kind), [])],
            subscription_id=step.subscription_id,
            invoice_id=step.invoice_id,
            **({"profile_id": step.profile_id} if step.profile_id else {}),
        )
    obsolete = _open_steps(change.customer, same | Q(change__new_profile__in=retired)).exclude(change=change)
    earlier = list(Change.objects.select_for_update().filter(pk__in=obsolete.values("change_id")).order_by("number"))
    own_retirements = {step.profile_id for step in steps if step.kind == StepKind.RETIRE}
    taken_over = []
    # A worker may be claiming one of them at this moment: wait until it has, so that it counts as running.
    list(obsolete.select_for_update(of=("self",)).order_by("pk"))
    for old in earlier:
        remaining = obsolete.filter(change=old).exclude(state=StepState.RUNNING)
        retirements = [step.profile for step in remaining.filter(kind=StepKind.RETIRE).select_related("profile")]
        goes_on = Q(kind=StepKind.RETIRE) & ~Q(profile_id__in=own_retirements)
        obsolete.filter(change=old, state=StepState.RUNNING).exclude(goes_on).update(due_at=None)
        remaining.update(state=StepState.SUPERSEDED, finished_at=timezone.now(), due_at=None, lease_until=None)
        old.superseded_by = change
        old.save(update_fields=["superseded_by"])
        advance(old)
        for profile in retirements:
            if profile is not None and profile.pk not in own_retirements:
                own_retirements.add(profile.pk)
                taken_over.append(Step(stage=Stage.RETIREMENT, kind=StepKind.RETIRE, profile=profile))
    return taken_over


#: Kinds of step that move the same thing.
_ALTERNATIVES = {
    StepKind.INVOICE_COLLECT: [StepKind.INVOICE_MOVE],
    StepKind.INVOICE_MOVE: [StepKind.INVOICE_COLLECT],
}
