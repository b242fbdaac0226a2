"""An invitation's life as a timeline: its own stages, its messages, and what their providers told."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from invitations.models import Invitation, InvitationState
from messaging.models import Channel, Message


def life_of(invitation: Invitation, messages: Iterable[Message], slug: str) -> list[dict[str, Any]]:
    """Items for ui/timeline.html, newest first."""
    items = [item for message in messages for item in _of_message(message)]
    items += _own_stages(invitation, slug)
    return sorted(items, key=lambda item: item["at"], reverse=True)


def _own_stages(invitation: Invitation, slug: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [
        {
            "icon": "mail-forward",
            "title": _("Invitation made"),
            "by": invitation.sent_by_label,
            "at": invitation.created_at,
        }
    ]
    if invitation.opened_at:
        items.append({"state": "opened", "title": _("Opened by the customer"), "at": invitation.opened_at})
    if invitation.completed_at:
        items.append({"state": "completed", "title": _("Completed: a card was saved"), "at": invitation.completed_at})
    elif invitation.ended_at:
        items.append(_ending(invitation, slug))
    elif not invitation.is_open:
        items.append({"state": "expired", "title": _("Expired"), "at": invitation.expires_at})
    return items


def _ending(invitation: Invitation, slug: str) -> dict[str, Any]:
    if invitation.state == InvitationState.EXPIRED:
        return {"state": "expired", "title": _("Expired"), "at": invitation.ended_at}
    item = {"state": "revoked", "title": _("Revoked"), "at": invitation.ended_at}
    if later := invitation.replaced_by:
        url = reverse("backoffice:invitation", kwargs={"tenant_slug": slug, "invitation_id": later.pk})
        item |= {"text": _("A newer invitation took its place."), "url": url, "url_label": later.short_number}
    return item


def _of_message(message: Message) -> list[dict[str, Any]]:
    by_mail = message.channel == Channel.EMAIL
    items = [
        {
            "state": "queued",
            "title": _("E-mail queued") if by_mail else _("Text message queued"),
            "text": message.to,
            "at": message.created_at,
        }
    ]
    if message.sent_at:
        title = _("E-mail handed to the mail server") if by_mail else _("Text message handed to the provider")
        items.append({"state": "sent", "title": title, "at": message.sent_at})
    if message.state == "failed":
        title = _("E-mail could not be sent") if by_mail else _("Text message could not be sent")
        items.append(
            {"state": "failed", "title": title, "text": message.error, "at": message.sent_at or message.due_at}
        )
    titles = {
        "delivered": _("E-mail delivered") if by_mail else _("Text message delivered"),
        "bounced": _("E-mail came back") if by_mail else _("Text message was not delivered"),
        "complained": _("Marked as spam"),
        "failed": _("E-mail not delivered") if by_mail else _("Text message not delivered"),
    }
    for event in message.events.all():
        title = titles.get(event.kind, event.kind)
        items.append({"state": event.kind, "title": title, "text": event.detail, "at": event.at})
    return items
