"""Using up an invitation: in the transaction that records the change, and once."""

from datetime import timedelta

from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from invitations.models import OPEN_STATES, Invitation, InvitationState
from payments.models import CardSetup, SetupState
from propagation.models import Change
from tenants.actors import Actor
from tenants.audit import record

PURPOSE = "invitation"
#: Who had begun before the link expired may finish for as long as this.
GRACE = timedelta(hours=1)


def claim_invitation(setup: CardSetup, actor: Actor) -> bool:
    """Compare and set an invitation to completed for a card that the gateway has confirmed. False: someone was first,
    or it was revoked; the card is then discarded."""
    if setup.purpose_id is None:
        return False
    now = timezone.now()
    begun_in_time = Q(state=InvitationState.EXPIRED, expires_at__gte=setup.created_at)
    if setup.state != SetupState.VERIFYING:
        begun_in_time &= Q(expires_at__gt=now - GRACE)
    usable = Invitation.objects.filter(
        Q(state__in=OPEN_STATES) | begun_in_time, pk=setup.purpose_id, customer_id=setup.customer_id
    )
    if not usable.update(
        state=InvitationState.COMPLETED,
        completed_at=now,
        ended_at=now,
        opened_at=Coalesce("opened_at", Value(setup.created_at)),
    ):
        return False
    record(actor=actor, action="invitation.completed", target=Invitation.objects.get(pk=setup.purpose_id))
    return True


def link_change(setup: CardSetup, change: Change) -> None:
    """Remember which change used the invitation up."""
    if setup.purpose_id is not None:
        Invitation.objects.filter(pk=setup.purpose_id).update(change_id=change.pk)
