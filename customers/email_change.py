"""A customer's change of address: asked for in the portal, counted once it is confirmed from the new address.

The link is the row's id, signed for the tenant; nothing secret is stored. Every function runs in the open scope.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.errors import CustomerError
from customers.locking import lock_customer
from customers.models import Customer, EmailChange
from customers.services import update_contact
from customers.validation import normalize_email
from messaging.services import queue_email
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import Tenant

LIFETIME = timedelta(hours=24)
PER_DAY = 5


def ask_email_change(*, actor: Actor, tenant: Tenant, customer: Customer, email: str) -> EmailChange:
    """Send a link to the new address. An earlier change that is still open is withdrawn.

    Raises CustomerError `same_email` or `too_many_changes`.
    """
    lock_customer(customer.pk)
    email = email.strip()
    if normalize_email(email) == customer.email_normalized:
        message = _("This is your address already.")
        raise CustomerError("same_email", message, {"email": message})
    today = EmailChange.objects.filter(customer=customer, created_at__gt=timezone.now() - timedelta(days=1))
    if today.count() >= PER_DAY:
        message = _("You have asked for several addresses today. Try again tomorrow.")
        raise CustomerError("too_many_changes", message, {"email": message})
    _still_open(customer).update(withdrawn_at=timezone.now())
    change = EmailChange.objects.create(customer=customer, email=email, expires_at=timezone.now() + LIFETIME)
    record(actor=actor, action="customer.email_change_asked", target=customer, after={"email": email})
    queue_email(
        template="email_change_confirm",
        language=customer.language or tenant.language,
        to=email,
        customer_id=customer.pk,
        context=_context(customer, email)
        | {"link": _absolute("portal:email_link", tenant, make_token(change)), "expires_at": change.expires_at},
    )
    return change


def open_email_change(customer: Customer) -> EmailChange | None:
    """The change that waits to be confirmed, if there is one."""
    return _still_open(customer).filter(expires_at__gt=timezone.now()).first()


def withdraw_email_change(*, actor: Actor, customer: Customer) -> bool:
    """Let the open change be. False when there was none."""
    change = _still_open(customer).select_for_update().first()
    if change is None:
        return False
    _still_open(customer).update(withdrawn_at=timezone.now())
    record(actor=actor, action="customer.email_change_withdrawn", target=customer, before={"email": change.email})
    return True


def find_email_change(change_id: UUID) -> EmailChange | None:
    """The change of a link, with its customer, if it can still be confirmed."""
    waiting = EmailChange.objects.filter(confirmed_at=None, withdrawn_at=None, expires_at__gt=timezone.now())
    return waiting.select_related("customer").filter(pk=change_id).first()


def confirm_email_change(*, actor: Actor, tenant: Tenant, change_id: UUID) -> Customer:
    """Make the new address count, and tell the old one. Raises CustomerError `change_dead`."""
    now = timezone.now()
    waiting = EmailChange.objects.filter(pk=change_id, confirmed_at=None, withdrawn_at=None, expires_at__gt=now)
    if not waiting.update(confirmed_at=now):
        raise CustomerError("change_dead", _("This link no longer works. Ask for the change once more."))
    change = EmailChange.objects.select_related("customer").get(pk=change_id)
    customer = change.customer
    old = customer.email
    update_contact(actor=actor, customer=customer, email=change.email)
    if old:
        queue_email(
            template="email_change_told",
            language=customer.language or tenant.language,
            to=old,
            customer_id=customer.pk,
            context=_context(customer, change.email) | {"link": _absolute("portal:home", tenant)},
        )
    return customer


def _still_open(customer: Customer) -> QuerySet[EmailChange]:
    return EmailChange.objects.filter(customer=customer, confirmed_at=None, withdrawn_at=None)


def _context(customer: Customer, new_email: str) -> dict[str, object]:
    return {"customer_name": customer.first_name or customer.name, "new_email": new_email}


def _absolute(name: str, tenant: Tenant, *args: str) -> str:
    return settings.BASE_URL + reverse(name, args=[tenant.slug, *args])


def make_token(change: EmailChange) -> str:
    return signing.dumps(change.pk.hex, salt=_salt(change.tenant_id))


def read_token(tenant: Tenant, token: str) -> UUID | None:
    """The change's id; None when the token was not made for this tenant."""
    try:
        return UUID(hex=signing.loads(token, salt=_salt(tenant.pk)))
    except (signing.BadSignature, ValueError):
        return None


def _salt(tenant_id: UUID) -> str:
    return f"customers.email-change:{tenant_id}"
