"""Reads about invitations that more than one door needs. All run in the open scope."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from customers.models import Customer
from invitations.models import OPEN_STATES, Invitation, InvitationState
from messaging.models import Message


@dataclass(frozen=True)
class Funnel:
    """How many invitations got as far; the ends (`bounced`, `expired`, `revoked`) beside it, `open` still usable."""

    sent: int
    delivered: int
    opened: int
    completed: int
    bounced: int
    expired: int
    revoked: int
    open: int


def invitations(
    *,
    state: str = "",
    channel: str = "",
    sent_by: UUID | None = None,
    text: str = "",
    since: datetime | None = None,
    customer: Customer | None = None,
) -> QuerySet[Invitation]:
    """Invitations with their customer and method, newest first.

    `state` is one of InvitationState or `open` (any that can still be used). `text` is part of the customer's name or
    e-mail address, or a number: I-1003, C-1042, 1003.
    """
    found = Invitation.objects.select_related("customer", "profile", "sent_by").order_by("-number")
    if state == "open":
        found = found.filter(state__in=OPEN_STATES, expires_at__gt=timezone.now())
    elif state == InvitationState.EXPIRED:
        past = Q(state__in=OPEN_STATES, expires_at__lte=timezone.now())
        found = found.filter(past | Q(state=InvitationState.EXPIRED))
    elif state in InvitationState.values:
        found = found.filter(state=state)
        if state in OPEN_STATES:
            found = found.filter(expires_at__gt=timezone.now())
    if channel:
        found = found.filter(channels__contains=[channel])
    if sent_by is not None:
        found = found.filter(sent_by_id=sent_by)
    if since is not None:
        found = found.filter(created_at__gte=since)
    if customer is not None:
        found = found.filter(customer=customer)
    for word in text.split():
        found = found.filter(_matches(word))
    return found


def _matches(word: str) -> Q:
    number = re.fullmatch(r"(?:(I|C)-?)?(\d{1,18})", word, re.IGNORECASE)
    if number is None:
        names = Q(customer__first_name__icontains=word) | Q(customer__last_name__icontains=word)
        others = Q(customer__organisation__icontains=word) | Q(customer__email_normalized__contains=word.lower())
        return names | others | Q(email__icontains=word)
    kind, digits = number[1], int(number[2])
    by_kind = {"I": Q(number=digits), "C": Q(customer__number=digits)}
    return by_kind[kind.upper()] if kind else by_kind["I"] | by_kind["C"]


def funnel(since: datetime | None = None) -> Funnel:
    """Counts per stage of those sent since then (all, when not given), in one query."""
    found = Invitation.objects.all() if since is None else Invitation.objects.filter(created_at__gte=since)
    usable = Q(state__in=OPEN_STATES, expires_at__gt=timezone.now())
    past = Q(state__in=OPEN_STATES, expires_at__lte=timezone.now())
    counts = found.aggregate(
        sent=Count("id"),
        delivered=Count("id", filter=~Q(delivered_at=None) | ~Q(opened_at=None)),
        opened=Count("id", filter=~Q(opened_at=None)),
        completed=Count("id", filter=Q(state=InvitationState.COMPLETED)),
        bounced=Count("id", filter=Q(state=InvitationState.BOUNCED)),
        expired=Count("id", filter=Q(state=InvitationState.EXPIRED) | past),
        revoked=Count("id", filter=Q(state=InvitationState.REVOKED)),
        open=Count("id", filter=usable),
    )
    return Funnel(**counts)


def open_invitation_of(customer: Customer) -> Invitation | None:
    """The customer's invitation that can still be used."""
    usable = Invitation.objects.filter(customer=customer, state__in=OPEN_STATES, expires_at__gt=timezone.now())
    return usable.select_related("sent_by", "profile").first()


def messages_of(invitation: Invitation) -> QuerySet[Message]:
    """The invitation's messages, oldest first, with what their providers told."""
    return Message.objects.filter(about_id=invitation.pk).prefetch_related("events").order_by("created_at")
