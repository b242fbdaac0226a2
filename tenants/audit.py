"""The audit log's one writer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from django.db.models import Model
from django.forms.models import model_to_dict

from tenants.actors import Actor
from tenants.models import AuditEntry


def record(
    *,
    actor: Actor,
    action: str,
    target: Model,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    customer_id: UUID | None = None,
) -> AuditEntry:
    """Write one audit row in the open scope.

    `action` is `<thing>.<verb in the past>`, e.g. `invitation.sent`. `before` and `after` hold plain values, never
    secrets; where both are given, only the keys that differ are kept. `customer_id` puts the row on that customer's
    timeline; it is taken from the target where the target is or has a customer.
    """
    event = Event(action, target, before or {}, after or {}, reason, customer_id)
    entry = _entry(actor, event)
    entry.save(force_insert=True)
    return entry


@dataclass(frozen=True)
class Event:
    """What one audit row tells; the fields are those of `record`."""

    action: str
    target: Model
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    customer_id: UUID | None = None


def record_many(*, actor: Actor, events: Iterable[Event]) -> list[AuditEntry]:
    """Write the audit rows of many things that one actor does at once, as `record` writes one."""
    return AuditEntry.objects.bulk_create([_entry(actor, event) for event in events])


def _entry(actor: Actor, event: Event) -> AuditEntry:
    before, after, target, customer_id = dict(event.before), dict(event.after), event.target, event.customer_id
    if before and after:
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        before = {key: before[key] for key in before if key in changed}
        after = {key: after[key] for key in after if key in changed}
    if customer_id is None:
        customer_id = target.pk if target._meta.label == "customers.Customer" else getattr(target, "customer_id", None)
    return AuditEntry(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:160],
        ip=actor.ip,
        action=event.action,
        target_type=target._meta.label_lower,
        target_id=target.pk,
        target_label=str(target)[:160],
        customer_id=customer_id,
        before=before,
        after=after,
        reason=event.reason[:300],
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
    )


def snapshot(instance: Model, fields: list[str]) -> dict[str, Any]:
    """Plain values of the named fields, for `before` and `after`."""
    return {name: _plain(value) for name, value in model_to_dict(instance, fields=fields).items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return str(value)
