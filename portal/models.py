"""Customers' own sign-in, apart from staff's, and their way through the subscribe funnel."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from payments.models import CardSetup
from subscriptions.models import Price, Subscription
from tenants.fields import TenantForeignKey, TenantModel


class PortalPassword(TenantModel):
    """The password that a customer has set, hashed as Django hashes staff's."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="portal_passwords")
    password = models.CharField(max_length=255)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "customer"], name="one_portal_password")]

    def __str__(self) -> str:
        return str(self.customer_id)


class PortalSession(TenantModel):
    """One signed-in browser. `key_hash` is the SHA-256 of what its cookie holds."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="portal_sessions")
    key_hash = models.CharField(max_length=64)
    signed_in_by = models.CharField(max_length=10)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "key_hash"], name="one_session_per_key")]

    def __str__(self) -> str:
        return self.user_agent


class SignInCode(TenantModel):
    """A one-time code, and link, sent to an address. Only its hash is kept; `tries` counts the wrong ones."""

    email_normalized = models.CharField(max_length=254)
    code_hash = models.CharField(max_length=128)
    tries = models.PositiveSmallIntegerField(default=0)
    ip = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "email_normalized", "-created_at"], name="sign_in_code_newest")]

    def __str__(self) -> str:
        return str(self.pk)


class CheckoutState(models.TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    ABANDONED = "abandoned", _("Abandoned")


class Checkout(TenantModel):
    """A customer's way through the subscribe funnel: one offer, bought once however often it is finished."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="checkouts")
    price = TenantForeignKey(Price, on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=CheckoutState, default=CheckoutState.OPEN)
    setup = TenantForeignKey(CardSetup, on_delete=models.SET_NULL, null=True, related_name="+")
    subscription = TenantForeignKey(Subscription, on_delete=models.SET_NULL, null=True, related_name="+")
    invoice_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)
