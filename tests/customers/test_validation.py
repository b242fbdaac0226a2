import pytest
from django.core.exceptions import ValidationError

from customers.validation import format_phone, parse_cc_emails, parse_phone, parse_vat_number


@pytest.mark.parametrize(
    ("typed", "region", "kept"),
    [
        ("416 555 0123", "CA", "+14165550123"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("+44 20 7946 0958", "CA", "+442079460958"),
        ("  ", "CA", ""),
    ],
)
def test_a_phone_number_is_kept_in_one_form(typed: str, region: str, kept: str) -> None:
    assert parse_phone(typed, region) == kept


@pytest.mark.parametrize(
    ("typed", "region", "word"),
    [
        ("416", "CA", "too short"),
        ("416555012399999999", "CA", "too long"),
        ("5550123", "CA", "area code"),
        ("call me", "CA", "not a phone number"),
        ("416 555 0123", "", "country's code"),
        ("+999 555 0123", "CA", "country's code"),
        ("123 456 7890", "US", "no such phone number in United States"),
    ],
)
def test_a_phone_number_that_cannot_be_is_explained(typed: str, region: str, word: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_phone(typed, region)
    assert word in refused.value.messages[0]


def test_a_phone_number_is_shown_in_international_form() -> None:
    assert format_phone("+14165550123") == "+1 416-555-0123"
    assert format_phone("x") == "x"


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("FR 40 303 265 045", "FR", "FR40303265045"),
        ("40303265045", "FR", "40303265045"),
        ("DE136695976", "FR", "DE136695976"),
        ("EL 094259216", "CA", "EL094259216"),
        ("123456782", "CA", "123456782"),
        ("12-3456789", "US", "123456789"),
        ("", "FR", ""),
    ],
)
def test_a_vat_number_is_checked_by_its_countrys_rules(typed: str, country: str, kept: str) -> None:
    assert parse_vat_number(typed, country) == kept


@pytest.mark.parametrize(
    ("typed", "country", "word"),
    [
        ("FR40303265046", "FR", "check digit"),
        ("DE1366", "DE", "length"),
        ("Ω", "CA", "letters and digits"),
    ],
)
def test_a_wrong_vat_number_is_explained(typed: str, country: str, word: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_vat_number(typed, country)
    assert word in refused.value.messages[0]


def test_copies_go_to_each_address_once() -> None:
    assert parse_cc_emails("a@example.com, b@example.com\n a@example.com;") == ["a@example.com", "b@example.com"]
    with pytest.raises(ValidationError, match="nonsense"):
        parse_cc_emails("a@example.com\nnonsense")
    with pytest.raises(ValidationError, match="At most"):
        parse_cc_emails("\n".join(f"a{n}@example.com" for n in range(11)))


#: One number for each country of the European Union and some neighbours, from python-stdnum's own documentation.
VAT_NUMBERS = {
    "AT": "ATU13585627",
    "BE": "BE0428759497",
    "BG": "BG175074752",
    "CY": "CY10259033P",
    "CZ": "CZ25123891",
    "DE": "DE136695976",
    "DK": "DK13585628",
    "EE": "EE100931558",
    "EL": "EL094259216",
    "ES": "ESB58378431",
    "FI": "FI20774740",
    "FR": "FR40303265045",
    "GB": "GB980780684",
    "HU": "HU12892312",
    "IE": "IE6433435F",
    "IT": "IT00743110157",
    "LT": "LT119511515",
    "LU": "LU15027442",
    "LV": "LV40003521600",
    "MT": "MT11679112",
    "NL": "NL004495445B01",
    "PL": "PL8567346215",
    "PT": "PT501964843",
    "RO": "RO18547290",
    "SE": "SE123456789701",
    "SI": "SI50223054",
    "SK": "SK2022749619",
}


@pytest.mark.parametrize("number", VAT_NUMBERS.values(), ids=VAT_NUMBERS)
def test_the_check_digit_of_each_european_country_is_checked(number: str) -> None:
    """The prefix decides, whatever the address's country; a digit mistyped is found out."""
    assert parse_vat_number(number, "CA") == number
    place = next(place for place in range(5, 12) if number[place].isdigit())
    wrong = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
    with pytest.raises(ValidationError):
        parse_vat_number(wrong, "CA")


def test_a_number_of_a_country_without_rules_is_kept_as_it_is() -> None:
    assert parse_vat_number("ab-12345", "AQ") == "AB12345"
