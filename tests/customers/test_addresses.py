import pytest
from django.utils import translation
from django_countries import countries

from customers.addresses import AddressValues, check_address, format_address, rules_for
from customers.forms import AddressForm


@pytest.mark.parametrize("country", [code for code, _name in countries])
def test_every_country_has_a_form_and_a_way_of_writing(country: str) -> None:
    rules = rules_for(country)
    assert rules.parts[:1]
    assert rules.required <= set(rules.parts)
    assert set(rules.parts) <= set(rules.labels)
    values = AddressValues("1 Street", "", "Town", rules.regions[0][0] if rules.regions else "", "", country)
    assert format_address(values)[-1] == countries.name(country)


@pytest.mark.parametrize(
    ("country", "parts", "postal_label"),
    [
        ("CA", ("line1", "line2", "city", "region", "postal_code"), "Postal code"),
        ("US", ("line1", "line2", "city", "region", "postal_code"), "ZIP code"),
        ("FR", ("line1", "line2", "postal_code", "city"), "Postal code"),
        ("JP", ("postal_code", "region", "line1", "line2"), "Postal code"),
        ("HK", ("region", "city", "line1", "line2"), "Postal code"),
    ],
)
def test_the_form_has_the_countrys_parts_in_its_order(country: str, parts: tuple[str, ...], postal_label: str) -> None:
    rules = rules_for(country)
    assert rules.parts == parts
    assert str(rules.labels["postal_code"]) == postal_label


def test_provinces_are_named_in_the_readers_language_where_the_country_speaks_it() -> None:
    assert dict(rules_for("CA").regions)["BC"] == "British Columbia"
    with translation.override("fr"):
        assert dict(rules_for("CA").regions)["BC"] == "Colombie-Britannique"


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"country": "CA", "line1": "1 Peel", "city": "Montréal", "region": "QC", "postal_code": "h3c2w1"}, set()),
        (
            {"country": "CA", "line1": "1 Peel", "city": "Montréal", "region": "ON", "postal_code": "H3C 2W1"},
            {"postal_code"},
        ),
        (
            {"country": "CA", "line1": "1 Peel", "city": "Montréal", "region": "XX", "postal_code": "H3C 2W1"},
            {"region"},
        ),
        ({"country": "FR", "line1": "1 rue X", "city": "Paris", "postal_code": "7500"}, {"postal_code"}),
        ({"country": "FR"}, {"line1", "city", "postal_code"}),
        ({"country": "IE", "line1": "1 Quay", "city": "Cork", "postal_code": ""}, set()),
        ({"country": "QQ"}, {"country"}),
    ],
)
def test_what_is_wrong_stands_beside_its_part(typed: dict[str, str], errors: set[str]) -> None:
    values, found = check_address(typed)
    assert set(found) == errors
    if not errors and typed["country"] == "CA":
        assert values.postal_code == "H3C 2W1"


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        (
            AddressValues("1 Peel", "Apt 2", "Montréal", "QC", "H3C 2W1", "CA"),
            ["1 Peel", "Apt 2", "Montréal QC H3C 2W1", "Canada"],
        ),
        (AddressValues("1 rue X", "", "Paris", "", "75001", "FR"), ["1 rue X", "75001 Paris", "France"]),
        (AddressValues("", "", "Reno", "", "", "US"), ["Reno", "United States of America"]),
        (
            AddressValues("銀座1-2-3", "", "", "東京都", "104-0061", "JP"),
            ["〒104-0061", "東京都", "銀座1-2-3", "Japan"],
        ),
        (AddressValues("1-2-3 Ginza", "", "", "東京都", "104-0061", "JP"), ["1-2-3 Ginza, Tokyo", "104-0061", "Japan"]),
        (AddressValues(), []),
    ],
)
def test_writes_an_address_as_its_country_does(values: AddressValues, lines: list[str]) -> None:
    assert format_address(values) == lines


def test_an_optional_address_may_be_empty_but_not_half_filled() -> None:
    empty = AddressForm({"billing-country": "CA"}, optional=True)
    assert empty.is_valid()
    assert empty.values() is None
    half = AddressForm({"billing-country": "CA", "billing-city": "Ottawa"}, optional=True)
    assert set(half.errors) == {"line1", "region", "postal_code"}


def test_another_country_keeps_what_was_typed(client) -> None:
    typed = {"billing-country": "JP", "billing-line1": "1 Peel", "billing-city": "Montréal", "billing-language": "fr"}
    html = client.post("/address-fields/billing/", typed).content.decode()
    assert 'value="1 Peel"' in html
    assert '<input type="hidden" name="billing-city" value="Montréal"' in html
    assert "invalid-feedback" not in html
    assert '<option value="JP" selected>' in html
