"""Customers and their addresses."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField
from phonenumber_field.modelfields import PhoneNumberField

from tenants.fields import TenantForeignKey, TenantModel
from tenants.numbers import written


class Notification(models.TextChoices):
    """Mails that customers may switch off; what they must know about their money is always sent."""

    RECEIPTS = "receipts", _("Receipts for payments")
    METHOD_UPDATES = "method_updates", _("Changes to payment methods")
    SUBSCRIPTION_CHANGES = "subscription_changes", _("Changes to subscriptions")


class Customer(TenantModel):
    """A person or company that a tenant bills. `number` is what people see: C-1042."""

    number = models.PositiveBigIntegerField(editable=False)
    first_name = models.CharField(_("first name"), max_length=80)
    last_name = models.CharField(_("last name"), max_length=80)
    email = models.EmailField(_("e-mail"), blank=True)
    email_normalized = models.CharField(max_length=254, blank=True, editable=False)
    cc_emails = ArrayField(models.EmailField(), verbose_name=_("CC e-mails"), default=list, blank=True)
    organisation = models.CharField(_("organisation"), max_length=160, blank=True)
    phone = PhoneNumberField(_("phone"), blank=True)
    reference = models.CharField(_("reference ID"), max_length=80, blank=True)
    external_user_id = models.CharField(_("external user ID"), max_length=80, blank=True)
    vat_number = models.CharField(_("VAT number"), max_length=32, blank=True)
    tax_exempt = models.BooleanField(_("tax exempt"), default=False)
    language = models.CharField(_("language"), max_length=8, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    avatar = models.ImageField(_("picture"), upload_to="avatars/", blank=True)
    muted_mails = ArrayField(models.CharField(max_length=30, choices=Notification), default=list, blank=True)
    created_at = models.DateTimeField(_("customer since"), auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="one_customer_per_number"),
            models.UniqueConstraint(
                fields=["tenant", "reference"], condition=~models.Q(reference=""), name="one_customer_per_reference"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "email_normalized"], name="customer_email"),
            models.Index(fields=["tenant", "last_name", "first_name", "id"], name="customer_name"),
            models.Index(fields=["tenant", "-created_at", "id"], name="customer_newest"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.organisation or self.email

    @property
    def short_number(self) -> str:
        return written("customer", self.number)


class AddressKind(models.TextChoices):
    BILLING = "billing", _("Billing address")
    SHIPPING = "shipping", _("Shipping address")


class Address(TenantModel):
    """A customer's postal address, in the country's own form; `region` is the province or state code."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="addresses")
    kind = models.CharField(max_length=10, choices=AddressKind)
    line1 = models.CharField(_("address"), max_length=160, blank=True)
    line2 = models.CharField(_("apartment, suite"), max_length=160, blank=True)
    city = models.CharField(_("city"), max_length=80, blank=True)
    region = models.CharField(_("region"), max_length=80, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    country = CountryField(_("country"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "customer", "kind"], name="one_address_per_kind"),
        ]

    def __str__(self) -> str:
        return ", ".join(part for part in (self.line1, self.line2, self.city, self.postal_code) if part)


class SocialProfile(TenantModel):
    """What customers tell about themselves, where the tenant asks. `usernames` maps a network to the name there."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="social_profiles")
    bio = models.TextField(_("about you"), max_length=600, blank=True)
    location = models.CharField(_("location"), max_length=120, blank=True)
    usernames = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "customer"], name="one_social_profile")]

    def __str__(self) -> str:
        return self.location


class EmailChange(TenantModel):
    """A new address that a customer has asked for; it counts once it is confirmed from there. It stores no secret."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="email_changes")
    email = models.EmailField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "customer"],
                condition=models.Q(confirmed_at=None, withdrawn_at=None),
                name="one_open_email_change",
            )
        ]

    def __str__(self) -> str:
        return self.email


__all__ = ["Address", "AddressKind", "Customer", "EmailChange", "Notification", "SocialProfile"]


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
