"""https://docs.stripe.com/api/payment_methods: cards here, bank accounts in `bank_methods`."""

from typing import Any

from .. import banks, cards
from ..errors import StripeError, invalid_request, missing_object, unset_refused
from ..store import Json
from . import bank_methods
from .call import Call, full_address, merge_metadata, new_id, none_if_empty, snapshot
from .lists import page

USED_UP = (
    "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
    "Customer, and may "
    "not be used again."
)


def create(call: Call) -> Json:
    return call.save(build(call, call.params))


def build(call: Call, params: Json) -> Json:
    """A new, unattached method, such as ``type=card&card[...]``; emits nothing, as Stripe does for creation."""
    kind = params.get("type", "card")
    if kind == "card":
        method = build_card(call, params.get("card"))
    elif kind in bank_methods.KINDS:
        method = bank_methods.build(call, kind, params.get(kind))
    else:
        message = (
            f"The payment method type provided: {kind} is invalid. Only card, sepa_debit and us_bank_account are "
            "activated on this account."
        )
        raise invalid_request(message, param="type")
    method["billing_details"] = billing_details(method["billing_details"], params.get("billing_details"))
    method["allow_redisplay"] = params.get("allow_redisplay", "unspecified")
    method["metadata"] = merge_metadata({}, params.get("metadata"))
    if kind != "card":
        bank_methods.check_holder(method)
    return method


def build_card(call: Call, given: Any) -> Json:
    if not given:
        raise invalid_request("Missing required param: card.", code="parameter_missing", param="card")
    if given.get("token"):
        card = cards.find_token(given["token"])
        if card is None:
            raise missing_object("token", given["token"], param="card[token]", status=400)
        method = from_test_card(call, card)
    else:
        for name in ("number", "exp_month", "exp_year"):
            if name not in given:
                raise invalid_request(
                    f"Missing required param: card[{name}].", code="parameter_missing", param=f"card[{name}]"
                )
        card, month, year = cards.read_card(given)
        method = from_test_card(call, card, month, year)
        method["card"]["checks"]["cvc_check"] = "unchecked" if given.get("cvc") else None
    return method


def from_test_card(call: Call, card: cards.Card, month: int = 12, year: int = 2034) -> Json:
    return {
        "id": new_id("payment_method"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": empty_address(), "email": None, "name": None, "phone": None, "tax_id": None},
        "card": {
            "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": None},
            "country": card.country,
            "display_brand": {"amex": "american_express", "diners": "diners_club", "unionpay": "union_pay"}.get(
                card.brand, card.brand
            ),
            "exp_month": month,
            "exp_year": year,
            "fingerprint": cards.fingerprint(call.account.id, card.number),
            "funding": card.funding,
            "generated_from": None,
            "last4": card.number[-4:],
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": card.three_d_secure},
            "wallet": None,
        },
        "created": call.now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_number": card.number,
    }


def empty_address() -> Json:
    return full_address({}) or {}


def billing_details(current: Json, given: Any) -> Json:
    if given is None:
        return current
    result = {**current}
    for name in ("email", "name", "phone", "tax_id"):
        if name in given:
            result[name] = none_if_empty(given[name])
    if "address" in given:
        cleared = given["address"] == ""
        result["address"] = empty_address() if cleared else {**result["address"], **cleaned(given["address"])}
    return result


def cleaned(address: Json) -> Json:
    return {name: none_if_empty(value) for name, value in address.items()}


def test_card(method: Json) -> cards.Card:
    return cards.BY_NUMBER[method["_number"]]


def card_of(method: Json) -> cards.Card | None:
    return test_card(method) if method["type"] == "card" else None


def take(call: Call, method_id: str, *, param: str = "payment_method") -> Json:
    """The method with that id, or a new one for a test name such as ``pm_card_visa``."""
    if method_id == "":
        raise unset_refused(param)
    card = cards.find_token(method_id)
    if card is not None and method_id.startswith("pm_card_"):
        return call.save(from_test_card(call, card))
    account = banks.find_token(method_id)
    if account is not None:
        return call.save(bank_methods.from_account(call, account))
    return call.find("payment_method", method_id, param=param)


def take_for_update(call: Call) -> Json:
    method_id = call.ids[0]
    if method_id.startswith("pm_card_"):
        return take(call, method_id)
    return call.find("payment_method", method_id)


def retrieve(call: Call) -> Json:
    return call.find("payment_method", call.ids[0])


def update(call: Call) -> Json:
    method = call.find("payment_method", call.ids[0])
    if method["customer"] is None:
        message = "You must save this PaymentMethod to a customer before you can update it."
        raise invalid_request(message, code="payment_method_unexpected_state")
    before = snapshot(method)
    card = call.params.get("card")
    if card and method["type"] != "card":
        raise invalid_request("You may only update `card` of a PaymentMethod of that type.", param="card")
    if card:
        month = card.get("exp_month", method["card"]["exp_month"])
        year = card.get("exp_year", method["card"]["exp_year"])
        month, year = cards.check_expiry(month, year)
        method["card"].update(exp_month=month, exp_year=year)
        if card.get("networks"):
            method["card"]["networks"]["preferred"] = none_if_empty(card["networks"].get("preferred", ""))
    method["billing_details"] = billing_details(method["billing_details"], call.params.get("billing_details"))
    method["metadata"] = merge_metadata(method["metadata"], call.params.get("metadata"))
    if "allow_redisplay" in call.params:
        method["allow_redisplay"] = call.params["allow_redisplay"]
    call.changed(method, before)
    return method


def attach(call: Call) -> Json:
    return attach_to(call, call.ids[0], call.params.get("customer", ""), address=True)


def attach_to(call: Call, method_id: str, customer_id: str, *, address: bool = False) -> Json:
    call.live("customer", customer_id, param="customer")
    method = take_for_update(call) if address else take(call, method_id)
    if method["customer"] == customer_id:
        return method
    check_reusable(method, customer_id)
    if method["type"] != "card":
        message = "A bank account must be verified and given a mandate. Use a SetupIntent to attach it."
        raise invalid_request(message, code="payment_method_unverified")
    error = verification_error(method)
    if error is not None:
        raise error
    return put_on_customer(call, method, customer_id)


def check_reusable(method: Json, customer_id: str | None) -> None:
    if method["customer"] not in (None, customer_id):
        raise invalid_request("The payment method you provided has already been attached to a customer.")
    if method.get("_used_up"):
        raise invalid_request(USED_UP)


def verification_error(method: Json) -> StripeError | None:
    """What the bank says when the card is verified, as attaching and setting up do. Records the checks' results."""
    if method["type"] != "card":
        return None
    card = test_card(method)
    checks = method["card"]["checks"]
    if checks["cvc_check"] == "unchecked":
        checks["cvc_check"] = "fail" if card.decline == "incorrect_cvc" or "cvc_check" in card.checks_failed else "pass"
    address = method["billing_details"]["address"]
    for check, source in (("address_line1_check", "line1"), ("address_postal_code_check", "postal_code")):
        if address.get(source):
            checks[check] = "fail" if check in card.checks_failed else "pass"
    if card.decline:
        return cards.declined(card.decline)
    if checks["cvc_check"] == "fail":
        return cards.declined("incorrect_cvc")
    return None


def put_on_customer(call: Call, method: Json, customer_id: str) -> Json:
    method["customer"] = customer_id
    call.save(method)
    call.emit("payment_method.attached", method)
    return method


def detach(call: Call) -> Json:
    method = call.find("payment_method", call.ids[0])
    if method["customer"] is None:
        raise invalid_request(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    return detach_from(call, method)


def detach_from(call: Call, method: Json) -> Json:
    """Taken off its customer for good; whatever had it as its default has none any more."""
    customer_id, method_id = method["customer"], method["id"]
    method["customer"] = None
    method["_used_up"] = True
    method["_detached_from"] = customer_id
    method["_detached_at"] = call.now
    call.save(method)
    call.emit("payment_method.detached", method, {"customer": customer_id})
    forget_default(call, customer_id, method_id)
    return method


def forget_default(call: Call, customer_id: str, method_id: str) -> None:
    for subscription in call.of_customer("subscription", customer_id):
        if subscription["default_payment_method"] == method_id:
            before = snapshot(subscription)
            subscription["default_payment_method"] = None
            call.changed(subscription, before, "customer.subscription.updated")
    for invoice in call.of_customer("invoice", customer_id):
        if invoice["default_payment_method"] == method_id and invoice["status"] in ("draft", "open"):
            before = snapshot(invoice)
            invoice["default_payment_method"] = None
            call.changed(invoice, before)
    customer = call.account.shelf("customer").items.get(customer_id)
    if customer and not customer.get("deleted") and customer["invoice_settings"]["default_payment_method"] == method_id:
        before = snapshot(customer)
        customer["invoice_settings"]["default_payment_method"] = None
        call.changed(customer, before)


def listing(call: Call) -> Json:
    customer, kind = call.params.get("customer"), call.params.get("type")
    if customer is not None:
        call.live("customer", customer, param="customer")
    elif kind is None:
        raise invalid_request("Missing required param: type.", code="parameter_missing", param="type")
    return filtered(call, customer, kind, "/v1/payment_methods")


def filtered(call: Call, customer: str | None, kind: str | None, url: str) -> Json:
    def keep(method: Json) -> bool:
        return (kind is None or method["type"] == kind) and method["customer"] is not None

    return page(call, "payment_method", url, keep=keep, customer=customer)


def listing_of_customer(call: Call) -> Json:
    customer = call.live("customer", call.ids[0])["id"]
    return filtered(call, customer, call.params.get("type"), f"/v1/customers/{customer}/payment_methods")


def retrieve_of_customer(call: Call) -> Json:
    customer = call.live("customer", call.ids[0])["id"]
    method = call.account.shelf("payment_method").items.get(call.ids[1])
    if method is None or method["customer"] != customer:
        raise missing_object("PaymentMethod", call.ids[1], param="payment_method")
    return method
