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
