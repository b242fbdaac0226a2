"""An invitation's messages arrive or bounce. What the customer does on the page is never undone by it."""

from django.utils import timezone

from invitations.models import Invitation, InvitationState
from messaging.delivery import BOUNCED, DELIVERED, FAILED
from messaging.models import Message, MessageState


def note_delivery(message: Message, kind: str) -> None:
    """Told by the outbox of a message about an invitation, in the scope's transaction."""
    if message.about_id is None:
        return
    invitations = Invitation.objects.filter(pk=message.about_id)
    now = timezone.now()
    if kind == DELIVERED:
        invitations.filter(delivered_at=None).update(delivered_at=now)
        invitations.filter(state__in=[InvitationState.SENT, InvitationState.BOUNCED]).update(
            state=InvitationState.DELIVERED
        )
    elif kind in (BOUNCED, FAILED):
        invitations.filter(bounced_at=None).update(bounced_at=now)
        if not _arrived_otherwise(message):
            invitations.filter(state__in=[InvitationState.SENT, InvitationState.DELIVERED]).update(
                state=InvitationState.BOUNCED
            )


def _arrived_otherwise(message: Message) -> bool:
    """Whether another message about the same invitation, by the other channel or sent again, has arrived."""
    others = Message.objects.filter(about_id=message.about_id, state=MessageState.DELIVERED)
    return others.exclude(pk=message.pk).exists()
