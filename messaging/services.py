"""Putting messages into the outbox. What is queued is already rendered, but for its attachments; `messaging.sending`
makes those and sends it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Model

from messaging.attachments import Attached
from messaging.models import Channel, Message
from messaging.rendering import Rendered, render
from messaging.segments import Segments, count_segments
from messaging.tasks import send_due
from tenants.actors import Actor
from tenants.audit import record
from tenants.wake import wake

__all__ = ["Rendered", "Segments", "count_segments", "put_in_outbox", "queue_email", "queue_sms", "render"]


def queue_email(
    *,
    template: str,
    language: str,
    to: str,
    context: dict[str, Any],
    actor: Actor | None = None,
    cc: Sequence[str] = (),
    customer_id: UUID | None = None,
    about: Model | None = None,
    attachments: Sequence[Attached] = (),
) -> Message:
    """Queue an e-mail in the open scope. `about` is the row whose package is told of its delivery.

    `attachments` name what is attached when it is sent; see `messaging.attachments`.

    With `actor`, an audit row says who queued it. Raises MessageError when the template lacks a value, and whatever
    the template itself raises: a message that cannot be written is not queued.
    """
    rendered = render(Channel.EMAIL, template, language, context)
    return put_in_outbox(
        Message(
            channel=Channel.EMAIL,
            to=to,
            cc=list(cc),
            template=template,
            language=language,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            attachments=list(attachments),
        ),
        actor=actor,
        customer_id=customer_id,
        about=about,
    )


def queue_sms(
    *,
    template: str,
    language: str,
    to: str,
    context: dict[str, Any],
    actor: Actor | None = None,
    customer_id: UUID | None = None,
    about: Model | None = None,
) -> Message:
    """Queue a text message to an E.164 number in the open scope; otherwise as `queue_email`."""
    text = render(Channel.SMS, template, language, context).text
    return put_in_outbox(
        Message(
            channel=Channel.SMS,
            to=to,
            template=template,
            language=language,
            text=text,
            segments=count_segments(text).count,
        ),
        actor=actor,
        customer_id=customer_id,
        about=about,
    )


def put_in_outbox(
    message: Message, *, actor: Actor | None, customer_id: UUID | None = None, about: Model | None = None
) -> Message:
    """Keep a rendered message and wake a worker to send it."""
    message.customer_id = customer_id
    if about is not None:
        message.about_type, message.about_id = about._meta.label_lower, about.pk
    message.save(force_insert=True)
    if actor is not None:
        record(
            actor=actor,
            action="message.queued",
            target=message,
            after={"template": message.template, "channel": message.channel, "to": message.to},
            customer_id=customer_id,
        )
    wake(send_due, message.tenant_id)
    return message
