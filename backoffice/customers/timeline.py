"""A customer's timeline: what was done (audit rows) and what was sent (messages), newest first, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from backoffice.audit.views import target_url
from backoffice.words import action_words, actor_words, differences, thing_icon
from customers.models import Customer
from messaging.models import Channel, Message
from tenants.models import AuditEntry

PAGE_SIZE = 25


@dataclass(frozen=True)
class TimelinePage:
    """`items` as ui/timeline.html takes them; `older` is the cursor of the next page, empty at the end."""

    items: list[dict[str, Any]]
    older: str


def timeline(
    customer: Customer, slug: str, *, before: str = "", size: int = PAGE_SIZE, in_short: bool = False
) -> TimelinePage:
    """One page, from the moment `before` (ISO 8601) back; a moment that cannot be read counts as now.

    `in_short` leaves out what was changed from what to what.
    """
    moment = _moment(before)
    entries = AuditEntry.objects.filter(customer_id=customer.pk)
    sent = Message.objects.filter(customer_id=customer.pk)
    if moment is not None:
        entries, sent = entries.filter(at__lt=moment), sent.filter(created_at__lt=moment)
    found = [entry_item(entry, slug, customer.pk) for entry in entries.order_by("-at", "-id")[: size + 1]]
    found += [message_item(message) for message in sent.order_by("-created_at", "-id")[: size + 1]]
    found.sort(key=lambda item: item["at"], reverse=True)
    items = found[:size]
    if in_short:
        items = [item | {"details": []} for item in items]
    return TimelinePage(items, items[-1]["at"].isoformat() if len(found) > size else "")


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo else None


def entry_item(entry: AuditEntry, slug: str, page_of: UUID) -> dict[str, Any]:
    """An audit row as ui/timeline.html takes it, without a link to the thing whose page it stands on."""
    is_own = entry.target_id == page_of
    details = []
    for name, before, after in differences(entry.before, entry.after):
        told = " → ".join(value for value in (before, after) if value is not None)
        details.append(f"{name}: {told}")
    return {
        "icon": thing_icon(entry.target_type),
        "tone": "quiet",
        "title": action_words(entry.action),
        "by": actor_words(entry.actor_kind, entry.actor_label),
        "at": entry.at,
        "text": f"“{entry.reason}”" if entry.reason else "",
        "details": details,
        "url": "" if is_own else target_url(entry.target_type, entry.target_id, slug, entry.action),
        "url_label": entry.target_label,
    }


def message_item(message: Message) -> dict[str, Any]:
    """An e-mail or text message as ui/timeline.html takes it."""
    by_email = message.channel == Channel.EMAIL
    title = _("E-mail: %(subject)s") % {"subject": message.subject} if by_email else _("Text message")
    return {
        "state": message.state,
        "title": title,
        "by": "",
        "at": message.created_at,
        "text": _("to %(address)s") % {"address": message.to},
        "details": [message.error] if message.error else [],
    }
