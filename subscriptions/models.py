"""Products, prices, subscriptions and invoices."""

from django.db import models
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from payments.models import PaymentProfile
from tenants.fields import TenantForeignKey, TenantModel
from tenants.numbers import written


class Product(TenantModel):
    """Something sold. The French name may be empty; then the English one is shown."""

    name_en = models.CharField(_("name (English)"), max_length=120)
    name_fr = models.CharField(_("name (French)"), max_length=120, blank=True)
    gateway_id = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name_en",)

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.name_fr if (get_language() or "").startswith("fr") and self.name_fr else self.name_en


class Interval(models.TextChoices):
    ONE_TIME = "one_time", _("One-time")
    DAY = "day", _("Day")
    WEEK = "week", _("Week")
    MONTH = "month", _("Month")
    YEAR = "year", _("Year")


class Price(TenantModel):
    """An amount, in minor units of `currency`, charged every `interval_count` intervals, or once."""

    product = TenantForeignKey(Product, on_delete=models.CASCADE, related_name="prices")
    amount_minor = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    interval = models.CharField(_("interval"), max_length=8, choices=Interval, default=Interval.MONTH)
    interval_count = models.PositiveSmallIntegerField(_("every"), default=1)
    trial_days = models.PositiveSmallIntegerField(_("trial days"), default=0)
    gateway_id = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gte=0), name="price_not_negative"),
            models.CheckConstraint(condition=models.Q(interval_count__gte=1), name="price_interval_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.product.name_en} {self.amount_minor} {self.currency}/{self.interval}"


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


class Subscription(TenantModel):
    """A customer's subscription, billed by us through the gateway, or mirrored from the gateway's own billing.

    `payment_profile` is the profile pinned to it; empty means that the customer's default pays.
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
    cancel_at_period_end = models.BooleanField(default=False)
    cancelled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="one_subscription_per_number"),
            models.UniqueConstraint(
                fields=["tenant", "gateway_id"], condition=~models.Q(gateway_id=""), name="one_subscription_per_gateway"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "state", "current_period_end"], name="subscription_due")]

    def __str__(self) -> str:
        return self.short_number

    @property
    def short_number(self) -> str:
        return written("subscription", self.number)

    @property
    def amount_minor(self) -> int:
        """What a period costs before tax, in minor units of `price.currency`."""
        return self.price.amount_minor * self.quantity


class InvoiceState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    OPEN = "open", _("Open")
    PAID = "paid", _("Paid")
    VOID = "void", _("Void")
    UNCOLLECTIBLE = "uncollectible", _("Uncollectible")


class Invoice(TenantModel):
    """What a customer owes, in minor units of `currency`. Past due = OPEN after `due_at`.

    `payment_profile` is the profile last tried; `gateway_id` the gateway's invoice, where it bills;
    `gateway_payment_id` the payment that settled it.
    """

    number = models.PositiveBigIntegerField(editable=False)
    customer = TenantForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, null=True, related_name="invoices")
    state = models.CharField(max_length=14, choices=InvoiceState, default=InvoiceState.OPEN)
    total_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    issued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)
    payment_profile = TenantForeignKey(
        PaymentProfile, on_delete=models.SET_NULL, null=True, blank=True, related_name="invoices"
    )
    gateway_id = models.CharField(max_length=64, blank=True)
    gateway_payment_id = models.CharField(max_length=64, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    paid_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="one_invoice_per_number"),
            models.UniqueConstraint(
                fields=["tenant", "gateway_id"], condition=~models.Q(gateway_id=""), name="one_invoice_per_gateway"
            ),
            models.CheckConstraint(condition=models.Q(total_minor__gte=0), name="invoice_not_negative"),
        ]
        indexes = [models.Index(fields=["tenant", "state", "due_at"], name="invoice_due")]

    def __str__(self) -> str:
        return self.short_number

    @property
    def short_number(self) -> str:
        return written("invoice", self.number)

    @property
    def is_past_due(self) -> bool:
        return self.state == InvoiceState.OPEN and self.due_at <= timezone.now()

    @property
    def display_state(self) -> str:
        return "past_due" if self.is_past_due else self.state
