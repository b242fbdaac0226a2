"""The dashboard: its pictures, the tables that say the same, and what it asks the database."""

import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.overview.charts import draw_past_due, draw_recovered, month_name, theme_of, unlike
from subscriptions import metrics
from subscriptions.models import InvoiceState, PaidThrough
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office
from tests.factories import (
    InvoiceFactory,
    MonthlyAmountsFactory,
    MonthlyFiguresFactory,
    PriceFactory,
    SubscriptionFactory,
)

pytestmark = pytest.mark.django_db
SVG = "{http://www.w3.org/2000/svg}"
#: The width of a letter of a legend, about.
LETTER = 7


@pytest.fixture
def busy(office: Office) -> Office:
    """One subscription of 12.00 a month, one of 5.00 in dollars, and an invoice that an invitation recovered."""
    with tenant_scope(office.tenant.pk):
        office.invoice.delete()
        office.subscription.delete()
        for amount, currency in ((1200, "CAD"), (500, "USD")):
            price = PriceFactory(amount_minor=amount, currency=currency)
            SubscriptionFactory(customer=office.customer, price=price, started_at=timezone.now())
        InvoiceFactory(customer=office.customer)
        InvoiceFactory(
            customer=office.customer,
            total_minor=4321,
            state=InvoiceState.PAID,
            paid_at=timezone.now(),
            paid_through="invitation",
            is_recovered=True,
        )
    return office


def chart(office: Office, client: Client, name: str, **query: str) -> Any:
    return client.get(office.url("overview_chart", chart=name), query)


def test_every_picture_has_its_words_and_its_table(busy: Office, reader: Client) -> None:
    page = reader.get(busy.url("overview")).content.decode()
    assert page.count('<details class="picture-table">') == page.count('class="chart-light"') == 6
    assert page.count(' alt="') >= 12
    for text in ("Recurring revenue, CAD", "Recurring revenue, USD", "CA$12.00", "$5.00", "CA$43.21", "An invitation"):
        assert text in page


@pytest.mark.parametrize("theme", ["", "dark"])
@pytest.mark.parametrize("name", ["revenue", "subscriptions", "churn", "past_due", "recovered"])
def test_draws_each_picture(busy: Office, reader: Client, name: str, theme: str) -> None:
    answer = chart(busy, reader, name, currency="CAD", theme=theme)
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer.content.lstrip().startswith(b"<svg")
    assert b"<script" not in answer.content
    assert "script-src" not in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(("name", "currency"), [("elsewhere", ""), ("recovered", "JPY"), ("revenue", "<x>")])
def test_there_is_no_picture_of_anything_else(busy: Office, reader: Client, name: str, currency: str) -> None:
    assert chart(busy, reader, name, currency=currency).status_code == 404


def test_a_closed_month_is_shown_as_it_was_written_down(busy: Office, reader: Client) -> None:
    this_month, last_month = (metrics.last_months(timezone.now(), "UTC", 2)[nth] for nth in (1, 0))
    with tenant_scope(busy.tenant.pk):
        figures = MonthlyFiguresFactory(
            month=last_month.first,
            starts_at=last_month.start,
            ends_at=last_month.end,
            closed_at=last_month.end,
            active=812,
            trialing=7,
            past_due=6,
            paused=5,
            started=44,
            lost=3,
        )
        amounts = {"revenue_minor": 1_234_500, "lost_minor": 600, "recovered": {"portal": 70_000}}
        MonthlyAmountsFactory(figures=figures, **amounts, recovered_invoices=9)
    page = reader.get(busy.url("overview")).content.decode()
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    for row in ("CA$12,345.00", "812 7 6 5", "44 3 CA$6.00", "CA$0.00 CA$700.00"):
        assert f"{month_name(last_month)} {row}" in text
    assert f"{month_name(this_month)} CA$12.00" in text
    assert "-99.9% since last month" in text


def test_the_page_says_as_of_when(busy: Office, reader: Client) -> None:
    page = reader.get(busy.url("overview")).content.decode()
    assert re.search(r"This month as of <time [^>]+>[^<]+</time>\. Months that are over stay as they were", page)


def test_a_new_tenant_is_told_what_will_be_here(office: Office, reader: Client) -> None:
    with tenant_scope(office.tenant.pk):
        office.invoice.delete()
        office.subscription.delete()
    page = reader.get(office.url("overview")).content.decode()
    assert "It begins with the first subscription." in page


def test_asks_the_same_however_much_there_is(busy: Office, reader: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert reader.get(busy.url("overview")).status_code == 200
        return len(queries)

    asked()
    before = asked()
    with tenant_scope(busy.tenant.pk):
        for days in range(6):
            subscription = SubscriptionFactory(customer=busy.customer, price=PriceFactory(amount_minor=700))
            due = timezone.now() - timedelta(days=days * 20)
            InvoiceFactory(customer=busy.customer, subscription=subscription, due_at=due)
    assert asked() == before


def test_a_tenants_own_colour_does_not_stand_beside_one_like_it() -> None:
    assert unlike("#0b6e4f", ["#157347", "#c02631", "#0b64a8"])[-1] == "#157347"


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_every_source_of_recovered_money_is_named_within_the_picture(count: int, narrow: bool) -> None:
    months = metrics.last_months(timezone.now(), "UTC", 12)
    amounts = dict.fromkeys(PaidThrough.values[1 : 1 + count], 1000)
    rows = [metrics.Recovered(month, amounts, 1) for month in months]
    drawn = draw_recovered(rows, "CAD", theme_of(Tenant(primary_colour="#b3262e"), narrow=narrow))
    svg = ElementTree.fromstring(drawn)  # noqa: S314 (drawn by ourselves)
    width, height = (float(size) for size in svg.attrib["viewBox"].split()[2:])
    (legends,) = (group for group in svg.iter(f"{SVG}g") if group.get("class") == "legends")
    x, y = (float(number) for number in re.findall(r"[\d.]+", legends.attrib["transform"]))
    words = list(legends.iter(f"{SVG}text"))
    assert len(words) == count
    for word in words:
        assert y + float(word.attrib["y"]) <= height
        assert narrow is False or x + float(word.attrib["x"]) + LETTER * len(word.text or "") <= width


@pytest.mark.parametrize(
    ("currency", "amount_minor", "marks"),
    [("CAD", 400_000, "CA$1,000 CA$2,000 CA$3,000 CA$4,000"), ("JPY", 40_000, "¥10,000 ¥20,000 ¥30,000 ¥40,000")],
)
def test_the_axis_tells_round_thousands(currency: str, amount_minor: int, marks: str) -> None:
    ages = [metrics.Aged(currency, *days, amount_minor, 1) for days in metrics.AGES]
    drawn = draw_past_due(ages, currency, theme_of(Tenant(primary_colour="#b3262e"))).decode()
    for mark in marks.split():
        assert f">{mark}<" in drawn


def test_on_a_phone_the_ages_stand_apart() -> None:
    ages = [metrics.Aged("CAD", *days, 1000, 1) for days in metrics.AGES]
    drawn = draw_past_due(ages, "CAD", theme_of(Tenant(primary_colour="#b3262e"), narrow=True)).decode()
    for text in ("0–7", "8–30", "31–60", "&gt; 60"):
        assert f">{text}<" in drawn
