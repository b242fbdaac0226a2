"""What staff do to their tenant and team. Every function runs in the open scope and leaves an audit row."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.actors import Actor
from tenants.audit import record, snapshot
from tenants.errors import DomainError
from tenants.models import Membership, Role, StaffInvitation, Tenant, User
from tenants.scope import current_tenant_id

STAFF_INVITATION_LIFETIME = timedelta(days=7)
SETTINGS_FIELDS = [
    "name",
    "logo",
    "primary_colour",
    "country",
    "currency",
    "language",
    "time_zone",
    "invitation_lifetime",
    "invite_by_email",
    "invite_by_sms",
    "sender_name",
    "sender_email",
    "reply_to_email",
    "sms_sender",
    "care_email",
    "care_phone",
    "care_text",
    "legal_name",
    "legal_address",
    "tax_numbers",
    "invoice_note_en",
    "invoice_note_fr",
    "payment_terms_days",
    "method_kinds",
    "dunning_retry_days",
    "dunning_invites",
    "dunning_outcome",
    "ask_consent",
    "portal_shows_payment",
    "portal_shows_offers",
    "portal_shows_social",
    "portal_cancellation",
    "portal_css",
]


class TeamError(DomainError):
    """A rule about staff was broken."""


def update_tenant(*, actor: Actor, values: dict[str, Any]) -> Tenant:
    """Change the tenant's settings; `values` maps names from SETTINGS_FIELDS to clean values."""
    tenant = Tenant.objects.select_for_update().get(pk=current_tenant_id())
    before = snapshot(tenant, SETTINGS_FIELDS)
    for name, value in values.items():
        if name not in SETTINGS_FIELDS:
            raise ValueError(name)
        setattr(tenant, name, value)
    tenant.save(update_fields=list(values))
    record(actor=actor, action="tenant.updated", target=tenant, before=before, after=snapshot(tenant, SETTINGS_FIELDS))
    return tenant


def invite_staff(*, actor: Actor, email: str, role: str, invited_by: User | None) -> StaffInvitation:
    """Offer someone a place on the team. The link is `staff_invitation_token()`; the caller sends it.

    Raises TeamError `already_member` or `already_invited`.
    """
    email = email.strip().lower()
    if Membership.objects.filter(user__email=email).exists():
        message = _("This person is already on the team.")
        raise TeamError("already_member", message, {"email": message})
    try:
        with transaction.atomic():
            invitation = StaffInvitation.objects.create(
                email=email,
                role=role,
                invited_by=invited_by,
                expires_at=timezone.now() + STAFF_INVITATION_LIFETIME,
            )
    except IntegrityError as error:
        message = _("This person has an open invitation already. Revoke it first to send another.")
        raise TeamError("already_invited", message, {"email": message}) from error
    record(actor=actor, action="staff_invitation.sent", target=invitation, after={"email": email, "role": role})
    return invitation


def revoke_staff_invitation(*, actor: Actor, invitation: StaffInvitation) -> None:
    """Make an open offer's link useless. Raises TeamError `not_open`."""
    changed = StaffInvitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    if not changed:
        raise TeamError("not_open", _("This invitation is no longer open."))
    record(actor=actor, action="staff_invitation.revoked", target=invitation)


def staff_invitation_token(invitation: StaffInvitation) -> str:
    return signing.dumps([str(invitation.tenant_id), str(invitation.pk)], salt="staff-invitation", compress=False)


def read_staff_invitation_token(token: str) -> tuple[UUID, UUID]:
    """(tenant id, invitation id) of a link. Raises TeamError `bad_link`."""
    try:
        tenant_id, invitation_id = signing.loads(token, salt="staff-invitation")
    except signing.BadSignature as error:
        raise TeamError("bad_link", _("This link is not valid. Ask for a new invitation.")) from error
    return UUID(tenant_id), UUID(invitation_id)


def open_staff_invitation(invitation_id: UUID) -> StaffInvitation:
    """The open invitation in the scope, locked. Raises TeamError `not_open`."""
    invitation = StaffInvitation.objects.select_for_update().filter(pk=invitation_id).first()
    if invitation is None or invitation.accepted_at or invitation.revoked_at or invitation.expires_at <= timezone.now():
        raise TeamError("not_open", _("This invitation was used, revoked or has expired. Ask for a new one."))
    return invitation


def accept_staff_invitation(*, invitation_id: UUID, user: User) -> Membership:
    """Join the team. `user` must own the invited address. Raises TeamError `not_open` or `other_address`."""
    invitation = open_staff_invitation(invitation_id)
    if user.email.lower() != invitation.email:
        raise TeamError("other_address", _("This invitation is for another e-mail address."))
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    membership, _created = Membership.objects.get_or_create(user=user, defaults={"role": invitation.role})
    actor = Actor.staff(user.pk, user.full_name)
    record(actor=actor, action="staff_invitation.accepted", target=invitation, after={"role": membership.role})
    return membership


def join_as_new_user(*, invitation_id: UUID, full_name: str, password: str) -> User:
    """Make the invited person's user and take them on. Raises TeamError `not_open` or `has_account`."""
    invitation = open_staff_invitation(invitation_id)
    try:
        with transaction.atomic():
            user = User.objects.create_user(email=invitation.email, password=password, full_name=full_name)
    except IntegrityError as error:
        raise TeamError("has_account", _("There is an account with this address already. Sign in to join.")) from error
    accept_staff_invitation(invitation_id=invitation_id, user=user)
    return user


def change_role(*, actor: Actor, membership: Membership, role: str) -> Membership:
    """Give a member another role. Raises TeamError `last_owner` when no owner would be left."""
    membership = _lock_members_and_get(membership)
    _keep_an_owner(membership, role)
    before = membership.role
    membership.role = role
    membership.save(update_fields=["role"])
    record(actor=actor, action="member.role_changed", target=membership, before={"role": before}, after={"role": role})
    return membership


def remove_member(*, actor: Actor, membership: Membership) -> None:
    """Take someone off the team. Raises TeamError `last_owner` when no owner would be left."""
    membership = _lock_members_and_get(membership)
    _keep_an_owner(membership, None)
    record(actor=actor, action="member.removed", target=membership, before={"role": membership.role})
    membership.delete()


def _lock_members_and_get(membership: Membership) -> Membership:
    members = {m.pk: m for m in Membership.objects.select_for_update(of=("self",)).select_related("user")}
    if membership.pk not in members:
        raise TeamError("not_a_member", _("This person is no longer on the team."))
    return members[membership.pk]


def _keep_an_owner(membership: Membership, new_role: str | None) -> None:
    if membership.role != Role.OWNER or new_role == Role.OWNER:
        return
    if not Membership.objects.filter(role=Role.OWNER).exclude(pk=membership.pk).exists():
        raise TeamError("last_owner", _("An account needs at least one owner. Make someone else an owner first."))
