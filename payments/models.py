"""Gateway accounts, payment profiles, card entries under way, and the gateway's events."""

from datetime import date

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from tenants.fields import EncryptedTextField, TenantForeignKey, TenantModel
from tenants.models import MethodKind


class GatewayAccount(TenantModel):
    """A tenant's own account at the gateway. `tested_at` is when its keys last answered."""

    account_id = models.CharField(max_length=64)
    publishable_key = models.CharField(_("publishable key"), max_length=255)
    secret_key = EncryptedTextField(_("secret key"))
    webhook_endpoint_id = models.CharField(max_length=64, blank=True)
    webhook_secret = EncryptedTextField(_("webhook signing secret"), blank=True)
    tested_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="one_gateway_account")]

    def __str__(self) -> str:
        return self.account_id


class GatewayCustomer(TenantModel):
    """The gateway's record of a customer."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="gateway_customers")
    gateway_id = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "customer"], name="one_gateway_customer"),
            models.UniqueConstraint(fields=["tenant", "gateway_id"], name="one_customer_per_gateway_id"),
        ]

    def __str__(self) -> str:
        return self.gateway_id


class ProfileState(models.TextChoices):
    PENDING = "pending", _("Being verified")
    ACTIVE = "active", _("Active")
    DISABLED = "disabled", _("Disabled")
    REPLACED = "replaced", _("Replaced")
    REMOVED = "removed", _("Removed")


class PaymentProfile(TenantModel):
    """A payment method on file: what the gateway tells of it, never its number.

    `kind` is the gateway's word (tenants.models.MethodKind); of a bank account `brand` is the bank's name.
    `state` is PENDING until a bank account is verified; ACTIVE while it can be charged; DISABLED when the gateway no
    longer knows it; REPLACED once a newer one took its place (`replaced_by`); REMOVED when deleted. The default pays
    what nothing is pinned to; the backup is charged when neither can be. `exp_month`/`exp_year` are a card's last valid
    month; `network_updated_at`, when the card network's updater last changed it. `verification_url` is the gateway's
    page on which the holder verifies the account while it is PENDING.
    """

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="payment_profiles")
    kind = models.CharField(max_length=20, choices=MethodKind, default=MethodKind.CARD)
    gateway_id = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64, blank=True)
    brand = models.CharField(max_length=60)
    last4 = models.CharField(max_length=4)
    exp_month = models.PositiveSmallIntegerField(null=True)
    exp_year = models.PositiveSmallIntegerField(null=True)
    holder_name = models.CharField(_("card holder"), max_length=160, blank=True)
    billing_address = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=ProfileState, default=ProfileState.ACTIVE)
    disabled_reason = models.CharField(max_length=200, blank=True)
    is_default = models.BooleanField(default=False)
    is_backup = models.BooleanField(default=False)
    network_updated_at = models.DateTimeField(null=True)
    verification_url = models.URLField(max_length=500, blank=True)
    replaced_by = TenantForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="replaces")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "gateway_id"], name="one_profile_per_gateway_id"),
            models.UniqueConstraint(
                fields=["tenant", "customer"], condition=models.Q(is_default=True), name="one_default_profile"
            ),
            models.UniqueConstraint(
                fields=["tenant", "customer"], condition=models.Q(is_backup=True), name="one_backup_profile"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "last4"], name="profile_last4")]

    def __str__(self) -> str:
        return f"{self.brand_name} •••• {self.last4}"

    @property
    def brand_name(self) -> str:
        """The card's brand or the account's bank, as people write it."""
        if self.kind == MethodKind.SEPA_DEBIT:
            return "SEPA"
        if self.kind == MethodKind.US_BANK_ACCOUNT:
            return self.brand.title() or gettext("US bank account")
        return self.brand.title()

    def expires_on(self) -> date | None:
        """The first day on which the card is no longer valid."""
        if not (self.exp_year and self.exp_month):
            return None
        return date(self.exp_year + self.exp_month // 12, self.exp_month % 12 + 1, 1)

    @property
    def is_expired(self) -> bool:
        end = self.expires_on()
        return end is not None and timezone.localdate() >= end

    @property
    def disabled_because(self) -> str:
        """Why it is disabled, in the reader's language; it is kept in English."""
        return gettext(self.disabled_reason) if self.disabled_reason else ""

    @property
    def display_state(self) -> str:
        """The state as people see it: an active card may be `expired`, or `expiring` within 45 days."""
        end = self.expires_on()
        if self.state != ProfileState.ACTIVE or end is None:
            return self.state
        days = (end - timezone.localdate()).days
        return "expired" if days <= 0 else "expiring" if days <= 45 else self.state


class SetupState(models.TextChoices):
    OPEN = "open", _("Open")
    VERIFYING = "verifying", _("Being verified")
    COMPLETED = "completed", _("Completed")
    DISCARDED = "discarded", _("Discarded")
    CANCELED = "canceled", _("Cancelled")


class CardSetup(TenantModel):
    """One card entry under way: a SetupIntent at the gateway, and what is to be done when it succeeds.

    `purpose` names the door (`invitation`, `backoffice`, `portal`) and `purpose_id` its row, if any. `replaces` is the
    profile that the new card is to take the place of. `billing_details` are the holder's name and address as typed.
    `consent` lists the ids of the `subscriptions` and `invoices` that are to move, where the customer was asked; None:
    all. It is VERIFYING while a bank account waits for its micro-deposits.
    `failed_attempts` are the gateway's ids of the tries that failed; `failures` is their number.
    """

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="card_setups")
    gateway_id = models.CharField(max_length=64)
    purpose = models.CharField(max_length=12)
    purpose_id = models.UUIDField(null=True)
    replaces = TenantForeignKey(PaymentProfile, on_delete=models.SET_NULL, null=True, related_name="+")
    make_default = models.BooleanField(default=True)
    billing_details = models.JSONField(default=dict)
    consent = models.JSONField(null=True)
    state = models.CharField(max_length=10, choices=SetupState, default=SetupState.OPEN)
    ip = models.GenericIPAddressField(null=True)
    failed_attempts = models.JSONField(default=list)
    failures = models.PositiveSmallIntegerField(default=0)
    last_decline = models.CharField(max_length=64, blank=True)
    profile = TenantForeignKey(PaymentProfile, on_delete=models.SET_NULL, null=True, related_name="+")
    change_id = models.UUIDField(null=True)
    actor = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "gateway_id"], name="one_setup_per_gateway_id")]
        indexes = [
            models.Index(fields=["tenant", "state", "created_at"], name="setup_open"),
            models.Index(fields=["tenant", "purpose_id"], name="setup_purpose"),
            models.Index(fields=["tenant", "ip", "created_at"], name="setup_ip"),
        ]

    def __str__(self) -> str:
        return self.gateway_id


class EventState(models.TextChoices):
    RECEIVED = "received", _("Received")
    PROCESSED = "processed", _("Processed")
    IGNORED = "ignored", _("Ignored")
    FAILED = "failed", _("Failed")


class GatewayEvent(TenantModel):
    """An event as the gateway sent it: stored before it is processed, once by its id."""

    gateway_id = models.CharField(max_length=64)
    type = models.CharField(max_length=80)
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=EventState, default=EventState.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "gateway_id"], name="one_event_per_gateway_id")]
        indexes = [
            models.Index(fields=["tenant", "due_at"], condition=models.Q(state=EventState.RECEIVED), name="event_due"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.gateway_id}"
