"""An invitation that is sent by itself, when what a customer owes could not be collected."""

import structlog
from django.db import transaction

from customers.models import Customer
from invitations.errors import InvitationError
from invitations.models import OPEN_STATES, Invitation
from invitations.services import invitable_profiles, send_invitation
from messaging.models import Channel
from payments.models import PaymentProfile
from subscriptions.models import Invoice
from tenants.actors import Actor
from tenants.models import Tenant

log = structlog.get_logger(__name__)

ACTOR = Actor.system("dunning")


def invite_after_failure(invoice: Invoice, profile: PaymentProfile | None) -> bool:
    """Invite the invoice's customer, by e-mail, to replace the method that failed, or to add their first one.

    In the open scope. False when no invitation was sent: the customer has no e-mail address, or an open one already.
    """
    customer = Customer.objects.get(pk=invoice.customer_id)
    still_open = Invitation.objects.filter(customer=customer, state__in=OPEN_STATES).first()
    if not customer.email or (still_open is not None and still_open.is_open):
        return False
    candidates = invitable_profiles(customer)
    replaced = next((known for known in candidates if profile is not None and known.pk == profile.pk), None)
    replaced = replaced or next(iter(candidates), None)
    try:
        with transaction.atomic():
            send_invitation(
                actor=ACTOR,
                user=None,
                customer=customer,
                profile_id=replaced.pk if replaced else None,
                lifetime_hours=Tenant.objects.get(pk=invoice.tenant_id).invitation_lifetime,
                channels=[Channel.EMAIL],
                email=customer.email,
                phone=str(customer.phone or ""),
            )
    except InvitationError as error:
        log.warning("not_invited", customer=str(customer.pk), error=error.code)
        return False
    return True
