"""Products and prices."""

from typing import Any

import pytest
from django.test import Client

from subscriptions.models import Price, Product
from tenants.models import AuditEntry
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office
from tests.factories import InvoiceFactory, InvoiceLineFactory, PriceFactory

pytestmark = pytest.mark.django_db

PRICE = {"price-interval": "month", "price-interval_count": "1", "price-trial_days": "0", "price-currency": "CAD"}


def add(office: Office, client: Client, **typed: str) -> Any:
    url = office.url("price_create", product_id=office.ids["product_id"])
    return client.post(url, PRICE | {f"price-{name}": value for name, value in typed.items()})


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("19.99", "CAD", 1999),
        ("500", "JPY", 500),
        ("1.230", "KWD", 1230),
        ("500", "ISK", 50000),
        ("0", "CAD", 0),
        ("0.01", "EUR", 1),
        ("500.000", "JPY", 500),
    ],
)
def test_amounts_are_typed_in_whole_units_of_the_currency(
    office: Office, owner: Client, amount: str, currency: str, minor: int
) -> None:
    assert add(office, owner, amount=amount, currency=currency).status_code == 302
    with tenant_scope(office.tenant.pk):
        price = Price.objects.latest("id")
    assert (price.amount_minor, price.currency) == (minor, currency)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"amount": "9.5", "currency": "JPY"}, "JPY has no decimals: write a whole number."),
        ({"amount": "9.505", "currency": "CAD"}, "CAD has only 2 decimals."),
        ({"amount": "9.5055", "currency": "KWD"}, "Write three decimals at most."),
        ({"amount": "9.505", "currency": "KWD"}, "The payment gateway takes KWD in steps of KWD\u00a00.010."),
        ({"amount": "9.50", "currency": "ISK"}, "The payment gateway takes ISK in steps of ISK\u00a01.00."),
        ({"amount": "-1"}, "An amount cannot be negative. 0 is free."),
        ({"amount": ""}, "This field is required"),
        ({"amount": "NaN"}, "Enter an amount, such as 19.99."),
        ({"amount": "1e30"}, "This amount is too large."),
        ({"amount": "5", "currency": "ZZZ"}, "Select a valid choice"),
        ({"amount": "5", "interval": "fortnight"}, "Select a valid choice"),
        ({"amount": "5", "interval_count": "0"}, "Enter a whole number from 1 to 365."),
        ({"amount": "5", "interval": "year", "interval_count": "4"}, "three years at most"),
        ({"amount": "99999999999"}, "too large"),
        ({"amount": "5", "trial_days": "731"}, "Enter a whole number from 0 to 730."),
        ({"amount": "5", "interval": "one_time", "trial_days": "7"}, "What is bought once has no trial."),
    ],
)
def test_a_price_that_cannot_be_is_refused_at_its_field(
    office: Office, owner: Client, typed: dict[str, str], words: str
) -> None:
    with tenant_scope(office.tenant.pk):
        before = Price.objects.count()
    response = add(office, owner, **typed)
    assert response.status_code == 422
    assert words in response.content.decode()
    with tenant_scope(office.tenant.pk):
        assert Price.objects.count() == before


@pytest.mark.parametrize("interval", ["day", "week", "month", "year", "one_time"])
def test_every_interval(office: Office, owner: Client, interval: str) -> None:
    count = "" if interval == "one_time" else "3"
    add(office, owner, amount="5", interval=interval, interval_count=count, trial_days="")
    with tenant_scope(office.tenant.pk):
        price = Price.objects.latest("id")
    assert (price.interval, price.interval_count) == (interval, 1 if interval == "one_time" else 3)


def test_a_product_is_described_in_both_languages(office: Office, owner: Client) -> None:
    typed = {
        "name_en": "Almanac",
        "name_fr": "Almanach",
        "description_en": "A year\r\nof weather",
        "description_fr": "Une année de météo",
    }
    response = owner.post(office.url("product_create"), typed, follow=True)
    assert "A year of weather" in response.content.decode()
    with tenant_scope(office.tenant.pk):
        product = Product.objects.get(name_en="Almanac")
        assert (product.description_en, product.description_fr) == ("A year of weather", "Une année de météo")
    owner.post(office.url("product_edit", product_id=product.pk), typed | {"description_en": "", "is_active": "on"})
    with tenant_scope(office.tenant.pk):
        assert Product.objects.get(pk=product.pk).description_en == ""
        assert AuditEntry.objects.get(action="product.updated").before["description_en"] == "A year of weather"


def test_a_name_of_blanks_is_no_name(office: Office, owner: Client) -> None:
    assert owner.post(office.url("product_create"), {"name_en": " \x0b "}).status_code == 422


def test_a_price_is_put_on_the_portal_and_taken_off(office: Office, owner: Client) -> None:
    add(office, owner, amount="5", is_public="on")
    with tenant_scope(office.tenant.pk):
        price = Price.objects.latest("id")
    assert price.is_public
    page = owner.get(office.url("product", product_id=price.product_id)).content.decode()
    assert "Take it off the portal" in page
    owner.post(office.url("price_public", price_id=price.pk), {"is_public": "0"})
    owner.post(office.url("price_public", price_id=price.pk), {"is_public": "0"})
    with tenant_scope(office.tenant.pk):
        assert not Price.objects.get(pk=price.pk).is_public
        assert AuditEntry.objects.filter(action="price.updated", target_id=price.pk).count() == 1


def test_tells_how_many_of_a_one_time_price_were_sold(office: Office, owner: Client) -> None:
    with tenant_scope(office.tenant.pk):
        price = PriceFactory(product_id=office.ids["product_id"], interval="one_time")
        InvoiceLineFactory(price=price, quantity=3, invoice=InvoiceFactory(customer=office.customer))
        InvoiceLineFactory(price=price, quantity=9, invoice=InvoiceFactory(customer=office.customer, state="void"))
    assert "3 sold" in owner.get(office.url("product", product_id=price.product_id)).content.decode()
