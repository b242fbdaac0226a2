"""Sending, resending, revoking and expiring invitations. Every function runs in the open scope."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.locking import lock_customer
from customers.models import Address, Customer
from customers.services import update_contact
from invitations.contacts import check_email, check_phone
from invitations.errors import AlreadyOpen, InvitationError
from invitations.models import OPEN_STATES, Invitation, InvitationState
from invitations.tokens import make_token
from messaging.models import Channel
from messaging.services import queue_email, queue_sms
from payments.models import PaymentProfile, ProfileState
from propagation.impact import open_invoices
from propagation.services import change_billing_details
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import InvitationLifetime, Tenant, User
from tenants.numbers import next_number
from tenants.scope import current_tenant_id

RESEND_PAUSE = timedelta(seconds=60)
MAX_RESENDS = 5
#: Late invoices that a message names.
MOST_TOLD = 5


def check_can_invite(customer: Customer) -> None:
    """Raise InvitationError `no_email` when the customer cannot be invited."""
    check_email(customer.email)


def invitable_profiles(customer: Customer) -> list[PaymentProfile]:
    """The methods that an invitation may replace, the default first. Empty: it adds the first one."""
    active = PaymentProfile.objects.filter(customer=customer, state=ProfileState.ACTIVE)
    return list(active.order_by("-is_default", "created_at", "id"))


def invitation_link(invitation: Invitation) -> str:
    """The address that the customer opens. Whoever has it can use it: it is sent and shown, never stored or logged."""
    slug = Tenant.objects.only("slug").get(pk=invitation.tenant_id).slug
    return f"{settings.BASE_URL}/i/{slug}/{make_token(invitation.tenant_id, invitation.pk)}"


def send_invitation(
    *,
    actor: Actor,
    user: User | None,
    customer: Customer,
    profile_id: UUID | None,
    lifetime_hours: int,
    channels: Sequence[str],
    email: str,
    phone: str,
    language: str = "",
    replace_open: bool = False,
) -> Invitation:
    """Send a customer the link by which they put in one payment method.

    `profile_id` is the method to be replaced, None when the customer has none yet. `email` and `phone` as typed are
    also kept with the customer. `replace_open` revokes an invitation that is open already.

    Raises InvitationError; AlreadyOpen carries the open one.
    """
    tenant = Tenant.objects.get(pk=current_tenant_id())
    customer = lock_customer(customer.pk)
    chosen = _check_channels(channels)
    if lifetime_hours not in InvitationLifetime.values:
        raise InvitationError("bad_lifetime", _("Choose how long the link is to work."))
    email = check_email(email)
    phone = check_phone(phone, _region_of(customer, tenant), for_text_message=Channel.SMS in chosen)
    profile = _check_profile(customer, profile_id)
    now = timezone.now()
    replaced = _end_open_invitation(actor, customer, replace_open)
    invitation = Invitation(
        number=next_number("invitation"),
        customer=customer,
        profile=profile,
        channels=chosen,
        email=email,
        phone=phone,
        language=language if language in dict(settings.LANGUAGES) else customer.language or tenant.language,
        lifetime_hours=lifetime_hours,
        expires_at=now + InvitationLifetime(lifetime_hours).delta,
        sent_by=user,
        sent_by_label=actor.label[:160],
        last_sent_at=now,
    )
    _save_or_refuse(invitation)
    if replaced is not None:
        Invitation.objects.filter(pk=replaced.pk).update(replaced_by=invitation)
    record(actor=actor, action="invitation.sent", target=invitation, after=_told(invitation))
    _keep_contact(actor, customer, email, phone)
    _queue_messages(invitation)
    return invitation


def _check_channels(channels: Sequence[str]) -> list[str]:
    chosen = [channel for channel in Channel.values if channel in channels]
    if not chosen:
        message = _("Choose e-mail, text message or both.")
        raise InvitationError("no_channel", message, {"channels": message})
    return chosen


def _region_of(customer: Customer, tenant: Tenant) -> str:
    address = Address.objects.filter(customer=customer).order_by("kind").first()
    return str(address.country if address else tenant.country)


def _check_profile(customer: Customer, profile_id: UUID | None) -> PaymentProfile | None:
    """The method as it is now: much may have happened since it was chosen."""
    if profile_id is None:
        if invitable_profiles(customer):
            message = _("This customer has a payment method by now. Choose the one to be replaced.")
            raise InvitationError("choose_profile", message)
        return None
    profile = PaymentProfile.objects.filter(pk=profile_id, customer=customer).first()
    if profile is None or profile.state == ProfileState.REMOVED:
        raise InvitationError("profile_gone", _("This payment method was deleted meanwhile. Choose another one."))
    if profile.state == ProfileState.DISABLED:
        raise InvitationError(
            "profile_disabled",
            _("This payment method was disabled meanwhile and can only be deleted. Choose another one."),
        )
    if profile.state == ProfileState.REPLACED:
        raise InvitationError(
            "profile_replaced", _("This payment method was replaced meanwhile. Look whether it still needs an update.")
        )
    return profile


def _end_open_invitation(actor: Actor, customer: Customer, replace_open: bool) -> Invitation | None:
    """The open invitation, revoked to make way for another; None when there was none."""
    invitation = Invitation.objects.filter(customer=customer, state__in=OPEN_STATES).first()
    if invitation is None:
        return None
    if not invitation.is_open:
        _end(Actor.system("expiry"), invitation, InvitationState.EXPIRED)
        return None
    if not replace_open:
        raise _already_open(invitation)
    _end(actor, invitation, InvitationState.REVOKED)
    return invitation


def _already_open(invitation: Invitation) -> AlreadyOpen:
    message = _("%(who)s has invited this customer already, and that link still works.")
    return AlreadyOpen(message % {"who": invitation.sent_by_label}, invitation)


def _save_or_refuse(invitation: Invitation) -> None:
    """The database has the last word on there being one open invitation."""
    try:
        with transaction.atomic():
            invitation.save(force_insert=True)
    except IntegrityError as error:
        other = Invitation.objects.filter(customer=invitation.customer, state__in=OPEN_STATES).first()
        if other is None:
            raise
        raise _already_open(other) from error


def _told(invitation: Invitation) -> dict[str, Any]:
    return {
        "channels": invitation.channels,
        "email": invitation.email,
        "phone": str(invitation.phone or ""),
        "profile": str(invitation.profile or ""),
        "expires_at": invitation.expires_at.isoformat(),
    }


def _keep_contact(actor: Actor, customer: Customer, email: str, phone: str) -> None:
    """What was corrected for the invitation is the customer's from now on, at the gateway as well."""
    if update_contact(actor=actor, customer=customer, email=email, phone=phone or None):
        change_billing_details(actor=actor, customer=customer)


def message_context(invitation: Invitation, link: str) -> dict[str, Any]:
    """What the invitation's messages tell; with any `link`, so that staff see them before one exists."""
    return {
        "customer_name": invitation.customer.first_name or invitation.customer.name,
        "method": invitation.profile,
        "unpaid": list(open_invoices(invitation.customer).filter(due_at__lte=timezone.now())[:MOST_TOLD]),
        "link": link,
        "expires_at": invitation.expires_at,
    }


def _queue_messages(invitation: Invitation) -> None:
    context = message_context(invitation, invitation_link(invitation))
    for channel in invitation.channels:
        if channel == Channel.EMAIL:
            queue_email(
                template="invitation",
                language=invitation.language,
                to=invitation.email,
                context=context,
                customer_id=invitation.customer_id,
                about=invitation,
            )
        else:
            queue_sms(
                template="invitation",
                language=invitation.language,
                to=invitation.phone.as_e164,
                context=context,
                customer_id=invitation.customer_id,
                about=invitation,
            )


def resend_allowed_from(invitation: Invitation) -> datetime | None:
    """When the link may be sent once more; None when it never may."""
    if not invitation.is_open or invitation.sends > MAX_RESENDS:
        return None
    return invitation.last_sent_at + RESEND_PAUSE


def resend_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Send the same link again, by the same channels; it expires when it did.

    Raises InvitationError `not_open`, `resend_limit` or `resend_too_soon`.
    """
    invitation = (
        Invitation.objects.select_for_update(of=("self",)).select_related("customer", "profile").get(pk=invitation.pk)
    )
    if not invitation.is_open:
        raise _not_open()
    allowed_from = resend_allowed_from(invitation)
    if allowed_from is None:
        raise InvitationError(
            "resend_limit", _("This link was sent often enough. Copy it, or replace it by a new invitation.")
        )
    if allowed_from > timezone.now():
        raise InvitationError("resend_too_soon", _("This link was sent a moment ago. Wait a minute."))
    invitation.sends += 1
    invitation.last_sent_at = timezone.now()
    if invitation.state == InvitationState.BOUNCED:
        invitation.state = InvitationState.SENT
    invitation.save(update_fields=["sends", "last_sent_at", "state"])
    record(actor=actor, action="invitation.resent", target=invitation, after={"sends": invitation.sends})
    _queue_messages(invitation)
    return invitation


def revoke_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Make an open link useless. Raises InvitationError `not_open`."""
    if not invitation.is_open or not _end(actor, invitation, InvitationState.REVOKED):
        raise _not_open()
    return invitation


def _not_open() -> InvitationError:
    return InvitationError("not_open", _("This invitation is no longer open."))


def _end(actor: Actor, invitation: Invitation, state: InvitationState) -> bool:
    """Compare and set: of a revocation and a customer who saves, one wins."""
    now = timezone.now()
    before = invitation.state
    if not Invitation.objects.filter(pk=invitation.pk, state__in=OPEN_STATES).update(state=state, ended_at=now):
        return False
    invitation.state, invitation.ended_at = state, now
    record(
        actor=actor, action=f"invitation.{state}", target=invitation, before={"state": before}, after={"state": state}
    )
    return True


def expire_invitations() -> int:
    """Expire what is past its time, for the open scope's tenant; how many."""
    past = Invitation.objects.filter(state__in=OPEN_STATES, expires_at__lte=timezone.now())
    return sum(_end(Actor.system("expiry"), invitation, InvitationState.EXPIRED) for invitation in past[:500])


def mark_opened(*, actor: Actor, invitation: Invitation) -> None:
    """Note that the customer has the page before them; once, and never backwards."""
    now = timezone.now()
    waiting = [InvitationState.SENT, InvitationState.DELIVERED, InvitationState.BOUNCED]
    if not Invitation.objects.filter(pk=invitation.pk, state__in=waiting).update(
        state=InvitationState.OPENED, opened_at=now
    ):
        return
    invitation.state, invitation.opened_at = InvitationState.OPENED, now
    record(actor=actor, action="invitation.opened", target=invitation)
