"""What became of a message: told by its provider, kept once, and passed on to the package that it is about."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from messaging.models import DeliveryEvent, Message, MessageState

type Listener = Callable[[Message, str], None]

DELIVERED, BOUNCED, COMPLAINED, FAILED = "delivered", "bounced", "complained", "failed"

#: Which states a telling may change, and into what. A message never becomes "delivered" after it bounced.
MOVES = {
    DELIVERED: ((MessageState.QUEUED, MessageState.SENT), MessageState.DELIVERED),
    BOUNCED: ((MessageState.QUEUED, MessageState.SENT, MessageState.DELIVERED), MessageState.BOUNCED),
    FAILED: ((MessageState.QUEUED, MessageState.SENT), MessageState.FAILED),
}
_listeners: dict[str, Listener] = {}


def register_listener(about_type: str, listener: Listener) -> None:
    """Have `listener(message, kind)` called, in the scope's transaction, for messages about `<app>.<model>`.

    `kind` is delivered, bounced, complained or failed. Each is told once.
    """
    _listeners[about_type] = listener


def record_delivery(
    message: Message, *, kind: str, event_id: str, detail: str = "", at: datetime | None = None, recipient: str = ""
) -> bool:
    """Keep a provider's telling in the open scope; false when it was told before.

    `kind` is one of ours, or any other word of the provider, which is kept without further effect. `recipient` tells
    a copy's fate from the message's own: only the latter changes the message.
    """
    try:
        with transaction.atomic():
            DeliveryEvent.objects.create(
                message=message,
                kind=kind[:20],
                detail=detail.replace("\x00", "")[:300],
                provider_event_id=event_id[:200],
                at=at or timezone.now(),
            )
    except IntegrityError:
        return False
    if not recipient or recipient.lower() == message.to.lower():
        _apply(message, kind, detail)
    return True


def _apply(message: Message, kind: str, detail: str) -> None:
    if kind in MOVES:
        before, after = MOVES[kind]
        values: dict[str, Any] = {"state": after}
        if kind == DELIVERED:
            values["delivered_at"] = timezone.now()
        else:
            values["error"] = detail.replace("\x00", "")[:300]
        if not Message.objects.filter(pk=message.pk, state__in=before).update(**values):
            return
        message.refresh_from_db()
    elif kind != COMPLAINED:
        return
    tell_listener(message, kind)


def tell_listener(message: Message, kind: str) -> None:
    listener = _listeners.get(message.about_type)
    if listener is not None:
        listener(message, kind)
