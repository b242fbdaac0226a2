"""Payment methods that are bank accounts: SEPA Direct Debit and ACH Direct Debit."""

from typing import Any

from .. import banks
from ..errors import StripeError, invalid_request
from ..store import Json
from .call import Call, new_id

KINDS = (banks.SEPA, banks.US)


def build(call: Call, kind: str, given: Any) -> Json:
    """From `sepa_debit[iban]`, or `us_bank_account[...]` with numbers or an account linked at its bank."""
    given = given or {}
    linked = given.get("financial_connections_account")
    if kind == banks.SEPA:
        return from_account(call, banks.read_iban(required(given, kind, "iban")))
    if linked:
        method = from_account(call, banks.linked_account(linked))
        method[kind]["financial_connections_account"] = linked
        method["_verified"] = True
    else:
        routing, number = required(given, kind, "routing_number"), required(given, kind, "account_number")
        method = from_account(call, banks.read_us_account(routing, number))
    for name in ("account_holder_type", "account_type"):
        method[kind][name] = given.get(name, method[kind][name])
    return method


def required(given: Json, kind: str, name: str) -> str:
    if not given.get(name):
        param = f"{kind}[{name}]"
        raise invalid_request(f"Missing required param: {param}.", code="parameter_missing", param=param)
    return str(given[name])


def from_account(call: Call, account: banks.BankAccount) -> Json:
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {
        "id": new_id("payment_method"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": address, "email": None, "name": None, "phone": None, "tax_id": None},
        account.kind: account.details(call.account.id),
        "created": call.now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": account.kind,
        "_account": account.number,
        "_routing": account.routing,
    }


def check_holder(method: Json) -> None:
    """A mandate names its holder; for SEPA their e-mail address too: that is where notices of debits go."""
    names = ("name", "email") if method["type"] == banks.SEPA else ("name",)
    for name in names:
        if not method["billing_details"][name]:
            raise invalid_request(
                f"Missing required param: billing_details[{name}].",
                code="parameter_missing",
                param=f"billing_details[{name}]",
            )


def is_verified(method: Json) -> bool:
    return method["type"] == banks.SEPA or bool(method.get("_verified"))


def check_currency(method: Json, currency: str) -> StripeError | None:
    wanted = banks.CURRENCIES[method["type"]]
    if currency == wanted:
        return None
    message = f"The currency provided ({currency}) is invalid for `{method['type']}`. It takes: {wanted}."
    return invalid_request(message, code="payment_intent_incompatible_payment_method", param="payment_method")
