"""Checks on what is typed about a customer. Each returns the value to keep or raises ValidationError in words."""

import re
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult
from stdnum import get_cc_module
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidFormat, InvalidLength
from stdnum.exceptions import ValidationError as InvalidNumber

CC_EMAILS_MAX = 10
_EU_PREFIXES = {"EL": "GR", "XI": "GB"}
_check_email = EmailValidator()


def normalize_email(email: str) -> str:
    """The form that addresses are compared in."""
    return email.strip().lower()


def parse_phone(typed: str, region: str) -> str:
    """The number in E.164 ("+14165550123"); "" when nothing was typed.

    A number without its country's code is read as one of `region` (ISO 3166-1 alpha-2).
    """
    typed = typed.strip()
    if not typed:
        return ""
    try:
        number = phonenumbers.parse(typed, region or None)
    except NumberParseException as error:
        raise ValidationError(_unparsable(error.error_type), code="bad_phone") from error
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason in _IMPOSSIBLE:
        raise ValidationError(_IMPOSSIBLE[reason], code="bad_phone")
    if not phonenumbers.is_valid_number(number):
        country = phonenumbers.region_code_for_country_code(number.country_code or 0)
        message = _("There is no such phone number in %(country)s. Check the digits.")
        raise ValidationError(message, code="bad_phone", params={"country": countries.name(country) or country})
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


_IMPOSSIBLE = {
    ValidationResult.TOO_SHORT: _("This phone number is too short."),
    ValidationResult.TOO_LONG: _("This phone number is too long."),
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: _("This phone number lacks its area code."),
    ValidationResult.INVALID_COUNTRY_CODE: _("No country has this code. Begin with +, then the country's code."),
    ValidationResult.INVALID_LENGTH: _("This phone number has the wrong number of digits."),
}


def _unparsable(kind: int) -> Any:
    return {
        NumberParseException.INVALID_COUNTRY_CODE: _("Begin with + and the country's code, for example +1 or +33."),
        NumberParseException.TOO_SHORT_AFTER_IDD: _("This phone number is too short."),
        NumberParseException.TOO_SHORT_NSN: _("This phone number is too short."),
        NumberParseException.TOO_LONG: _("This phone number is too long."),
    }.get(kind, _("This is not a phone number. Use digits, and + before the country's code."))


def format_phone(number: Any) -> str:
    """International form, "+1 416-555-0123"; what cannot be parsed comes back as it is."""
    try:
        parsed = phonenumbers.parse(str(number), None)
    except NumberParseException:
        return str(number or "")
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)


def parse_vat_number(typed: str, country: str) -> str:
    """The number without spaces and dots, upper case. Format and check digits are checked where the country has them.

    A European number's own prefix decides its country, else `country` (ISO 3166-1 alpha-2) does.
    """
    number = re.sub(r"[\s.\-]", "", typed).upper()
    if not number:
        return ""
    if not re.fullmatch(r"[A-Z0-9/+*&]{4,20}", number):
        raise ValidationError(_("A VAT number has 4 to 20 letters and digits."), code="bad_vat")
    prefix = _EU_PREFIXES.get(number[:2], number[:2])
    if prefix.isalpha() and prefix in dict(countries):
        country = prefix
    checker = get_cc_module(country.lower(), "vat") if country else None
    if checker is None:
        return number
    try:
        kept = str(checker.validate(number))
    except InvalidNumber as error:
        raise _vat_error(error, country) from error
    return kept if not number[:2].isalpha() or kept[:2] == number[:2] else number


def _vat_error(error: InvalidNumber, country: str) -> ValidationError:
    problems = {
        InvalidChecksum: _("The check digit of this VAT number is wrong. A digit was probably mistyped."),
        InvalidLength: _("This VAT number has the wrong length for %(country)s."),
        InvalidFormat: _("VAT numbers of %(country)s are written differently."),
        InvalidComponent: _("VAT numbers of %(country)s are written differently."),
    }
    message = problems.get(type(error), _("This is not a VAT number of %(country)s."))
    return ValidationError(message, code="bad_vat", params={"country": countries.name(country)})


def parse_cc_emails(typed: str) -> list[str]:
    """Addresses, one per line or between commas, each once, in the order typed."""
    found = list(dict.fromkeys(part.strip() for part in re.split(r"[,;\n]", typed) if part.strip()))
    if len(found) > CC_EMAILS_MAX:
        message = _("At most %(most)s addresses can receive copies.")
        raise ValidationError(message, code="too_many", params={"most": CC_EMAILS_MAX})
    for email in found:
        try:
            _check_email(email)
        except ValidationError as error:
            message = _("“%(email)s” is not an e-mail address.")
            raise ValidationError(message, code="bad_email", params={"email": email}) from error
    return found
