"""A change of how a customer pays, its steps, and every attempt at carrying one out."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from payments.models import PaymentProfile
from subscriptions.models import Invoice, Subscription
from tenants.actors import Actor, ActorKind
from tenants.fields import TenantForeignKey, TenantModel
from tenants.numbers import written


class ChangeKind(models.TextChoices):
    REPLACE = "replace", _("Payment method replaced")
    ADD = "add", _("Payment method added")
    SET_DEFAULT = "set_default", _("Default payment method chosen")
    EDIT = "edit", _("Payment method edited")
    REMOVE = "remove", _("Payment method removed")
    DISCARD = "discard", _("Unused card discarded")
    DETAILS = "details", _("Billing details changed")


class ChangeState(models.TextChoices):
    IN_PROGRESS = "in_progress", _("In progress")
    DONE = "done", _("Done")
    NEEDS_ATTENTION = "needs_attention", _("Needs attention")
    SUPERSEDED = "superseded", _("Superseded")


class Change(TenantModel):
    """One change; its steps are decided in the transaction that records it.

    `impact` is the preview as it was shown, by numbers and amounts. `values` are an edit's new values. `source` is the
    door it came through, `source_id` that door's row (the invitation).
    """

    number = models.PositiveBigIntegerField(editable=False)
    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=12, choices=ChangeKind)
    old_profile = TenantForeignKey(PaymentProfile, on_delete=models.SET_NULL, null=True, related_name="+")
    new_profile = TenantForeignKey(PaymentProfile, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=16, choices=ChangeState, default=ChangeState.IN_PROGRESS)
    superseded_by = TenantForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="supersedes")
    source = models.CharField(max_length=12)
    source_id = models.UUIDField(null=True)
    actor_kind = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=160)
    reason = models.CharField(max_length=300, blank=True)
    values = models.JSONField(default=dict)
    impact = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    failure_told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="one_change_per_number")]
        indexes = [
            models.Index(fields=["tenant", "state", "-number"], name="change_state"),
            models.Index(fields=["tenant", "source_id"], name="change_source"),
        ]

    def __str__(self) -> str:
        return self.short_number

    @property
    def actor(self) -> Actor:
        """Who had it made."""
        return Actor(ActorKind(self.actor_kind), self.actor_id, self.actor_label)

    @property
    def short_number(self) -> str:
        return written("change", self.number)


class Stage(models.IntegerChoices):
    """Steps of one stage run side by side; a stage begins when the earlier ones have settled.

    A method that could not be attached holds back everything; a move that failed holds back the retirement.
    """

    METHOD = 10, _("Payment method")
    CUSTOMER = 20, _("Customer")
    SUBSCRIPTIONS = 30, _("Subscriptions")
    INVOICES = 40, _("Invoices")
    RETIREMENT = 50, _("Retirement")


class StepKind(models.TextChoices):
    ATTACH = "attach", _("Method attached to the customer")
    PROFILE_DETAILS = "profile_details", _("Method's details")
    CUSTOMER_DETAILS = "customer_details", _("Customer's billing details")
    CUSTOMER_DEFAULT = "customer_default", _("Customer's default method")
    SUBSCRIPTION = "subscription", _("Subscription")
    INVOICE_MOVE = "invoice_move", _("Open invoice moved")
    INVOICE_COLLECT = "invoice_collect", _("Invoice collected")
    RETIRE = "retire", _("Old method detached")


class StepState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    RETRYING = "retrying", _("Retrying")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    WAIVED = "waived", _("Waived")
    SUPERSEDED = "superseded", _("Superseded")


#: A step in one of these states is still to be carried out.
OPEN_STEP_STATES = (StepState.WAITING, StepState.RUNNING, StepState.RETRYING)


class Step(TenantModel):
    """One thing that a change must move.

    It can be carried out from `due_at` on; empty means that its stage has not begun. A worker holds it until
    `lease_until`. Its idempotency key at the gateway is its id with `key_generation`, which grows when the gateway has
    answered for good under the old key; `first_called_at` says how old that key may be.
    """

    change = TenantForeignKey(Change, on_delete=models.CASCADE, related_name="steps")
    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    stage = models.PositiveSmallIntegerField(choices=Stage)
    position = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=20, choices=StepKind)
    profile = TenantForeignKey(PaymentProfile, on_delete=models.SET_NULL, null=True, related_name="+")
    subscription = TenantForeignKey(Subscription, on_delete=models.SET_NULL, null=True, related_name="+")
    invoice = TenantForeignKey(Invoice, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=12, choices=StepState, default=StepState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    key_generation = models.PositiveSmallIntegerField(default=0)
    first_called_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    gateway_message = models.TextField(blank=True)
    gateway_request_id = models.CharField(max_length=80, blank=True)
    note = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["tenant", "due_at", "position"],
                condition=models.Q(state__in=["waiting", "running", "retrying"]),
                name="step_due",
            ),
            models.Index(fields=["tenant", "customer"], condition=models.Q(state="running"), name="step_running"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subscription or self.invoice or self.profile or ''}".strip()

    @property
    def idempotency_key(self) -> str:
        return f"step-{self.pk}-{self.key_generation}"


class StepAttempt(TenantModel):
    """One try at a step, kept for the people who ask what happened."""

    step = TenantForeignKey(Step, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    gateway_message = models.TextField(blank=True)
    gateway_request_id = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "step", "number"], name="one_attempt_per_number")]

    def __str__(self) -> str:
        return f"{self.step_id} #{self.number}"
