"""Customers who ask for a new link: staff are told, and decide. It never sends a link by itself."""

from datetime import timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from customers.locking import lock_customer
from customers.models import Customer
from messaging.services import queue_email
from tenants.actors import Actor
from tenants.audit import record
from tenants.limits import is_over
from tenants.models import AuditEntry, Tenant
from tenants.networks import neighbourhood
from tenants.scope import current_tenant_id
from tenants.selectors import managers_to_tell

ACTION = "invitation.link_requested"
#: A customer's request is passed on once in this time, however often it is made.
PAUSE = timedelta(hours=12)
PER_ADDRESS_AND_HOUR = 10


def request_link(*, actor: Actor, customer: Customer, why: str) -> bool:
    """Tell the tenant's customer care, or else its managers, that a customer wants a new link; in the open scope.

    `why`: expired, revoked, used or portal. False when it was passed on a short while ago.
    """
    lock_customer(customer.pk)
    recent = AuditEntry.objects.filter(customer_id=customer.pk, action=ACTION, at__gt=timezone.now() - PAUSE)
    if recent.exists():
        return False
    record(actor=actor, action=ACTION, target=customer, reason=why)
    tenant = Tenant.objects.get(pk=current_tenant_id())
    link = settings.BASE_URL + reverse("backoffice:customer", args=[tenant.slug, customer.pk])
    context = {"customer_name": customer.name, "customer_number": customer.short_number, "why": why, "link": link}
    for address, language in _recipients(tenant):
        queue_email(template="link_requested", language=language, to=address, context=context, customer_id=customer.pk)
    return True


def _recipients(tenant: Tenant) -> list[tuple[str, str]]:
    if tenant.care_email:
        return [(tenant.care_email, tenant.language)]
    return managers_to_tell(tenant)


def is_asked_too_often(ip: str | None) -> bool:
    """Whether this address has asked more than a person would within the hour. Without Valkey nobody is refused."""
    return is_over("link-requests", neighbourhood(ip), limit=PER_ADDRESS_AND_HOUR, seconds=3600, without_count=False)
