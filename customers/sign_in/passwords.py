"""Customers' own passwords, for those who set one."""

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from customers.errors import SignInError
from customers.models import Customer, PortalPassword, PortalSession
from customers.sign_in.codes import MOST_CUSTOMERS, customers_of
from customers.sign_in.sessions import end_all
from customers.validation import normalize_email
from messaging.services import queue_email
from tenants.actors import Actor
from tenants.audit import record
from tenants.limits import is_over
from tenants.models import Tenant
from tenants.networks import neighbourhood
from tenants.scope import current_tenant_id

#: Tries in a quarter of an hour with one address, and from one network.
TRIES_PER_EMAIL, TRIES_PER_NETWORK = 10, 50
MAX_LENGTH = 128


def customers_with_password(*, email: str, password: str, ip: str | None) -> list[Customer]:
    """The customers with this address and this password, in the open scope.

    Raises SignInError `wrong_password`, alike whether address, password or neither exists, or `too_many_passwords`.
    """
    email = normalize_email(email)
    _refuse_too_many(email, ip)
    rows = PortalPassword.objects.filter(customer__in=customers_of(email)).select_related("customer")
    kept = list(rows.order_by("customer__number")[:MOST_CUSTOMERS])
    if not kept:
        make_password(password)  # the time that it takes must not tell
    found = [row.customer for row in kept if _matches(row, password)]
    if not found:
        message = _("Address and password do not belong together. Try again, or let us send you a code.")
        raise SignInError("wrong_password", message)
    return found


def _matches(row: PortalPassword, password: str) -> bool:
    """Rehashes with today's parameters where they have grown."""

    def keep(raw: str) -> None:
        PortalPassword.objects.filter(pk=row.pk).update(password=make_password(raw))

    return check_password(password, row.password, setter=keep)


def _refuse_too_many(email: str, ip: str | None) -> None:
    whose = f"{current_tenant_id()}:{email}"
    by_email = is_over("passwords", whose, limit=TRIES_PER_EMAIL, seconds=900, without_count=True)
    by_network = is_over("passwords", neighbourhood(ip), limit=TRIES_PER_NETWORK, seconds=900, without_count=True)
    if by_email or by_network:
        message = _("Too many passwords were tried. Let us send you a code, or wait a quarter of an hour.")
        raise SignInError("too_many_passwords", message)


def has_password(customer: Customer) -> bool:
    return PortalPassword.objects.filter(customer=customer).exists()


def is_current_password(customer: Customer, password: str) -> bool:
    """Whether it is the customer's; counts as a try. Raises SignInError `too_many_passwords`."""
    _refuse_too_many(customer.email_normalized or str(customer.pk), None)
    row = PortalPassword.objects.filter(customer=customer).first()
    return row is not None and _matches(row, password)


def set_password(*, actor: Actor, tenant: Tenant, customer: Customer, password: str, but: PortalSession | None) -> None:
    """Set or change the password, end the customer's other sessions and tell them by mail; in the open scope.

    Raises SignInError `weak_password`.
    """
    try:
        validate_password(password, user=customer)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SignInError("weak_password", " ".join(error.messages), {"password": " ".join(error.messages)}) from error
    had_one = has_password(customer)
    PortalPassword.objects.update_or_create(customer=customer, defaults={"password": make_password(password)})
    record(actor=actor, action="portal.password_changed" if had_one else "portal.password_set", target=customer)
    _tell(tenant, customer, "set")
    end_all(actor=actor, customer=customer, but=but)


def remove_password(*, actor: Actor, tenant: Tenant, customer: Customer, but: PortalSession | None) -> None:
    """Go back to codes alone. Raises SignInError `no_password`."""
    deleted, _rows = PortalPassword.objects.filter(customer=customer).delete()
    if not deleted:
        raise SignInError("no_password", _("There is no password to remove."))
    record(actor=actor, action="portal.password_removed", target=customer)
    _tell(tenant, customer, "removed")
    end_all(actor=actor, customer=customer, but=but)


def _tell(tenant: Tenant, customer: Customer, what: str) -> None:
    if customer.email:
        queue_email(
            template="password_changed",
            language=customer.language or tenant.language,
            to=customer.email,
            customer_id=customer.pk,
            context={
                "customer_name": customer.first_name or customer.name,
                "what": what,
                "link": settings.BASE_URL + reverse("portal:home", args=[tenant.slug]),
            },
        )
