"""Invitations: a link by which one customer may put in one payment method, once."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

from customers.models import Customer
from messaging.models import Channel
from payments.models import PaymentProfile
from tenants.fields import TenantForeignKey, TenantModel
from tenants.models import InvitationLifetime, User
from tenants.numbers import written


class InvitationState(models.TextChoices):
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    BOUNCED = "bounced", _("Bounced")
    OPENED = "opened", _("Opened")
    COMPLETED = "completed", _("Completed")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


#: An invitation in one of these states can still be used (until `expires_at`).
OPEN_STATES = (
    InvitationState.SENT,
    InvitationState.DELIVERED,
    InvitationState.BOUNCED,
    InvitationState.OPENED,
)


class Invitation(TenantModel):
    """One invitation. `profile` is the method to be replaced; empty means that the first one is to be added.

    The link holds no stored secret: it is the signed id. `change_id` is the change that used it up.
    """

    number = models.PositiveBigIntegerField(editable=False)
    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="invitations")
    profile = TenantForeignKey(PaymentProfile, on_delete=models.SET_NULL, null=True, related_name="invitations")
    state = models.CharField(max_length=10, choices=InvitationState, default=InvitationState.SENT)
    channels = ArrayField(models.CharField(max_length=5, choices=Channel))
    email = models.EmailField(_("e-mail"), blank=True)
    phone = PhoneNumberField(_("phone"), blank=True)
    language = models.CharField(max_length=8)
    lifetime_hours = models.PositiveSmallIntegerField(choices=InvitationLifetime)
    expires_at = models.DateTimeField()
    sent_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    sent_by_label = models.CharField(max_length=160)
    sends = models.PositiveSmallIntegerField(default=1)
    last_sent_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    replaced_by = TenantForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="replaces")
    change_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="one_invitation_per_number"),
            models.UniqueConstraint(
                fields=["tenant", "customer"],
                condition=models.Q(state__in=["sent", "delivered", "bounced", "opened"]),
                name="one_open_invitation_per_customer",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "state", "-number"], name="invitation_state"),
            models.Index(fields=["tenant", "expires_at"], name="invitation_expiry"),
        ]

    def __str__(self) -> str:
        return self.short_number

    @property
    def short_number(self) -> str:
        return written("invitation", self.number)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES and self.expires_at > timezone.now()

    @property
    def display_state(self) -> str:
        """The state as people see it: past its time it has expired, whether or not the sweep has come by."""
        past = self.state in OPEN_STATES and self.expires_at <= timezone.now()
        return InvitationState.EXPIRED if past else self.state
