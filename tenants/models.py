"""Tenants, their staff, and the audit log. Tenant and User are the two tables outside any tenant's scope."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
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


class Tenant(models.Model):
    """A company with subscribers."""

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)
    slug = models.SlugField(_("short name in addresses"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    logo = models.ImageField(_("logo"), upload_to="logos/", blank=True)
    primary_colour = models.CharField(_("main colour"), max_length=7, default="#206bc4")
    country = CountryField(_("default country"), default="CA")
    currency = models.CharField(_("default currency"), max_length=3, default="CAD")
    language = models.CharField(_("language"), max_length=8, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    default_tax_percent = models.DecimalField(_("tax (%)"), max_digits=7, decimal_places=4, default=0)
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
    "InvitationLifetime",
    "Membership",
    "NumberSequence",
    "Role",
    "StaffInvitation",
    "Tenant",
    "TenantForeignKey",
    "TenantModel",
    "User",
]
