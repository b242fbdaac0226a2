"""The gateway's events: stored once, before anything else; then processed, in any order, by reading what they concern.

https://docs.stripe.com/webhooks: events come late, twice and out of order, so a handler takes an event as a hint that
an object has changed, fetches the object, and trusts that.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from payments.gateway.errors import GatewayError
from payments.gateway.stripe_adapter import SignedEvent
from payments.models import EventState, GatewayEvent
from tenants.actors import Actor
from tenants.audit import record
from tenants.scope import tenant_scope
from tenants.wake import wake

log = structlog.get_logger(__name__)

#: Runs outside any transaction, may run more than once for an event, and opens the scopes that it needs.
type Handler = Callable[[UUID, GatewayEvent], None]

MAX_ATTEMPTS = 10
#: How long a worker may take over one event before another takes it up.
LEASE = timedelta(seconds=90)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 3600.0
#: What must not be kept, wherever in an event it stands.
_SECRET_NAMES = frozenset({"client_secret", "secret"})

#: How the idempotency keys begin of a change's steps, of collecting an invoice, and of giving money back.
OUR_KEYS = ("step-", "charge-", "refund-")

_handlers: dict[str, list[Handler]] = defaultdict(list)


def on_event(*types: str) -> Callable[[Handler], Handler]:
    """Register a handler for these types of event; one type may have several."""

    def register(handler: Handler) -> Handler:
        for name in types:
            _handlers[name].append(handler)
        return handler

    return register


def handled_types() -> list[str]:
    """Every type of event that something here handles; the webhook asks the gateway for these."""
    return sorted(_handlers)


def subject_id(event: GatewayEvent) -> str:
    """The gateway's id of the object that an event is about."""
    return str(event.payload["data"]["object"]["id"])


def made_at(event: GatewayEvent) -> datetime:
    """When the gateway says that it happened; when it came to us, if it does not say."""
    created = event.payload.get("created")
    return datetime.fromtimestamp(created, UTC) if isinstance(created, int) else event.received_at


def caused_by_us(event: GatewayEvent) -> bool:
    """Whether work of our own made the call that the event tells of; that work records what came of it."""
    request = event.payload.get("request")
    key = request.get("idempotency_key") if isinstance(request, dict) else None
    return str(key or "").startswith(OUR_KEYS)


def store_event(signed: SignedEvent) -> GatewayEvent | None:
    """Keep a verified event, in the open scope; None when it is known already. Nobody handles it: it is ignored."""
    known = signed.type in _handlers
    event, created = GatewayEvent.objects.get_or_create(
        gateway_id=signed.id,
        defaults={
            "type": signed.type,
            "payload": _without_secrets(signed.payload),
            "state": EventState.RECEIVED if known else EventState.IGNORED,
            "processed_at": None if known else timezone.now(),
        },
    )
    return event if created else None


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(inner) for name, inner in value.items() if name not in _SECRET_NAMES}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value


def process_next_event(tenant_id: UUID) -> bool:
    """Take the event that has been due longest and handle it. False when none is due."""
    with tenant_scope(tenant_id):
        due = GatewayEvent.objects.filter(state=EventState.RECEIVED, due_at__lte=timezone.now())
        event = due.select_for_update(skip_locked=True).order_by("due_at").first()
        if event is None:
            return False
        event.attempts += 1
        event.due_at = timezone.now() + LEASE
        event.save(update_fields=["attempts", "due_at"])
    with structlog.contextvars.bound_contextvars(tenant_id=str(tenant_id), event=event.gateway_id, type=event.type):
        outcome = _handle(tenant_id, event)
    with tenant_scope(tenant_id):
        # Only what this worker took: after a lease has run out, someone else's outcome counts.
        mine = GatewayEvent.objects.filter(pk=event.pk, state=EventState.RECEIVED, attempts=event.attempts)
        mine.update(**outcome)
    return True


def _handle(tenant_id: UUID, event: GatewayEvent) -> dict[str, Any]:
    """What to record. Whatever a handler raises is logged, kept with the event, and tried again; one bad event must
    not stop the others."""
    try:
        for handler in _handlers.get(event.type, []):
            handler(tenant_id, event)
    except GatewayError as error:
        log.warning(
            "event_not_processed", attempt=event.attempts, error=error.code, gateway_request_id=error.request_id
        )
        return _failed(event, str(error), error.retry_after)
    except Exception as error:
        log.exception("event_crashed", attempt=event.attempts)
        return _failed(event, f"{type(error).__name__}: {error}", None)
    return {"state": EventState.PROCESSED, "processed_at": timezone.now(), "error": ""}


def _failed(event: GatewayEvent, words: str, retry_after: float | None) -> dict[str, Any]:
    if event.attempts >= MAX_ATTEMPTS:
        log.error("event_given_up", attempts=event.attempts)
        return {"state": EventState.FAILED, "processed_at": timezone.now(), "error": words}
    pause = min(FIRST_PAUSE_SECONDS * 2 ** (event.attempts - 1), LONGEST_PAUSE_SECONDS)
    pause = max(pause * (0.5 + secrets.randbelow(500) / 1000), retry_after or 0.0)
    return {"due_at": timezone.now() + timedelta(seconds=pause), "error": words}


def retry_event(*, actor: Actor, event: GatewayEvent) -> bool:
    """Process an event that was given up once more. False when it was not given up."""
    changed = GatewayEvent.objects.filter(pk=event.pk, state=EventState.FAILED).update(
        state=EventState.RECEIVED, attempts=0, due_at=timezone.now(), processed_at=None
    )
    if changed:
        record(actor=actor, action="gateway_event.retried", target=event)
        wake("payments.tasks.process_due_events", event.tenant_id)
    return bool(changed)
