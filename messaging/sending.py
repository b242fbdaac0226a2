"""Sending what is due: claimed with a lease, sent outside any transaction, recorded afterwards; at least once.

A worker that dies between sending and recording leaves a lease that runs out, and the message goes out again with the
same Message-ID, which mail programs fold into one.
"""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db.models import Q
from django.utils import timezone

from messaging.delivery import FAILED, tell_listener
from messaging.errors import SendFailed
from messaging.links import kept_copy
from messaging.mail import send_mail_message
from messaging.models import Channel, Message, MessageState
from messaging.sms import send_sms_message
from tenants.models import Tenant
from tenants.scope import forbid_open_transaction, tenant_scope

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
#: No message is begun with less than this left of its lease: what a slow provider may take.
SENDING_TIME = timedelta(seconds=45)
BATCH = 20
MAX_ATTEMPTS = 10
FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 3600.0


def send_due_messages(tenant_id: UUID) -> int:
    """Send all that is due for one tenant; how many were tried. Opens its own scopes.

    When a provider does not answer, the rest of its messages wait as well: they would only keep workers waiting.
    """
    forbid_open_transaction()
    tried = 0
    away: set[str] = set()
    while batch := claim(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
        for message in batch:
            if message.channel in away:
                _give_back(tenant, message, pause=timedelta(seconds=FIRST_PAUSE_SECONDS))
                continue
            if not send(tenant, message):
                away.add(message.channel)
            tried += 1
    return tried


def claim(tenant_id: UUID, limit: int = BATCH) -> list[Message]:
    """Take due messages under a lease, so that no other worker sends them meanwhile."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    with tenant_scope(tenant_id):
        due = Message.objects.filter(free, state=MessageState.QUEUED, due_at__lte=now)
        messages = list(due.select_for_update(skip_locked=True).order_by("due_at")[:limit])
        for message in messages:
            message.lease_until = now + LEASE
            message.attempts += 1
            message.save(update_fields=["lease_until", "attempts"])
    return messages


def send(tenant: Tenant, message: Message) -> bool:
    """Hand one claimed message to its provider and record the outcome. False when the provider did not answer."""
    forbid_open_transaction()
    if message.lease_until is None or timezone.now() > message.lease_until - SENDING_TIME:
        _give_back(tenant, message)
        return True
    send_by_channel = send_mail_message if message.channel == Channel.EMAIL else send_sms_message
    try:
        provider_id = send_by_channel(tenant, message)
    except SendFailed as failure:
        _record_failure(tenant, message, failure)
        return not failure.unreachable
    except Exception as error:
        # Whatever went wrong, the rest of the outbox must go on; this message is tried again.
        log.exception("message_not_sent", message=str(message.pk))
        _record_failure(tenant, message, SendFailed(type(error).__name__, permanent=False))
    else:
        _record_sent(tenant, message, provider_id)
    return True


def _give_back(tenant: Tenant, message: Message, pause: timedelta = timedelta()) -> None:
    """Leave a message that was not tried to whoever is next, after a pause, and count no attempt."""
    with tenant_scope(tenant.pk):
        mine = Message.objects.filter(pk=message.pk, state=MessageState.QUEUED, lease_until=message.lease_until)
        mine.update(lease_until=None, attempts=message.attempts - 1, due_at=timezone.now() + pause)


def _record_sent(tenant: Tenant, message: Message, provider_id: str) -> None:
    with tenant_scope(tenant.pk):
        mine = Message.objects.filter(pk=message.pk)
        mine.filter(state=MessageState.QUEUED).update(state=MessageState.SENT, error="")
        mine.update(
            provider_id=provider_id[:200],
            sent_at=timezone.now(),
            lease_until=None,
            **kept_copy(message),
        )
    log.info("message_sent", message=str(message.pk), template=message.template, channel=message.channel)


def _record_failure(tenant: Tenant, message: Message, failure: SendFailed) -> None:
    give_up = failure.permanent or message.attempts >= MAX_ATTEMPTS
    values: dict[str, Any] = {"error": failure.reason[:300], "lease_until": None}
    if give_up:
        values |= {"state": MessageState.FAILED, **kept_copy(message)}
    else:
        values["due_at"] = timezone.now() + timedelta(seconds=pause_seconds(message.attempts))
    with tenant_scope(tenant.pk):
        if Message.objects.filter(pk=message.pk, state=MessageState.QUEUED).update(**values) and give_up:
            message.refresh_from_db()
            tell_listener(message, FAILED)
    log.warning(
        "message_failed", message=str(message.pk), reason=failure.reason, attempts=message.attempts, final=give_up
    )


def pause_seconds(attempts: int) -> float:
    """How long to wait after so many tries: doubling from 30 s to an hour, a fifth of it by chance."""
    pause = min(FIRST_PAUSE_SECONDS * 2 ** (attempts - 1), LONGEST_PAUSE_SECONDS)
    return pause * random.uniform(0.9, 1.1)  # noqa: S311  (jitter, not a secret)
