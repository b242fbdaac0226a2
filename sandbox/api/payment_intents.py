"""https://docs.stripe.com/api/payment_intents"""

from .. import banks, cards
from ..errors import StripeError, invalid_request
from ..store import Json, random_text
from . import bank_methods, mandates, payment_methods
from .call import Call, merge_metadata, new_id, public
from .charges import end_charge, record_charge
from .lists import page

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")

#: In minor units: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
LEAST_AMOUNT, LEAST_AMOUNTS = 50, {"gbp": 30, "mxn": 1000, "nok": 300, "sek": 300, "pln": 200}
#: Amounts in these are taken in steps only: https://docs.stripe.com/currencies#three-decimal and #special-cases
STEPS = dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 10) | {"isk": 100, "ugx": 100}


def create(call: Call) -> Json:
    params = call.params
    if params.get("off_session") and not params.get("confirm"):
        raise invalid_request(
            "You cannot set `off_session` when `confirm` is not true.", code="parameter_invalid", param="off_session"
        )
    if params["amount"] < 1:
        raise invalid_request(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    if params["amount"] < LEAST_AMOUNTS.get(params["currency"].lower(), LEAST_AMOUNT):
        raise invalid_request(
            f"Amount must be no less than the least that can be charged in {params['currency'].lower()}.",
            code="amount_too_small",
            param="amount",
        )
    if params.get("customer") is not None:
        call.live("customer", params["customer"], param="customer")
    refuse_between_steps(params["amount"], params["currency"])
    intent = build(call, params["amount"], params["currency"].lower(), params.get("customer"))
    intent["allowed_payment_method_types"] = params.get("allowed_payment_method_types")
    intent["payment_method_types"] = allowed_kinds(params, intent["currency"])
    intent["description"] = params.get("description")
    intent["receipt_email"] = params.get("receipt_email")
    intent["setup_future_usage"] = params.get("setup_future_usage")
    intent["statement_descriptor"] = params.get("statement_descriptor")
    intent["metadata"] = merge_metadata({}, params.get("metadata"))
    if params.get("payment_method") is not None:
        use_method(call, intent, payment_methods.take(call, params["payment_method"]))
    call.created(intent)
    return confirm_intent(call, intent) if params.get("confirm") else intent


def allowed_kinds(params: Json, currency: str) -> list[str]:
    """As given; a kind that cannot pay the currency is refused. Unsaid: whatever fits."""
    fitting = ["card", *(kind for kind, paid in banks.CURRENCIES.items() if paid == currency)]
    given: list[str] = params.get("allowed_payment_method_types") or fitting
    for kind in given:
        if banks.CURRENCIES.get(kind, currency) != currency:
            message = f"The payment method `{kind}` cannot be used with the currency {currency}."
            raise invalid_request(message, param="allowed_payment_method_types")
    return given


def refuse_between_steps(amount: int, currency: str) -> None:
    """https://support.stripe.com/questions/deprecation-of-fractional-isk-charges-and-refunds"""
    step = STEPS.get(currency.lower(), 1)
    if amount % step:
        message = f"Invalid amount. Amounts in {currency} must be evenly divisible by {step}."
        raise invalid_request(message, code="invalid_charge_amount_no_decimal_compatible", param="amount")


def build(call: Call, amount: int, currency: str, customer: str | None) -> Json:
    intent_id = new_id("payment_intent")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{random_text(25)}",
        "confirmation_method": "automatic",
        "created": call.now,
        "currency": currency,
        "customer": customer,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"network": None, "request_three_d_secure": "automatic"}},
        "payment_method_types": allowed_kinds({}, currency),
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def use_method(call: Call, intent: Json, method: Json) -> None:
    if method.get("_used_up"):
        raise invalid_request(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, "
            "shared with a "
            "connected account without Customer attachment, or was detached from a Customer. It may not be used "
            "again. To use "
            "a PaymentMethod multiple times, you must attach it to a Customer first.",
            param="payment_method",
        )
    if method["customer"] not in (None, intent["customer"]):
        message = (
            f"The customer does not have a payment method with the ID {method['id']}. The payment method must be "
            "attached to "
            "the customer."
            if intent["customer"]
            else f"The provided PaymentMethod cannot be used: it belongs to the Customer {method['customer']}. "
            "Please include "
            "the Customer in the `customer` parameter on the PaymentIntent."
        )
        raise invalid_request(message, param="payment_method")
    intent["payment_method"] = method["id"]
    intent["status"] = "requires_confirmation"


def retrieve(call: Call) -> Json:
    intent = call.find("payment_intent", call.ids[0])
    check_client_secret(call, intent)
    return intent


def check_client_secret(call: Call, intent: Json) -> None:
    if call.publishable and call.params.get("client_secret") != intent["client_secret"]:
        raise invalid_request(
            "The client_secret provided does not match any associated PaymentIntent on this account. Ensure the "
            "publishable "
            "key used belongs to the same account that created the PaymentIntent.",
            code="resource_missing",
            param="intent",
            status=404,
            stored=False,
        )


def confirm(call: Call) -> Json:
    intent = call.find("payment_intent", call.ids[0])
    check_client_secret(call, intent)
    return confirm_intent(call, intent)


def check_kind(call: Call, intent: Json) -> None:
    method = call.account.shelf("payment_method").items.get(intent["payment_method"] or "")
    allowed = call.params.get("allowed_payment_method_types") or intent["payment_method_types"]
    if method is not None and method["type"] not in allowed:
        message = (
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. It takes: "
            f"{', '.join(allowed)}."
        )
        raise invalid_request(message, code="payment_intent_incompatible_payment_method", param="payment_method")


def unexpected_state(intent: Json, message: str) -> StripeError:
    return invalid_request(message, code="payment_intent_unexpected_state", payment_intent=public(intent))


def confirm_intent(call: Call, intent: Json) -> Json:
    params = call.params
    if intent["status"] not in OPEN:
        word = "succeeded" if intent["status"] == "succeeded" else intent["status"]
        raise unexpected_state(
            intent,
            f"You cannot confirm this PaymentIntent because it has already {word} after being previously confirmed.",
        )
    if params.get("payment_method_data"):
        use_method(call, intent, call.save(payment_methods.build(call, params["payment_method_data"])))
    elif params.get("payment_method") and params["payment_method"] != intent["payment_method"]:
        use_method(call, intent, payment_methods.take(call, params["payment_method"]))
    check_kind(call, intent)
    if not intent["payment_method"]:
        raise unexpected_state(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. To confirm the "
            "PaymentIntent with "
            f"{intent['customer']}, specify a payment method attached to this customer along with the customer's ID.",
        )
    intent["_return_url"] = params.get("return_url")
    error = attempt(call, intent, off_session=bool(params.get("off_session")))
    if error is not None:
        raise error
    if intent["status"] == "requires_action" and params.get("error_on_requires_action"):
        method = call.account.shelf("payment_method").items[intent["payment_method"]]
        raise fail(call, intent, method, cards.declined("authentication_required"))
    return intent


def attempt(call: Call, intent: Json, *, off_session: bool) -> StripeError | None:
    """Charge the intent's method. The intent then says: succeeded, processing (a bank account), requires_action, or
    failed (the error returned)."""
    method = call.account.shelf("payment_method").items[intent["payment_method"]]
    if method["type"] != "card":
        return debit(call, intent, method)
    card = payment_methods.test_card(method)
    error = payment_methods.verification_error(method)
    if error is None and needs_authentication(card, method, off_session=off_session):
        if off_session:
            return fail(call, intent, method, cards.declined("authentication_required"))
        ask_for_authentication(call, intent)
        return None
    if error is None and card.charge_decline:
        error = cards.declined(card.charge_decline)
    if error is not None:
        return fail(call, intent, method, error)
    succeed(call, intent, method)
    return None


def debit(call: Call, intent: Json, method: Json) -> StripeError | None:
    """The bank is asked; it answers days later: see `settle`."""
    problem = bank_methods.check_currency(method, intent["currency"]) or mandates.missing(call, method)
    if problem is None and not bank_methods.is_verified(method):
        message = "The bank account has not been verified. Verify it with a SetupIntent first."
        problem = invalid_request(message, code="payment_method_unverified", param="payment_method")
    if problem is not None:
        return problem
    mandates.record(call, method)
    charge = record_charge(call, intent, method, waits=True)
    if method["customer"] is None and intent["customer"] and intent["setup_future_usage"]:
        payment_methods.put_on_customer(call, method, intent["customer"])
    intent.update(status="processing", latest_charge=charge["id"], next_action=None, last_payment_error=None)
    call.save(intent)
    call.emit("charge.pending", charge)
    call.emit("payment_intent.processing", intent)
    return None


def settle(call: Call, intent: Json, outcome: str | None = None) -> Json:
    """The bank's answer, some time later: `succeed` or `fail`; unsaid, what the test account stands for."""
    if intent["status"] != "processing":
        return intent
    method = call.account.shelf("payment_method").items[intent["payment_method"]]
    failure = banks.account_of(method).failure
    if outcome == "succeed" or (outcome is None and not failure):
        succeed(call, intent, method)
    else:
        fail(call, intent, method, banks.failed_debit(failure or "generic_could_not_process"))
    tell_invoice(call, intent)
    return intent


def tell_invoice(call: Call, intent: Json) -> None:
    """An invoice of the gateway's own that waited for this payment follows."""
    if not intent.get("_invoice"):
        return
    from .invoice_payments import mark_failed, mark_paid

    invoice = call.account.shelf("invoice").items[intent["_invoice"]]
    if intent["status"] == "succeeded":
        mark_paid(call, invoice, intent)
    else:
        mark_failed(call, invoice)


def needs_authentication(card: cards.Card, method: Json, *, off_session: bool) -> bool:
    if not card.charge_auth:
        return False
    if not off_session or card.charge_auth == "always":
        return True
    return card.charge_auth == "unless_saved" and not method.get("_authenticated")


def ask_for_authentication(call: Call, intent: Json) -> None:
    url = f"{call.base_url}/js/authenticate/{intent['id']}?client_secret={intent['client_secret']}"
    return_url = intent.get("_return_url")
    intent["status"] = "requires_action"
    if call.params.get("use_stripe_sdk") or not return_url:
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"stripe_js": url}}
    else:
        intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
    call.save(intent)
    call.emit("payment_intent.requires_action", intent)


def authenticate(call: Call, intent: Json, *, passed: bool) -> Json:
    """The customer's answer at the bank's page; an invoice that waits for it follows."""
    if intent["status"] != "requires_action":
        return intent
    method = call.account.shelf("payment_method").items[intent["payment_method"]]
    card = payment_methods.test_card(method)
    if not passed:
        message = (
            "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
            "PaymentMethod "
            "to attempt to fulfill this PaymentIntent again."
        )
        fail(call, intent, method, invalid_request(message, code="payment_intent_authentication_failure"))
    elif card.after_auth or card.charge_decline:
        fail(call, intent, method, cards.declined(card.after_auth or card.charge_decline or ""))
    else:
        succeed(call, intent, method)
        tell_invoice(call, intent)
    return intent


def succeed(call: Call, intent: Json, method: Json) -> None:
    charge = end_charge(call, intent) or record_charge(call, intent, method)
    if method["customer"] is None:
        if intent["customer"] and intent["setup_future_usage"]:
            payment_methods.put_on_customer(call, method, intent["customer"])
        else:
            method["_used_up"] = True
    call.save(method)
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error=None,
    )
    call.save(intent)
    call.emit("charge.succeeded", charge)
    call.emit("payment_intent.succeeded", intent)


def fail(call: Call, intent: Json, method: Json, error: StripeError) -> StripeError:
    charge = end_charge(call, intent, error) or record_charge(call, intent, method, error)
    described = {**error.error, "charge": charge["id"], "payment_method": public(method)}
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error=described,
    )
    call.save(intent)
    call.emit("charge.failed", charge)
    call.emit("payment_intent.payment_failed", intent)
    return StripeError(error.status, {**described, "payment_intent": public(intent)})


def cancel(call: Call) -> Json:
    intent = call.find("payment_intent", call.ids[0])
    if intent["status"] not in OPEN:
        raise unexpected_state(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
            "PaymentIntent with "
            "one of the following statuses may be canceled: requires_payment_method, requires_capture, "
            "requires_confirmation, "
            "requires_action, processing.",
        )
    reason = call.params.get("cancellation_reason")
    intent.update(status="canceled", canceled_at=call.now, cancellation_reason=reason, next_action=None)
    call.save(intent)
    call.emit("payment_intent.canceled", intent)
    return intent


def listing(call: Call) -> Json:
    return page(call, "payment_intent", "/v1/payment_intents", customer=call.params.get("customer"))
