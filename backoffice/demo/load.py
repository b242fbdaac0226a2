"""Loads the demonstration: rows first, in one transaction a tenant, then the sandbox's side, then the connection.

Each stage sees whether it has been done, so that a load that was cut short is finished by the next.
"""

from random import Random

from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from backoffice.demo import gateway, history
from backoffice.demo.book import Book
from backoffice.demo.catalogue import TENANTS, DemoTenant, add_catalogue
from backoffice.demo.customers import add_customers
from backoffice.demo.invoices import number_invoices
from backoffice.demo.live import meet_a_decline, sell_and_refund
from backoffice.demo.logos import draw_logo
from backoffice.demo.months import add_pauses, close_past_months
from backoffice.demo.people import PASSWORD, STAFF, TENANT_NAMES
from backoffice.demo.stories import tell
from backoffice.demo.tour import add_camille
from payments.gateway.accounts import connect_account
from payments.models import GatewayAccount
from tenants.actors import Actor
from tenants.models import Membership, Tenant, User
from tenants.scope import tenant_scope

SYSTEM = Actor.system("Demonstration data")


def load() -> bool:
    """Load what is missing of the two tenants. False when nothing was. Raises CommandError without a sandbox."""
    missing = [demo for demo in TENANTS if not is_complete(demo.slug)]
    if not missing:
        return False
    gateway.refuse_real_gateway()
    for demo in missing:
        tenant = Tenant.objects.filter(slug=demo.slug).first() or _add_rows(demo)
        _connect(demo, tenant)
    return True


def is_complete(slug: str) -> bool:
    """Whether the tenant is there and its gateway account is connected, which comes last."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        return False
    with tenant_scope(tenant.pk):
        return GatewayAccount.objects.exists()


def _add_rows(demo: DemoTenant) -> Tenant:
    """Everything of the tenant that is in our own database."""
    with transaction.atomic():
        tenant = Tenant.objects.create(slug=demo.slug, **demo.settings)
        with tenant_scope(tenant.pk):
            tenant.logo.save(f"{demo.slug}.png", ContentFile(draw_logo(demo.slug, tenant.primary_colour)))
            staff = _add_staff(demo.slug)
            chance = Random(demo.slug)  # noqa: S311  (the same demonstration every time)
            book = Book(timezone.now(), chance, tenant)
            prices = add_catalogue(book, demo)
            customers = add_customers(book, demo)
            tell(book, demo, customers, prices)
            if demo.slug == "maple":
                add_camille(book, demo, prices)
            number_invoices(book)
            history.add_history(book, tenant, staff)
            add_pauses(history.Historian(book, tenant, staff))
            book.save()
            close_past_months(tenant, book.now)
    return tenant


def _add_staff(slug: str) -> list[User]:
    """The people of this tenant, most powerful first; someone of the other tenant already gets a second place."""
    password, found = make_password(PASSWORD), []
    for person in STAFF:
        if slug in person.places:
            user, _created = User.objects.get_or_create(
                email=person.email,
                defaults={"full_name": person.name, "language": person.language, "password": password},
            )
            Membership.objects.create(user=user, role=person.places[slug])
            found.append(user)
    return found


def _connect(demo: DemoTenant, tenant: Tenant) -> None:
    """The sandbox gets the same objects, then the tenant's keys are tested and stored as an owner would."""
    account = gateway.make_account(demo.slug, TENANT_NAMES[demo.slug], str(tenant.country), tenant.currency)
    with tenant_scope(tenant.pk):
        objects = gateway.gateway_objects()
    gateway.control("POST", "seed", {"account": demo.slug, **objects})
    connect_account(
        tenant_id=tenant.pk,
        actor=SYSTEM,
        publishable_key=account["publishable_key"],
        secret_key=account["secret_key"],
    )
    meet_a_decline(tenant.pk, demo.slug)
    sell_and_refund(tenant.pk)
