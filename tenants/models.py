"""Tenants, their staff, and the audit log. Tenant and User are the two tables outside any tenant's scope."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import UUID7
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField
from phonenumber_field.modelfields import PhoneNumberField

from tenants.fields import TenantForeignKey, TenantModel


class InvitationLifetime(models.IntegerChoices):
    """How long an invitation link lives, in hours."""

    HOUR = 1, _("1 hour")
    DAY = 24, _("24 hours")
    THREE_DAYS = 72, _("3 days")
    WEEK = 168, _("7 days")
    MONTH = 720, _("30 days")

    @property
    def delta(self) -> timedelta:
        return timedelta(hours=self.value)


class DunningOutcome(models.TextChoices):
    """What becomes of a subscription when every retry has failed."""

    CANCEL = "cancel", _("Cancel the subscription")
    UNPAID = "unpaid", _("Mark it unpaid: no new invoices until it is paid up")
    KEEP = "keep", _("Leave it past due")


class PortalCancellation(models.TextChoices):
    """Whether customers may cancel in the portal, and when that takes effect."""

    PERIOD_END = "period_end", _("At the end of the period")
    NOW = "now", _("At once")
    NO = "no", _("Not in the portal")


class MethodKind(models.TextChoices):
    """Kinds of payment method, as the gateway names them."""

    CARD = "card", _("Cards")
    SEPA_DEBIT = "sepa_debit", _("SEPA direct debit")
    US_BANK_ACCOUNT = "us_bank_account", _("US bank accounts (ACH)")


def default_retry_days() -> list[int]:
    return [1, 3, 5, 7]


def default_method_kinds() -> list[str]:
    return [str(MethodKind.CARD)]


class Tenant(models.Model):
    """A company with subscribers.

    `dunning_retry_days`: days after the first failure on which an invoice is charged again, ascending.
    `invoice_*` and `legal_*` are printed on invoices; `portal_css` is stored sanitised.
    """

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)
    slug = models.SlugField(_("short name in addresses"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    logo = models.ImageField(_("logo"), upload_to="logos/", blank=True)
    primary_colour = models.CharField(_("main colour"), max_length=7, default="#206bc4")
    country = CountryField(_("default country"), default="CA")
    currency = models.CharField(_("default currency"), max_length=3, default="CAD")
    language = models.CharField(_("language"), max_length=8, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    invitation_lifetime = models.PositiveSmallIntegerField(
        _("invitation links live for"), choices=InvitationLifetime, default=InvitationLifetime.THREE_DAYS
    )
    invite_by_email = models.BooleanField(_("invite by e-mail"), default=True)
    invite_by_sms = models.BooleanField(_("invite by SMS"), default=False)
    sender_name = models.CharField(_("sender's name"), max_length=120, blank=True)
    sender_email = models.EmailField(_("sender's address"), blank=True)
    reply_to_email = models.EmailField(_("replies go to"), blank=True)
    sms_sender = models.CharField(_("SMS sender"), max_length=20, blank=True)
    care_email = models.EmailField(_("customer care e-mail"), blank=True)
    care_phone = PhoneNumberField(_("customer care phone"), blank=True)
    care_text = models.CharField(_("customer care hours or note"), max_length=200, blank=True)
    legal_name = models.CharField(_("legal name"), max_length=160, blank=True)
    legal_address = models.TextField(_("address on invoices"), max_length=400, blank=True)
    tax_numbers = models.CharField(_("tax numbers on invoices"), max_length=160, blank=True)
    invoice_note_en = models.CharField(_("note on invoices (English)"), max_length=300, blank=True)
    invoice_note_fr = models.CharField(_("note on invoices (French)"), max_length=300, blank=True)
    payment_terms_days = models.PositiveSmallIntegerField(_("days to pay"), default=0)
    method_kinds = ArrayField(
        models.CharField(max_length=20, choices=MethodKind),
        verbose_name=_("payment methods"),
        default=default_method_kinds,
    )
    dunning_retry_days = ArrayField(
        models.PositiveSmallIntegerField(), verbose_name=_("charge again after (days)"), default=default_retry_days
    )
    dunning_invites = models.BooleanField(_("send an invitation when a renewal fails"), default=True)
    dunning_outcome = models.CharField(
        _("when every retry has failed"), max_length=8, choices=DunningOutcome, default=DunningOutcome.CANCEL
    )
    ask_consent = models.BooleanField(_("let customers choose what moves to a new method"), default=False)
    portal_shows_payment = models.BooleanField(_("show payment methods"), default=True)
    portal_shows_offers = models.BooleanField(_("show offers"), default=True)
    portal_shows_social = models.BooleanField(_("show the social profile"), default=False)
    portal_cancellation = models.CharField(
        _("cancellation"), max_length=10, choices=PortalCancellation, default=PortalCancellation.PERIOD_END
    )
    portal_css = models.TextField(_("own style (CSS)"), max_length=20000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who works for one or more tenants."""

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)
    email = models.EmailField(_("e-mail"), unique=True)
    full_name = models.CharField(_("name"), max_length=120)
    language = models.CharField(_("language"), max_length=8, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]
    objects = UserManager()

    def __str__(self) -> str:
        return self.full_name or self.email

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name.split(" ")[0] or self.email


class Role(models.TextChoices):
    """What a staff member may do; each may do all that the ones before it may."""

    READ_ONLY = "read_only", _("Read-only")
    AGENT = "agent", _("Agent")
    MANAGER = "manager", _("Manager")
    OWNER = "owner", _("Owner")

    @property
    def rank(self) -> int:
        return list(Role).index(self)


class Membership(TenantModel):
    """A staff member's place in one tenant."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=12, choices=Role, default=Role.AGENT)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="one_membership_per_user")]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class StaffInvitation(TenantModel):
    """An open offer, by e-mail, to join a tenant's staff. It stores no secret: the link is signed."""

    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=12, choices=Role, default=Role.AGENT)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_open_staff_invitation",
            )
        ]

    def __str__(self) -> str:
        return self.email


class NumberSequence(TenantModel):
    """The last short number given out, per tenant and kind of thing."""

    name = models.CharField(max_length=30)
    last = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_sequence_per_name")]

    def __str__(self) -> str:
        return f"{self.name}: {self.last}"


class AuditEntry(TenantModel):
    """Who did what to which thing, when and why, with what changed. Append-only; the database refuses the rest."""

    at = models.DateTimeField(auto_now_add=True)
    actor_kind = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=160)
    ip = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=60)
    target_type = models.CharField(max_length=40)
    target_id = models.UUIDField()
    target_label = models.CharField(max_length=160)
    customer_id = models.UUIDField(null=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-at"], name="audit_newest"),
            models.Index(fields=["tenant", "target_type", "target_id"], name="audit_target"),
            models.Index(fields=["tenant", "customer_id", "-at"], name="audit_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label}: {self.action} {self.target_label}"


__all__ = [
    "AuditEntry",
    "DunningOutcome",
    "InvitationLifetime",
    "Membership",
    "MethodKind",
    "NumberSequence",
    "PortalCancellation",
    "Role",
    "StaffInvitation",
    "Tenant",
    "TenantForeignKey",
    "TenantModel",
    "User",
]
