"""How each kind of step is carried out at the gateway, and what is then true here.

A carrier runs outside any transaction. On a second try it first reads what the gateway already has, so that an effect
whose answer was lost is recognised, not repeated. It returns the `Effect` that is applied when the step is recorded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from payments.gateway.errors import Gone, Refused
from payments.gateway.port import Gateway, PostalAddress
from payments.gateway_customers import customer_details as customer_as_known
from payments.models import PaymentProfile, ProfileState
from payments.profiles import apply_method_facts
from propagation.collecting import note_payment, source_of
from propagation.models import Change, ChangeKind, Step, StepKind, StepState
from subscriptions.collection.charging import PROCESSING, Order, charge_invoice
from subscriptions.collection.engine import payment_kinds
from subscriptions.collection.leases import holding_invoice
from subscriptions.models import LIVE_STATES, BilledBy, Invoice, InvoiceState, Subscription
from subscriptions.settlement import PAYABLE_STATES, mark_invoice_paid
from tenants.actors import Actor
from tenants.audit import record
from tenants.scope import tenant_scope


def _nothing(actor: Actor) -> None:
    """For steps whose effect is at the gateway alone."""


@dataclass(frozen=True)
class Effect:
    """What to record: `apply` runs in the transaction that settles the step; `state` is DONE unless it was let be."""

    note: str = ""
    state: StepState = StepState.DONE
    apply: Callable[[Actor], None] = field(default=_nothing)


@dataclass(frozen=True)
class Work:
    """A claimed step with what carriers need, read when it was claimed. `is_retry`: it was tried before."""

    step: Step
    change: Change
    gateway_customer: str
    key: str
    is_retry: bool

    @property
    def new_profile(self) -> PaymentProfile:
        profile = self.change.new_profile
        if profile is None:
            raise Refused(code="profile_removed", gateway_message="The payment method was removed meanwhile.")
        return profile

    @property
    def new_method(self) -> str:
        return self.new_profile.gateway_id


def attach(work: Work, gateway: Gateway) -> Effect:
    facts = gateway.read_method(work.new_method)
    if facts.customer is None:
        gateway.attach_method(work.new_method, customer=work.gateway_customer, key=work.key)
    elif facts.customer != work.gateway_customer:
        raise Refused(code="other_customer", gateway_message="The method belongs to another customer of the gateway.")
    return Effect()


def customer_details(work: Work, gateway: Gateway) -> Effect:
    with tenant_scope(work.step.tenant_id):
        details = customer_as_known(work.change.customer)
    if not (work.is_retry and gateway.read_customer(work.gateway_customer).has(details)):
        gateway.update_customer(work.gateway_customer, details=details, key=work.key)
    return Effect()


def customer_default(work: Work, gateway: Gateway) -> Effect:
    def apply(actor: Actor) -> None:
        profile, customer = work.new_profile, work.change.customer
        before = PaymentProfile.objects.filter(customer=customer, is_default=True).first()
        PaymentProfile.objects.filter(customer=customer, is_default=True).update(is_default=False)
        PaymentProfile.objects.filter(pk=profile.pk).update(is_default=True)
        record(
            actor=actor,
            action="customer.default_method_moved",
            target=customer,
            before={"payment_method": str(before) if before else None},
            after={"payment_method": str(profile)},
        )

    if not (work.is_retry and gateway.read_customer(work.gateway_customer).default_method == work.new_method):
        gateway.set_default_method(work.gateway_customer, method=work.new_method, key=work.key)
    return Effect(apply=apply)


def profile_details(work: Work, gateway: Gateway) -> Effect:
    profile, values = work.step.profile, work.change.values
    if profile is None:
        raise Gone(code="resource_missing", gateway_message="The payment method was removed meanwhile.")
    wanted = {name: values[name] for name in ("holder_name", "exp_month", "exp_year")}
    wanted["address"] = PostalAddress(**values["address"])
    facts = gateway.read_method(profile.gateway_id) if work.is_retry else None
    if facts is None or any(getattr(facts, name) != value for name, value in wanted.items()):
        facts = gateway.update_method(profile.gateway_id, key=work.key, **wanted)

    def apply(actor: Actor) -> None:
        current = PaymentProfile.objects.select_for_update().get(pk=profile.pk)
        apply_method_facts(current, facts, actor=actor)

    return Effect(apply=apply)


def subscription(work: Work, gateway: Gateway) -> Effect:
    """One that the gateway bills is moved there; of ours, the gateway's method notes what it pays for.

    A subscription that follows the customer's default needs no default of its own, so only a stray one is mended.
    """
    moved = work.step.subscription
    if moved is None or moved.state not in LIVE_STATES:
        return Effect(note=_("The subscription had ended."))
    pinned = moved.payment_profile_id is not None
    if moved.billed_by == BilledBy.GATEWAY:
        _move_at_gateway(work, gateway, moved, pinned)
    else:
        _note_on_method(work, gateway, moved)

    def apply(actor: Actor) -> None:
        profile = work.new_profile
        if pinned:
            Subscription.objects.filter(pk=moved.pk).update(payment_profile=profile)
        record(
            actor=actor,
            action="subscription.method_moved",
            target=moved,
            before={"payment_method": str(work.change.old_profile) if work.change.old_profile else None},
            after={"payment_method": str(profile)},
        )

    return Effect(apply=apply)


def _note_on_method(work: Work, gateway: Gateway, moved: Subscription) -> None:
    known = gateway.read_method(work.new_method).metadata if work.is_retry else {}
    if moved.short_number not in known:
        gateway.update_method(work.new_method, metadata={moved.short_number: "billed by us"}, key=work.key)


def _move_at_gateway(work: Work, gateway: Gateway, moved: Subscription, pinned: bool) -> None:
    if work.is_retry or not pinned:
        now = gateway.read_subscription(moved.gateway_id).default_method
        if now == work.new_method or (now is None and not pinned):
            return
    gateway.set_subscription_method(moved.gateway_id, method=work.new_method, key=work.key)


def invoice_move(work: Work, gateway: Gateway) -> Effect:
    """An invoice that is not due yet: it will be charged to the new method when it is."""
    invoice = work.step.invoice
    if invoice is None or invoice.state != InvoiceState.OPEN:
        return Effect(note=_("The invoice was no longer open."))
    if invoice.gateway_id:
        facts = gateway.read_invoice(invoice.gateway_id)
        if facts.status in ("draft", "open") and facts.default_method not in (None, work.new_method):
            gateway.set_invoice_method(invoice.gateway_id, method=work.new_method, key=work.key)

    def apply(actor: Actor) -> None:
        Invoice.objects.filter(pk=invoice.pk).update(payment_profile=work.new_profile)
        record(
            actor=actor,
            action="invoice.method_moved",
            target=invoice,
            after={"payment_method": str(work.new_profile)},
        )

    return Effect(apply=apply)


def invoice_collect(work: Work, gateway: Gateway) -> Effect:
    """Charge an invoice to the new method."""
    invoice = work.step.invoice
    if invoice is None or invoice.state == InvoiceState.PAID:
        return Effect(note=_("The invoice was paid already."))
    if invoice.state not in PAYABLE_STATES:
        return Effect(note=_("The invoice was no longer open."))
    return _pay_at_gateway(work, gateway, invoice) if invoice.gateway_id else _pay_ours(work, gateway, invoice)


def _pay_at_gateway(work: Work, gateway: Gateway, invoice: Invoice) -> Effect:
    facts = gateway.read_invoice(invoice.gateway_id)
    if facts.status == "open":
        facts = gateway.pay_invoice(invoice.gateway_id, method=work.new_method, key=work.key)
    if facts.status in ("void", "uncollectible"):
        return Effect(note=_("The invoice was no longer open at the gateway."))
    if facts.status != "paid":
        raise Refused(code="not_paid", gateway_message=f"The invoice is {facts.status} after the payment.")

    def apply(actor: Actor) -> None:
        current = Invoice.objects.get(pk=invoice.pk)
        through = source_of(work.change)
        mark_invoice_paid(actor=actor, invoice=current, profile=work.new_profile, through=through)

    return Effect(apply=apply)


def _pay_ours(work: Work, gateway: Gateway, invoice: Invoice) -> Effect:
    """Each invoice of ours has one payment at the gateway, which can succeed only once."""
    with tenant_scope(work.step.tenant_id):
        kinds = payment_kinds(work.new_profile)
    with holding_invoice(work.step.tenant_id, invoice.pk):
        with tenant_scope(work.step.tenant_id):
            current = Invoice.objects.get(pk=invoice.pk)
        if current.state not in PAYABLE_STATES:
            return Effect(note=_("The invoice was no longer open."))
        order = Order(
            invoice=current,
            customer=work.gateway_customer,
            method=work.new_method,
            kinds=kinds,
            key=work.key,
            is_retry=work.is_retry,
        )
        payment = charge_invoice(gateway, order)

    def apply(actor: Actor) -> None:
        note_payment(work.change, invoice, payment)

    note = _("The bank is processing the payment.") if payment.status == PROCESSING else ""
    return Effect(note=note, apply=apply)


def _users_of(profile: PaymentProfile, change: Change) -> list[str]:
    """What would be left without a payment method if the profile were detached."""
    if change.kind == ChangeKind.DISCARD:
        return []
    pinned = Subscription.objects.filter(payment_profile=profile, state__in=LIVE_STATES).order_by("number")
    users = [subscription.short_number for subscription in pinned]
    is_default = PaymentProfile.objects.filter(pk=profile.pk, is_default=True).exists()
    if is_default and change.kind == ChangeKind.REPLACE:
        users.append(change.customer.short_number)
    return users


def retire(work: Work, gateway: Gateway) -> Effect:
    """Detach a method, last of all, and only when nothing uses it."""
    profile = work.step.profile
    if profile is None:
        return Effect(note=_("The payment method was removed already."))
    with tenant_scope(work.step.tenant_id):
        users = _users_of(profile, work.change)
    if users:
        kept = _("Kept, because %(users)s still uses it.") % {"users": ", ".join(users)}
        return Effect(note=kept, state=StepState.WAIVED)
    note = ""
    try:
        if gateway.read_method(profile.gateway_id).customer is not None:
            gateway.detach_method(profile.gateway_id, key=work.key)
    except Gone:
        note = _("The gateway had forgotten it already.")

    def apply(actor: Actor) -> None:
        current = PaymentProfile.objects.select_for_update().get(pk=profile.pk)
        before = {"state": current.state, "is_default": current.is_default}
        current.state = ProfileState.REPLACED if current.replaced_by_id else ProfileState.REMOVED
        current.is_default = False
        current.save(update_fields=["state", "is_default"])
        record(
            actor=actor,
            action="payment_profile.detached",
            target=current,
            before=before,
            after={"state": current.state, "is_default": False},
        )

    return Effect(note=note, apply=apply)


CARRIERS: dict[str, Callable[[Work, Gateway], Effect]] = {
    StepKind.ATTACH: attach,
    StepKind.CUSTOMER_DETAILS: customer_details,
    StepKind.CUSTOMER_DEFAULT: customer_default,
    StepKind.PROFILE_DETAILS: profile_details,
    StepKind.SUBSCRIPTION: subscription,
    StepKind.INVOICE_MOVE: invoice_move,
    StepKind.INVOICE_COLLECT: invoice_collect,
    StepKind.RETIRE: retire,
}
