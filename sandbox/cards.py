"""Stripe's published test cards and what each does: https://docs.stripe.com/testing."""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from .errors import StripeError


@dataclass(frozen=True)
class Card:
    """``decline`` refuses the card whenever it is verified or charged, ``charge_decline`` only when it is charged.

    ``setup_auth``: saving asks for 3-D Secure; ``charge_auth``: paying does ("on_session" unless saved, "always").
    ``after_auth``: decline code once the customer has authenticated. ``refund``: "wait" for the bank, or "fail" later.
    """

    number: str
    brand: str
    token: str = ""
    funding: str = "credit"
    country: str = "US"
    decline: str | None = None
    charge_decline: str | None = None
    setup_auth: bool = False
    charge_auth: str = ""
    after_auth: str | None = None
    checks_failed: tuple[str, ...] = ()
    three_d_secure: bool = True
    refund: str = ""


def plain(number: str, brand: str, token: str = "", **more: Any) -> Card:
    return Card(number, brand, token, **more)


def declining(number: str, decline: str, token: str) -> Card:
    return Card(number, "visa", token, decline=decline)


CARDS = [
    plain("4242424242424242", "visa", "visa"),
    plain("4000056655665556", "visa", "visa_debit", funding="debit"),
    plain("4012888888881881", "visa"),
    plain("5555555555554444", "mastercard", "mastercard"),
    plain("2223003122003222", "mastercard"),
    plain("5200828282828210", "mastercard", "mastercard_debit", funding="debit"),
    plain("5105105105105100", "mastercard", "mastercard_prepaid", funding="prepaid"),
    plain("378282246310005", "amex", "amex", three_d_secure=False),
    plain("371449635398431", "amex", three_d_secure=False),
    plain("6011111111111117", "discover", "discover"),
    plain("6011000990139424", "discover"),
    plain("6011981111111113", "discover", funding="debit"),
    plain("3056930009020004", "diners", "diners"),
    plain("36227206271667", "diners"),
    plain("30569309025904", "diners"),
    plain("6555900000604105", "discover"),
    plain("3566002020360505", "jcb", "jcb", country="JP"),
    plain("3530111333300000", "jcb", country="JP"),
    plain("6200000000000005", "unionpay", "unionpay", country="CN"),
    plain("6200000000000047", "unionpay", funding="debit", country="CN"),
    plain("6205500000000000004", "unionpay", country="CN"),
    *[
        plain(number, brand, country.lower(), country=country)
        for country, number, brand in [
            ("AR", "4000000320000021", "visa"),
            ("BR", "4000000760000002", "visa"),
            ("CA", "4000001240000000", "visa"),
            ("CL", "4000001520000001", "visa"),
            ("CO", "4000001700000003", "visa"),
            ("CR", "4000001880000005", "visa"),
            ("EC", "4000002180000000", "visa"),
            ("MX", "4000004840008001", "visa"),
            ("PA", "4000005910000000", "visa"),
            ("PY", "4000006000000066", "visa"),
            ("PE", "4000006040000068", "visa"),
            ("UY", "4000008580000003", "visa"),
            ("AE", "4000007840000001", "visa"),
            ("AT", "4000000400000008", "visa"),
            ("BE", "4000000560000004", "visa"),
            ("BG", "4000001000000000", "visa"),
            ("BY", "4000001120000005", "visa"),
            ("HR", "4000001910000009", "visa"),
            ("CY", "4000001960000008", "visa"),
            ("CZ", "4000002030000002", "visa"),
            ("DK", "4000002080000001", "visa"),
            ("EE", "4000002330000009", "visa"),
            ("FI", "4000002460000001", "visa"),
            ("FR", "4000002500000003", "visa"),
            ("DE", "4000002760000016", "visa"),
            ("GI", "4000002920000005", "visa"),
            ("GR", "4000003000000030", "visa"),
            ("HU", "4000003480000005", "visa"),
            ("IE", "4000003720000005", "visa"),
            ("IT", "4000003800000008", "visa"),
            ("LV", "4000004280000005", "visa"),
            ("LI", "4000004380000004", "visa"),
            ("LT", "4000004400000000", "visa"),
            ("LU", "4000004420000006", "visa"),
            ("MT", "4000004700000007", "visa"),
            ("NL", "4000005280000002", "visa"),
            ("NO", "4000005780000007", "visa"),
            ("PL", "4000006160000005", "visa"),
            ("PT", "4000006200000007", "visa"),
            ("RO", "4000006420000001", "visa"),
            ("SA", "4000006820000007", "visa"),
            ("SI", "4000007050000006", "visa"),
            ("SK", "4000007030000001", "visa"),
            ("ES", "4000007240000007", "visa"),
            ("SE", "4000007520000008", "visa"),
            ("CH", "4000007560000009", "visa"),
            ("GB", "4000008260000000", "visa"),
            ("AU", "4000000360000006", "visa"),
            ("CN", "4000001560000002", "visa"),
            ("HK", "4000003440000004", "visa"),
            ("IN", "4000003560000008", "visa"),
            ("JP", "4000003920000003", "visa"),
            ("MY", "4000004580000002", "visa"),
            ("NZ", "4000005540000008", "visa"),
            ("SG", "4000007020000003", "visa"),
            ("TW", "4000001580000008", "visa"),
            ("TH", "4000007640000003", "visa"),
        ]
    ],
    declining("4000000000000002", "generic_decline", "visa_chargeDeclined"),
    declining("4000000000009995", "insufficient_funds", "visa_chargeDeclinedInsufficientFunds"),
    declining("4000000000009987", "lost_card", "visa_chargeDeclinedLostCard"),
    declining("4000000000009979", "stolen_card", "visa_chargeDeclinedStolenCard"),
    declining("4000000000000069", "expired_card", "chargeDeclinedExpiredCard"),
    declining("4000000000000127", "incorrect_cvc", "chargeDeclinedIncorrectCvc"),
    declining("4000000000000119", "processing_error", "chargeDeclinedProcessingError"),
    declining("4000000000006975", "card_velocity_exceeded", "visa_chargeDeclinedVelocityLimitExceeded"),
    declining("4100000000000019", "fraudulent", "radarBlock"),
    Card("4000000000000341", "visa", "chargeCustomerFail", charge_decline="generic_decline"),
    plain("4000000000000101", "visa", "cvcCheckFail", checks_failed=("cvc_check",)),
    plain("4000000000000036", "visa", "avsZipFail", checks_failed=("address_postal_code_check",)),
    plain("4000000000000028", "visa", "avsLine1Fail", checks_failed=("address_line1_check",)),
    plain("4000000000000010", "visa", "avsFail", checks_failed=("address_line1_check", "address_postal_code_check")),
    Card("4000002500003155", "visa", "authenticationRequiredOnSetup", setup_auth=True, charge_auth="unless_saved"),
    Card("4000002760003184", "visa", "authenticationRequired", setup_auth=True, charge_auth="always"),
    Card("4000003800000446", "visa", "authenticationRequiredSetupForOffSession", charge_auth="on_session"),
    Card(
        "4000008260003178",
        "visa",
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        setup_auth=True,
        charge_auth="unless_saved",
        charge_decline="insufficient_funds",
        after_auth="insufficient_funds",
    ),
    Card("4000000000003220", "visa", "threeDSecure2Required", setup_auth=True, charge_auth="unless_saved"),
    Card("4000000000003063", "visa", "threeDSecureRequired", setup_auth=True, charge_auth="unless_saved"),
    Card(
        "4000008400001629",
        "visa",
        "threeDSecureRequiredChargeDeclined",
        setup_auth=True,
        charge_auth="unless_saved",
        after_auth="generic_decline",
    ),
    Card(
        "4000008400001280",
        "visa",
        "threeDSecureRequiredProcessingError",
        decline="processing_error",
    ),
    plain("4000000000007726", "visa", "pendingRefund", refund="wait"),
    plain("4000000000005126", "visa", "refundFail", refund="fail"),
    plain("4000000000003055", "visa", "threeDSecureOptional"),
    plain("4000000000003097", "visa", "threeDSecureOptionalProcessingError"),
]
BY_NUMBER = {card.number: card for card in CARDS}
BY_TOKEN = {card.token: card for card in CARDS if card.token}
# Names that Stripe's own tokens have beside the ones that follow from the table.
BY_TOKEN.update({"us": BY_NUMBER["4242424242424242"], "chargeDeclined": BY_NUMBER["4000000000000002"]})

DECLINES = {
    "generic_decline": ("card_declined", "Your card was declined.", None),
    "insufficient_funds": ("card_declined", "Your card has insufficient funds.", None),
    "lost_card": ("card_declined", "Your card was declined.", None),
    "stolen_card": ("card_declined", "Your card was declined.", None),
    "fraudulent": ("card_declined", "Your card was declined.", None),
    "card_velocity_exceeded": (
        "card_declined",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
        None,
    ),
    "expired_card": ("expired_card", "Your card has expired.", "exp_month"),
    "incorrect_cvc": ("incorrect_cvc", "Your card's security code is incorrect.", "cvc"),
    "processing_error": (
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        None,
    ),
    "authentication_required": (
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        None,
    ),
}
ADVICE = {
    "processing_error": "try_again_later",
    "insufficient_funds": "try_again_later",
    "expired_card": "confirm_card_data",
}


def find_token(name: str) -> Card | None:
    """``pm_card_visa``, ``tok_visa``, ``pm_card_chargeDeclined`` and the like."""
    for prefix in ("pm_card_", "tok_"):
        if name.startswith(prefix):
            return BY_TOKEN.get(name.removeprefix(prefix))
    return None


def passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = (sum(divmod(digit * 2, 10)) for digit in digits[1::2])
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0


def card_error(
    code: str, message: str, *, decline_code: str | None = None, param: str | None = None, **more: Any
) -> StripeError:
    error = {
        "advice_code": ADVICE.get(decline_code or ""),
        "code": code,
        "decline_code": decline_code,
        "message": message,
        "param": param,
        "type": "card_error",
        **more,
    }
    return StripeError(402, error)


def declined(decline_code: str, **more: Any) -> StripeError:
    code, message, param = DECLINES[decline_code]
    return card_error(code, message, decline_code=decline_code, param=param, **more)


def read_card(given: dict[str, Any]) -> tuple[Card, int, int]:
    """Card, month and year of ``card[...]``; a number, date or code that cannot be is refused as Stripe does."""
    number = str(given.get("number", "")).replace(" ", "").replace("-", "")
    if not number.isdigit() or not passes_luhn(number):
        raise card_error("incorrect_number", "Your card number is incorrect.", param="number")
    if number not in BY_NUMBER:
        message = (
            "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test "
            "cards, visit: https://stripe.com/docs/testing."
        )
        raise card_error("card_declined", message, decline_code="test_mode_live_card")
    card = BY_NUMBER[number]
    month, year = check_expiry(int(given.get("exp_month") or 0), int(given.get("exp_year") or 0))
    cvc = given.get("cvc")
    if cvc is not None and (not str(cvc).isdigit() or len(str(cvc)) != (4 if card.brand == "amex" else 3)):
        raise card_error("invalid_cvc", "Your card's security code is invalid.", param="cvc")
    return card, month, year


def check_expiry(month: int, year: int) -> tuple[int, int]:
    if year < 100:
        year += 2000
    if not 1 <= month <= 12:
        raise card_error("invalid_expiry_month", "Your card's expiration month is invalid.", param="exp_month")
    today = time.gmtime()
    if year < today.tm_year or year > today.tm_year + 50:
        raise card_error("invalid_expiry_year", "Your card's expiration year is invalid.", param="exp_year")
    if year == today.tm_year and month < today.tm_mon:
        raise card_error("invalid_expiry_month", "Your card's expiration month is invalid.", param="exp_month")
    return month, year


def fingerprint(account_id: str, number: str) -> str:
    """The same for a number within an account, different between accounts."""
    return hashlib.sha256(f"{account_id}/{number}".encode()).hexdigest()[:16]
