"""Delivery events from the mail provider, as Anymail's webhook views understand and verify them."""

from typing import Any
from uuid import UUID

import structlog
from anymail.signals import EventType, tracking
from django.dispatch import receiver

from messaging.delivery import BOUNCED, COMPLAINED, DELIVERED, record_delivery
from messaging.models import Message
from tenants.scope import tenant_scope

log = structlog.get_logger(__name__)

KINDS = {
    EventType.DELIVERED: DELIVERED,
    EventType.BOUNCED: BOUNCED,
    EventType.REJECTED: BOUNCED,
    EventType.FAILED: BOUNCED,
    EventType.COMPLAINED: COMPLAINED,
}


@receiver(tracking, dispatch_uid="messaging.record_tracking_event")
def record_tracking_event(sender: Any, event: Any, esp_name: str, **kwargs: Any) -> None:
    """Find the message by the metadata that we sent along, and keep the event; unknown ones are none of ours."""
    try:
        tenant_id, message_id = (
            UUID(part.strip()) for part in str((event.metadata or {}).get("message", "")).split(":")
        )
    except ValueError:
        log.info("tracking_event_of_nobody", provider=esp_name, kind=event.event_type)
        return
    with tenant_scope(tenant_id):
        message = Message.objects.filter(pk=message_id).first()
        if message is None:
            log.info("tracking_event_of_nobody", provider=esp_name, kind=event.event_type)
            return
        moment = event.timestamp.isoformat() if event.timestamp else ""
        record_delivery(
            message,
            kind=KINDS.get(event.event_type, event.event_type),
            event_id=f"{event.event_type}:{event.event_id or moment}:{event.recipient or ''}",
            detail=event.description or event.mta_response or "",
            at=event.timestamp,
            recipient=event.recipient or "",
        )
