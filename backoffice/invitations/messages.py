"""The invitation's messages before it exists, exactly as the customer would get them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils import timezone

from customers.models import Customer
from invitations.models import Invitation
from invitations.services import message_context
from invitations.tokens import LENGTH
from messaging.models import Channel
from messaging.services import Rendered, Segments, count_segments, render
from payments.models import PaymentProfile
from tenants.models import InvitationLifetime, Tenant

#: As long as a real one, so that a text message's parts are counted rightly.
SAMPLE_TOKEN = "*" * LENGTH


@dataclass(frozen=True)
class MessagesPreview:
    """`query` asks for the same mail again, for the frame that shows it."""

    mail: Rendered
    text_message: str
    segments: Segments
    by_email: bool
    by_sms: bool
    query: str


def preview_messages(
    tenant: Tenant, customer: Customer, profile: PaymentProfile | None, values: dict[str, Any]
) -> MessagesPreview:
    """`values` as typed: lifetime_hours, language, channels; what makes no sense falls back to the defaults."""
    lifetime = _lifetime(values.get("lifetime_hours"), tenant)
    language = values.get("language")
    if language not in dict(settings.LANGUAGES):
        language = customer.language or tenant.language
    channels = values.get("channels") or []
    draft = Invitation(customer=customer, profile=profile, expires_at=timezone.now() + lifetime.delta)
    context = message_context(draft, f"{settings.BASE_URL}/i/{tenant.slug}/{SAMPLE_TOKEN}")
    text = render(Channel.SMS, "invitation", language, context).text
    query = {"lifetime_hours": lifetime.value, "language": language} | ({"profile": profile.pk} if profile else {})
    return MessagesPreview(
        mail=render(Channel.EMAIL, "invitation", language, context),
        text_message=text,
        segments=count_segments(text),
        by_email=Channel.EMAIL in channels,
        by_sms=Channel.SMS in channels,
        query=urlencode(query),
    )


def _lifetime(typed: Any, tenant: Tenant) -> InvitationLifetime:
    try:
        return InvitationLifetime(int(typed))
    except (TypeError, ValueError):
        return InvitationLifetime(tenant.invitation_lifetime)
