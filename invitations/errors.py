"""Why an invitation could not be sent, sent again or revoked."""

from django.utils.functional import Promise

from invitations.models import Invitation
from tenants.errors import DomainError


class InvitationError(DomainError):
    """Codes: no_email, bad_email, bad_phone, landline, no_channel, bad_lifetime, profile_gone, profile_disabled,
    profile_replaced, choose_profile, already_open, not_open, resend_too_soon, resend_limit."""


class AlreadyOpen(InvitationError):
    """The customer has an open invitation: `open_invitation`."""

    def __init__(self, message: str | Promise, open_invitation: Invitation) -> None:
        super().__init__("already_open", message)
        self.open_invitation = open_invitation
