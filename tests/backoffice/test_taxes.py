"""Tax rates: added, ended, never edited, with examples that the calculators work out."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from subscriptions.models import TaxRate
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests.backoffice.conftest import Office

pytestmark = pytest.mark.django_db

PERCENT = "Enter a percentage from 0 to 100, with four decimals at most."
QST = {"code": "qst", "name_en": "QST", "name_fr": "TVQ", "percent": "9.975", "country": "CA", "region": "QC"}


def test_an_example_is_worked_out_for_each_place(office: Office, owner: Client) -> None:
    """GST of 5 % is there from the start; with the QST of Quebec 100.00 come to 114.98."""
    owner.post(office.url("tax_rates"), QST)
    page = owner.get(office.url("tax_rates"))
    totals = {example.place: example.amounts.total_minor for example in page.context["examples"]}
    assert totals == {"Canada": 10500, "Quebec, Canada": 11498}
    text = page.content.decode()
    assert "CA$9.98" in text
    assert "CA$114.98" in text
    assert "9.975%" in text


def test_examples_follow_the_currencys_decimals(office: Office, owner: Client) -> None:
    with tenant_scope(office.tenant.pk):
        Tenant.objects.filter(pk=office.tenant.pk).update(currency="JPY")
    page = owner.get(office.url("tax_rates"))
    assert [example.amounts.total_minor for example in page.context["examples"]] == [105]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"code": ""}, "This field is required"),
        ({"code": "G S T"}, "A short name without spaces"),
        ({"percent": "-1"}, PERCENT),
        ({"percent": "100.01"}, PERCENT),
        ({"percent": "9.97555"}, PERCENT),
        ({"percent": "NaN"}, PERCENT),
        ({"country": "ZZ", "region": ""}, "Select a valid choice"),
        ({"region": "XX"}, "Select a valid choice"),
        ({"country": "DE"}, "Select a valid choice"),
        ({"valid_from": "yesterday"}, "Enter a valid date"),
        ({"code": "GST", "region": ""}, "End it first"),
    ],
)
def test_a_rate_that_cannot_be_is_refused_and_kept_on_the_page(
    office: Office, owner: Client, typed: dict[str, str], words: str
) -> None:
    response = owner.post(office.url("tax_rates"), QST | typed)
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    assert 'value="TVQ"' in page
    with tenant_scope(office.tenant.pk):
        assert TaxRate.objects.count() == 1


def test_regions_follow_the_country(office: Office, owner: Client) -> None:
    canada = owner.get(office.url("tax_region"), {"country": "CA"}).content.decode()
    assert 'value="QC"' in canada
    assert "Province" in canada
    assert 'value="QC"' not in owner.get(office.url("tax_region"), {"country": "FR"}).content.decode()
    assert owner.get(office.url("tax_region"), {"country": "'><script>"}).status_code == 200


def test_a_rate_ends_on_a_day_and_stays_in_the_list(office: Office, owner: Client) -> None:
    url = office.url("tax_rate_end", rate_id=office.ids["rate_id"])
    today = timezone.localdate()
    owner.post(url, {"valid_until": str(today)})
    page = owner.get(office.url("tax_rates")).content.decode()
    assert "Expired" in page
    assert "No tax" in page
    with tenant_scope(office.tenant.pk):
        assert TaxRate.objects.get().valid_until == today
        assert AuditEntry.objects.filter(action="tax_rate.ended").count() == 1


@pytest.mark.parametrize(("typed", "words"), [("", "required"), ("soon", "valid date"), ("1999-01-01", "before the")])
def test_an_end_that_cannot_be_is_told(office: Office, owner: Client, typed: str, words: str) -> None:
    with tenant_scope(office.tenant.pk):
        TaxRate.objects.update(valid_from=date(2020, 1, 1))
    response = owner.post(office.url("tax_rate_end", rate_id=office.ids["rate_id"]), {"valid_until": typed})
    assert response.status_code == 422
    assert words in response.content.decode()
    with tenant_scope(office.tenant.pk):
        assert TaxRate.objects.get().valid_until is None


def test_a_rate_of_tomorrow_is_not_in_todays_example(office: Office, owner: Client) -> None:
    tomorrow = timezone.localdate() + timedelta(days=1)
    owner.post(office.url("tax_rates"), QST | {"valid_from": str(tomorrow)})
    page = owner.get(office.url("tax_rates"))
    assert [example.amounts.total_minor for example in page.context["examples"]] == [10500]
    assert "Waiting" in page.content.decode()
