"""Events that Stripe sends: https://docs.stripe.com/webhooks#verify-official-libraries"""

import json
from dataclasses import dataclass
from typing import Any

import stripe

#: Seconds by which an event's time stamp may differ from our clock.
TOLERANCE_SECONDS = 300


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
        event = json.loads(body)
    except (stripe.SignatureVerificationError, ValueError, TypeError) as error:  # TypeError: not ASCII
        raise BadSignature(type(error).__name__) from error
    if not isinstance(event, dict) or event.get("object") != "event" or not event.get("id"):
        raise BadSignature("The body is no event.")
    return SignedEvent(id=str(event["id"]), type=str(event.get("type", "")), payload=event)
