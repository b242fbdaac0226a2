"""Lists: pages by key, filters, what a search box means, and how many queries a page takes."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.billing.queries import ends_before_next_charge
from backoffice.paging import NEWEST, NUMBER, keyset_page
from backoffice.text import read_number
from propagation.models import ChangeState
from subscriptions.models import Invoice, Subscription, SubscriptionState
from tenants.actors import Actor
from tenants.audit import record
from tenants.models import AuditEntry
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office, make_change, make_invitation, make_step
from tests.factories import CustomerFactory, InvoiceFactory, PaymentProfileFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db

LISTS = ["overview", "invitations", "changes", "subscriptions", "invoices", "products", "team", "gateway", "audit"]


#: The most queries that a list takes.
MOST = 30
#: A new company's overview asks once for each month that nobody has closed yet.
MONTHS_NOT_CLOSED = 12


def fill(office: Office, count: int) -> None:
    """`count` more of everything that lists show, each with a customer of its own."""
    with tenant_scope(office.tenant.pk):
        for _ in range(count):
            customer = CustomerFactory()
            profile = PaymentProfileFactory(customer=customer, is_default=True)
            subscription = SubscriptionFactory(customer=customer, price=office.subscription.price)
            invoice = InvoiceFactory(customer=customer, subscription=subscription, payment_profile=profile)
            make_invitation(customer, profile=profile)
            change = make_change(customer, old_profile=profile, new_profile=profile)
            make_step(change, subscription=subscription)
            make_step(change, stage=40, kind="invoice_collect", invoice=invoice)
            record(actor=Actor.system("tests"), action="customer.updated", target=customer, after={"email": "x"})


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(office: Office, owner: Client, name: str) -> None:
    fill(office, 2)
    owner.get(office.url(name))
    with CaptureQueriesContext(connection) as few:
        owner.get(office.url(name))
    fill(office, 8)
    with CaptureQueriesContext(connection) as many:
        assert owner.get(office.url(name)).status_code == 200
    assert len(many) == len(few)
    assert len(many) <= (MOST + MONTHS_NOT_CLOSED if name == "overview" else MOST)


def test_pages_lead_there_and_back(office: Office) -> None:
    with tenant_scope(office.tenant.pk):
        for _ in range(6):
            CustomerFactory()
            InvoiceFactory(customer=office.customer)
        numbers = list(Invoice.objects.order_by("-number").values_list("number", flat=True))

        def page(query: str) -> Any:
            return keyset_page(Invoice.objects.all(), QueryDict(query), key=NUMBER, size=3)

        first = page("q=x")
        second = page(first.older)
        third = page(second.older)
        assert [i.number for p in (first, second, third) for i in p.items] == numbers
        assert (first.newer, third.older) == ("", "")
        assert "q=x" in second.older
        assert [i.number for i in page(third.newer).items] == numbers[3:6]
        assert page(page(third.newer).newer).items == first.items
        assert [i.number for i in page("before=99999999").items] == numbers[:3]


@pytest.mark.parametrize("cursor", ["after=x", "after=", "before=1~2", f"after={10**30}", "after=%00"])
def test_a_cursor_that_makes_no_sense_shows_the_first_page(office: Office, owner: Client, cursor: str) -> None:
    response = owner.get(office.url("invoices") + f"?{cursor}")
    assert response.status_code == 200
    assert office.invoice.short_number in response.content.decode()


def test_the_audit_log_pages_by_time_even_within_one_instant(office: Office) -> None:
    with tenant_scope(office.tenant.pk):
        for _ in range(5):
            record(actor=Actor.system("tests"), action="customer.updated", target=office.customer)
        found, query = [], ""
        while True:
            page = keyset_page(AuditEntry.objects.all(), QueryDict(query), key=NEWEST, size=2)
            found += page.items
            if not page.older:
                break
            query = page.older
        assert found == list(AuditEntry.objects.order_by("-at", "-id"))


@pytest.mark.parametrize(
    ("text", "name", "number"),
    [
        ("C-1042", "customer", 1042),
        ("c1042", "customer", 1042),
        (" 1042 ", "customer", 1042),
        ("INV-7", "invoice", 7),
        ("CH-7", "customer", None),
        ("C-", "customer", None),
        ("Bob", "customer", None),
        ("S-٣", "subscription", None),
        ("9" * 40, "invoice", None),
    ],
)
def test_short_numbers_as_people_type_them(text: str, name: str, number: int | None) -> None:
    assert read_number(text, name) == number


@pytest.mark.parametrize(
    ("name", "query", "shown"),
    [
        ("changes", "state=needs_attention", True),
        ("changes", "state=done", False),
        ("changes", "kind=replace&source=backoffice&who=staff&q=Tremblay", True),
        ("changes", "kind=edit", False),
        ("changes", "q=CH-1001", True),
        ("changes", "q=Nobody", False),
        ("invitations", "state=open&channel=email&q=Tremblay", True),
        ("invitations", "channel=sms", False),
        ("invitations", "state=expired", False),
        ("invitations", "reached=completed", False),
        ("subscriptions", "state=live&billed_by=us&pays=pinned", True),
        ("subscriptions", "pays=none", False),
        ("subscriptions", "pays=default", False),
        ("subscriptions", "pays=ends", False),
        ("invoices", "state=past_due&currency=CAD", True),
        ("invoices", "state=paid", False),
        ("invoices", "state=nonsense&currency=%27&period=x&q=%00", True),
        ("audit", "who=system&thing=customers.customer&period=day", True),
        ("audit", "who=gateway", False),
    ],
)
def test_filters(office: Office, owner: Client, name: str, query: str, shown: bool) -> None:
    sought = {
        "changes": office.change.short_number,
        "invitations": office.invitation.short_number,
        "subscriptions": office.subscription.short_number,
        "invoices": office.invoice.short_number,
        "audit": "Customer created",
    }[name]
    page = owner.get(office.url(name) + f"?{query}").content.decode()
    assert (f">{sought}<" in page or f"<div>{sought}" in page) is shown


def test_finds_cards_that_end_before_the_next_charge(office: Office) -> None:
    now = timezone.now()
    soon = now + timedelta(minutes=1)
    with tenant_scope(office.tenant.pk):
        dead = PaymentProfileFactory(customer=CustomerFactory(), is_default=True, exp_year=now.year - 1, exp_month=12)
        by_default = SubscriptionFactory(customer=dead.customer, current_period_end=now + timedelta(days=3))
        pinned = SubscriptionFactory(customer=dead.customer, payment_profile=dead)
        SubscriptionFactory(customer=dead.customer, cancel_at_period_end=True)
        SubscriptionFactory(customer=dead.customer, state=SubscriptionState.CANCELLED)
        last_month = PaymentProfileFactory(
            customer=CustomerFactory(), is_default=True, exp_year=soon.year, exp_month=soon.month
        )
        SubscriptionFactory(customer=last_month.customer, current_period_end=soon)
        assert set(ends_before_next_charge()) == {by_default, pinned}
        assert Subscription.objects.count() == 6


@pytest.mark.parametrize("text", ["Tremblay", "CH-1001", "I-1001", "S-1001", "INV-1001", "C-1001", "4242"])
def test_search_finds_by_name_and_by_number(office: Office, reader: Client, text: str) -> None:
    page = reader.get(office.url("search"), {"q": text}, headers={"HX-Request": "true"}).content.decode()
    assert "Bob Tremblay" in page
    assert "<html" not in page


@pytest.mark.parametrize("text", ["", "   ", "%", "\x00", "nobody at all", "'; --", "9" * 50])
def test_search_takes_anything(office: Office, reader: Client, text: str) -> None:
    assert reader.get(office.url("search"), {"q": text}).status_code == 200


def test_search_never_shows_another_tenants_customer(office: Office, other_office: Office, reader: Client) -> None:
    page = reader.get(office.url("search"), {"q": "Globex"}).content.decode()
    assert other_office.customer.name not in page


def test_the_overview_counts_what_matters(office: Office, reader: Client) -> None:
    with tenant_scope(office.tenant.pk):
        make_change(office.customer, state=ChangeState.DONE)
        InvoiceFactory(customer=office.customer, currency="JPY", total_minor=500)
    page = reader.get(office.url("overview")).content.decode()
    assert "CA$19.99" in page
    assert "¥500" in page
    assert office.change.short_number in page
    assert 'href="/t/acme/changes/?state=needs_attention"' in page
