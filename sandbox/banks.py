"""Stripe's published test bank accounts and what each does.

https://docs.stripe.com/testing#non-card-payments, https://docs.stripe.com/payments/sepa-debit/set-up-payment#test,
https://docs.stripe.com/payments/ach-direct-debit/set-up-payment#test
"""

import hashlib
from dataclasses import dataclass

from .errors import StripeError, invalid_request
from .store import Json

SEPA, US = "sepa_debit", "us_bank_account"
TEST_ROUTING = "110000000"
TEST_BANK = "STRIPE TEST BANK"
#: IBANs whose debits fail without saying why, beside those that end as `IBAN_ENDINGS` has it.
FAILING_IBANS = frozenset(
    {
        "AT861904300235473202",
        "DE62370400440532013001",
        "DE78370400440532013004",
        "FI9112345600000786",
        "FI1012345600000789",
        "FR8420041010050500013M02607",
        "FR7920041010050500013M02600",
        "IE02AIBK93115212345679",
        "IE94AIBK93115212345672",
        "LI1208800143823175626",
        "LT821000011101001001",
    }
)
IBAN_ENDINGS = {
    "2222227": "insufficient_funds",
    "343434": "charge_exceeds_source_limit",
    "121212": "charge_exceeds_weekly_limit",
}
#: US account number -> (name of its token, failure of a debit).
US_ACCOUNTS = {
    "000123456789": ("success", ""),
    "000111111113": ("accountClosed", "account_closed"),
    "000111111116": ("noAccount", "no_account"),
    "000222222227": ("insufficientFunds", "insufficient_funds"),
    "000333333335": ("debitNotAuthorized", "debit_not_authorized"),
    "000444444440": ("invalidCurrency", "invalid_currency"),
    "000666666661": ("failMicrodeposits", ""),
    "000000000009": ("processing", ""),
    "000777777771": ("weeklyLimitExceeded", "charge_exceeds_weekly_limit"),
}
NO_DEPOSITS = "000666666661"
IBAN_TOKENS = {
    "success_de": "DE89370400440532013000",
    "failed_de": "DE62370400440532013001",
    "insufficientFunds_de": "DE65370400440002222227",
    "success_fr": "FR1420041010050500013M02606",
    "failed_fr": "FR8420041010050500013M02607",
    "success_ie": "IE29AIBK93115212345678",
}
MESSAGES = {
    "account_closed": "The customer's bank account has been closed.",
    "no_account": "The bank account could not be located.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "debit_not_authorized": "The customer has notified their bank that this payment was unauthorized.",
    "charge_exceeds_source_limit": "The payment would cause the account to exceed its weekly payment volume limit.",
    "charge_exceeds_weekly_limit": "The payment would cause the account to exceed its weekly transaction limit.",
    "invalid_currency": "The bank was unable to process this payment because of its currency.",
    "generic_could_not_process": "The payment could not be processed by the bank.",
}
CURRENCIES = {SEPA: "eur", US: "usd"}


@dataclass(frozen=True)
class BankAccount:
    """`number` is the IBAN or the account number; `failure` the code that its debits end with, "" when they succeed."""

    kind: str
    number: str
    routing: str = ""

    @property
    def failure(self) -> str:
        if self.kind == US:
            return US_ACCOUNTS.get(self.number, ("", ""))[1]
        if self.number in FAILING_IBANS:
            return "generic_could_not_process"
        return next((code for ending, code in IBAN_ENDINGS.items() if self.number.endswith(ending)), "")

    def details(self, account_id: str) -> Json:
        """The method's own part, as the API shows it."""
        shown: Json = {
            "fingerprint": hashlib.sha256(f"{account_id}/{self.routing}{self.number}".encode()).hexdigest()[:16],
            "last4": self.number[-4:],
        }
        if self.kind == SEPA:
            length = 8 if self.number[:2] in ("DE", "LI") else 5
            return shown | {
                "bank_code": self.number[4 : 4 + length],
                "branch_code": "",
                "country": self.number[:2],
                "generated_from": {"charge": None, "setup_attempt": None},
            }
        return shown | {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": TEST_BANK,
            "financial_connections_account": None,
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": self.routing,
            "status_details": {},
        }


def read_iban(text: str) -> BankAccount:
    """https://docs.stripe.com/error-codes#invalid-bank-account-iban"""
    iban = "".join(text.split()).upper()
    well_formed = iban.isascii() and iban.isalnum() and 15 <= len(iban) <= 34 and iban[:2].isalpha()
    if not well_formed or int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 != 1:
        raise invalid_request(
            "The IBAN you provided is invalid.", code="invalid_bank_account_iban", param="sepa_debit[iban]"
        )
    return BankAccount(SEPA, iban)


def read_us_account(routing: str, account: str) -> BankAccount:
    if not (routing.isdigit() and len(routing) == 9 and passes_checksum(routing)):
        raise invalid_request(
            f"Invalid routing number for US: {routing}.",
            code="routing_number_invalid",
            param="us_bank_account[routing_number]",
        )
    if not (account.isdigit() and 4 <= len(account) <= 17):
        raise invalid_request(
            "You must use a test bank account number in test mode.",
            code="account_number_invalid",
            param="us_bank_account[account_number]",
        )
    return BankAccount(US, account, routing)


def passes_checksum(routing: str) -> bool:
    """https://www.aba.com/about-us/routing-number: weights 3, 7, 1."""
    return sum(int(digit) * weight for digit, weight in zip(routing, (3, 7, 1) * 3, strict=True)) % 10 == 0


def linked_account(name: str) -> BankAccount:
    """The account behind a Financial Connections id of the test bank: `fca_test_success` and so on."""
    for number, (token, _failure) in US_ACCOUNTS.items():
        if name == f"fca_test_{token}":
            return BankAccount(US, number, TEST_ROUTING)
    raise invalid_request(
        f"No such financial_connections.account: '{name}'",
        code="resource_missing",
        param="us_bank_account[financial_connections_account]",
    )


def find_token(name: str) -> BankAccount | None:
    """`pm_usBankAccount_success`, `pm_success_de` and the like."""
    for number, (token, _failure) in US_ACCOUNTS.items():
        if name == f"pm_usBankAccount_{token}":
            return BankAccount(US, number, TEST_ROUTING)
    iban = IBAN_TOKENS.get(name.removeprefix("pm_")) if name.startswith("pm_") else None
    return BankAccount(SEPA, iban) if iban else None


def account_of(method: Json) -> BankAccount:
    return BankAccount(method["type"], method["_account"], method.get("_routing", ""))


def failed_debit(code: str) -> StripeError:
    """How a debit's failure stands in `last_payment_error`."""
    return invalid_request(MESSAGES[code], code=code)
