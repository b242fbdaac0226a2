"""A customer's subscription."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from payments.models import PaymentProfile
from subscriptions.models.catalogue import Price
from tenants.fields import TenantForeignKey, TenantModel
from tenants.numbers import written


class BilledBy(models.TextChoices):
    US = "us", _("Billed by us")
    GATEWAY = "gateway", _("Billed by the gateway")


class SubscriptionState(models.TextChoices):
    TRIALING = "trialing", _("Trial")
    ACTIVE = "active", _("Active")
    PAST_DUE = "past_due", _("Past due")
    UNPAID = "unpaid", _("Unpaid")
    PAUSED = "paused", _("Paused")
    CANCELLED = "cancelled", _("Cancelled")


#: States in which a subscription will, or may again, charge a payment method.
LIVE_STATES = [state for state in SubscriptionState if state != SubscriptionState.CANCELLED]
#: States in which the billing run makes invoices. An unpaid one waits until it is paid up.
BILLED_STATES = [SubscriptionState.TRIALING, SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE]


class CancelReason(models.TextChoices):
    TOO_EXPENSIVE = "too_expensive", _("It costs too much")
    NOT_USED = "not_used", _("I do not use it enough")
    MISSING_FEATURES = "missing_features", _("It lacks something that I need")
    SWITCHED = "switched", _("I use something else now")
    SERVICE = "service", _("I was not happy with the service")
    UNPAID = "unpaid", _("It was not paid")
    OTHER = "other", _("Another reason")


class Subscription(TenantModel):
    """A customer's subscription, billed by us through the gateway, or mirrored from the gateway's own billing.

    `payment_profile` is the profile pinned to it; empty means that the customer's default pays.
    Periods are counted from `anchor_at` on the calendar of `time_zone`: period n begins n intervals after it.
    `next_period` is the number of the next one to bill, and `next_billing_at` the moment at which the billing run must
    look at the subscription (to bill that period, to end it, to resume it); None: never. Periods are paid in advance;
    `current_period_*` is the one that was billed last, or the trial.
    """

    number = models.PositiveBigIntegerField(editable=False)
    customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="subscriptions")
    price = TenantForeignKey(Price, on_delete=models.PROTECT, related_name="subscriptions")
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    billed_by = models.CharField(_("billed by"), max_length=8, choices=BilledBy, default=BilledBy.US)
    state = models.CharField(max_length=10, choices=SubscriptionState, default=SubscriptionState.ACTIVE)
    gateway_id = models.CharField(max_length=64, blank=True)
    payment_profile = TenantForeignKey(
        PaymentProfile, on_delete=models.SET_NULL, null=True, blank=True, related_name="subscriptions"
    )
    started_at = models.DateTimeField()
    trial_end = models.DateTimeField(null=True)
    current_period_start = models.DateTimeField(null=True)
    current_period_end = models.DateTimeField(null=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    anchor_at = models.DateTimeField(null=True)
    next_period = models.PositiveIntegerField(default=0)
    next_billing_at = models.DateTimeField(null=True)
    billing_error = models.CharField(max_length=300, blank=True)
    billing_retry_at = models.DateTimeField(null=True)
    past_due_since = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    resumes_at = models.DateTimeField(null=True)
    cancel_at_period_end = models.BooleanField(default=False)
    cancel_reason = models.CharField(_("reason"), max_length=20, choices=CancelReason, blank=True)
    cancel_comment = models.CharField(_("comment"), max_length=400, blank=True)
    cancelled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="one_subscription_per_number"),
            models.UniqueConstraint(
                fields=["tenant", "gateway_id"], condition=~models.Q(gateway_id=""), name="one_subscription_per_gateway"
            ),
            models.CheckConstraint(condition=models.Q(quantity__gte=1), name="subscription_quantity_positive"),
        ]
        indexes = [
            models.Index(fields=["tenant", "state", "current_period_end"], name="subscription_due"),
            models.Index(
                fields=["tenant", "next_billing_at"],
                condition=models.Q(next_billing_at__isnull=False),
                name="subscription_billing",
            ),
        ]

    def __str__(self) -> str:
        return self.short_number

    @property
    def short_number(self) -> str:
        return written("subscription", self.number)

    @property
    def amount_minor(self) -> int:
        """What a period costs before tax, in minor units of `price.currency`."""
        return self.price.amount_minor * self.quantity

    @property
    def is_ending(self) -> bool:
        return self.cancel_at_period_end and self.state != SubscriptionState.CANCELLED
