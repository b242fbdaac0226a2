"""Events that Stripe sends: https://docs.stripe.com/webhooks#verify-official-libraries"""

import json
from dataclasses import dataclass
from typing import Any

import stripe

#: Seconds by which an event's time stamp may differ from our clock.
TOLERANCE_SECONDS = 300
#: Characters that an event's id and type may have; the gateway's own stay far below.
ID_LENGTH, TYPE_LENGTH = 64, 80


class BadSignature(Exception):
    """The event does not come from the gateway, is too old, or is no event."""


@dataclass(frozen=True)
class SignedEvent:
    """`payload` is the event as sent."""

    id: str
    type: str
    payload: dict[str, Any]


def read_signed_event(body: bytes, signature: str, secret: str) -> SignedEvent:
    """The event in a webhook's body. Raises BadSignature."""
    if not secret:
        raise BadSignature("The account has no signing secret.")
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS)
        event = _storable(json.loads(body, parse_constant=_refuse_constant))
    except (stripe.SignatureVerificationError, ValueError, TypeError, RecursionError) as error:  # TypeError: not ASCII
        raise BadSignature(type(error).__name__) from error
    if not isinstance(event, dict) or event.get("object") != "event":
        raise BadSignature("The body is no event.")
    event_id, kind = event.get("id"), event.get("type") or ""
    if not _is_name(event_id, ID_LENGTH) or not event_id or not _is_name(kind, TYPE_LENGTH):
        raise BadSignature("The event has no name that we know.")
    return SignedEvent(id=event_id, type=kind, payload=event)


def _refuse_constant(name: str) -> None:
    """NaN and the infinities, which JSON itself does not know."""
    raise ValueError(name)


def _is_name(value: Any, length: int) -> bool:
    return isinstance(value, str) and len(value) <= length


def _storable(value: Any) -> Any:
    """The same without what JSON may spell and PostgreSQL cannot hold: NUL, and halves of surrogate pairs."""
    if isinstance(value, dict):
        return {_storable(name): _storable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="replace").decode()
    return value
