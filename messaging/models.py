"""The outbox: every e-mail and text message, and what became of it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.fields import TenantForeignKey, TenantModel


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")


class MessageState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    BOUNCED = "bounced", _("Bounced")
    FAILED = "failed", _("Failed")


class Message(TenantModel):
    """One message to one recipient, rendered when it was queued.

    `about_type`/`about_id` name the row that it is about (`invitations.invitation`), told of delivery by the listener
    that the package registered; `customer_id` puts it on the customer's timeline. `segments` counts SMS parts.
    `attachments` name what is attached when it is sent: see `messaging.attachments`.
    """

    channel = models.CharField(max_length=5, choices=Channel)
    template = models.CharField(max_length=60)
    language = models.CharField(max_length=8)
    to = models.CharField(max_length=254)
    cc = ArrayField(models.EmailField(), default=list, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    html = models.TextField(blank=True)
    attachments = models.JSONField(default=list)
    segments = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=MessageState, default=MessageState.QUEUED)
    provider_id = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True)
    customer_id = models.UUIDField(null=True)
    about_type = models.CharField(max_length=40, blank=True)
    about_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["tenant", "due_at"], condition=models.Q(state=MessageState.QUEUED), name="message_due"
            ),
            models.Index(fields=["tenant", "customer_id", "-created_at"], name="message_customer"),
            models.Index(fields=["tenant", "about_id"], name="message_about"),
            models.Index(fields=["tenant", "provider_id"], name="message_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.template} to {self.to}"


class DeliveryEvent(TenantModel):
    """What the mail or SMS provider told of a message; `provider_event_id` makes a repeated telling harmless."""

    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20)
    detail = models.CharField(max_length=300, blank=True)
    provider_event_id = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "message", "provider_event_id"], name="one_delivery_event"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}"


class MessageTemplate(TenantModel):
    """A tenant's own words for one kind of e-mail in one language: Markdown with merge fields in `{{ }}`."""

    name = models.CharField(max_length=60)
    language = models.CharField(max_length=8)
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"), max_length=20000)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name", "language"], name="one_template_per_language")]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"
