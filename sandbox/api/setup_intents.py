"""https://docs.stripe.com/api/setup_intents"""

from .. import banks
from ..errors import StripeError, invalid_request
from ..store import Json, random_text
from . import bank_methods, mandates, payment_methods
from .call import Call, merge_metadata, new_id, public, snapshot
from .lists import page

DAY = 24 * 3600
#: Wrong answers that end a verification by small deposits: by the code, by the amounts.
DESCRIPTOR_TRIES, AMOUNT_TRIES = 10, 3
AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


def create(call: Call) -> Json:
    params = call.params
    if params.get("customer") is not None:
        call.live("customer", params["customer"], param="customer")
    intent_id = new_id("setup_intent")
    types = params.get("allowed_payment_method_types") or ["card"]
    automatic = params.get("automatic_payment_methods")
    intent: Json = {
        "id": intent_id,
        "object": "setup_intent",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "application": None,
        "automatic_payment_methods": {"allow_redirects": "always", **automatic} if automatic else None,
        "cancellation_reason": None,
        "client_secret": f"{intent_id}_secret_{random_text(25)}",
        "created": call.now,
        "customer": params.get("customer"),
        "description": params.get("description"),
        "flow_directions": params.get("flow_directions"),
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": merge_metadata({}, params.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": types,
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.get("usage", "off_session"),
    }
    if params.get("payment_method") is not None:
        method = payment_methods.take(call, params["payment_method"])
        payment_methods.check_reusable(method, intent["customer"])
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"
    call.created(intent)
    if params.get("confirm"):
        return confirm_intent(call, intent)
    return intent


def retrieve(call: Call) -> Json:
    intent = call.find("setup_intent", call.ids[0])
    check_client_secret(call, intent)
    return intent


def check_client_secret(call: Call, intent: Json) -> None:
    """A publishable key sees an intent only together with that intent's own secret."""
    if not call.publishable:
        return
    if call.params.get("client_secret") != intent["client_secret"]:
        raise invalid_request(
            "The client_secret provided does not match any associated SetupIntent on this account. Ensure the "
            "publishable key "
            "used belongs to the same account that created the SetupIntent.",
            code="resource_missing",
            param="intent",
            status=404,
            stored=False,
        )


def update(call: Call) -> Json:
    intent = call.find("setup_intent", call.ids[0])
    before = snapshot(intent)
    params = call.params
    if intent["status"] in ("succeeded", "canceled") and set(params) - {"metadata", "description", "expand"}:
        raise unexpected_state(intent, "update")
    if params.get("customer") is not None:
        call.live("customer", params["customer"], param="customer")
        intent["customer"] = params["customer"]
    if params.get("payment_method"):
        method = payment_methods.take(call, params["payment_method"])
        payment_methods.check_reusable(method, intent["customer"])
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"
    if "description" in params:
        intent["description"] = params["description"]
    intent["metadata"] = merge_metadata(intent["metadata"], params.get("metadata"))
    if intent != before:
        call.save(intent)
    return intent


def unexpected_state(intent: Json, verb: str) -> StripeError:
    message = (
        f"You cannot {verb} this SetupIntent because it has a status of {intent['status']}."
        if verb != "confirm"
        else f"You cannot confirm this SetupIntent because it has already {intent['status']}."
    )
    return invalid_request(message, code="setup_intent_unexpected_state", setup_intent=public(intent))


def confirm(call: Call) -> Json:
    intent = call.find("setup_intent", call.ids[0])
    check_client_secret(call, intent)
    return confirm_intent(call, intent)


def confirm_intent(call: Call, intent: Json) -> Json:
    params = call.params
    if intent["status"] in ("succeeded", "canceled"):
        raise unexpected_state(intent, "confirm")
    method = method_to_confirm(call, intent)
    check_kind(call, intent, method)
    payment_methods.check_reusable(method, intent["customer"])
    intent["payment_method"] = method["id"]
    intent["latest_attempt"] = new_id("setup_attempt")
    intent["_return_url"] = params.get("return_url")
    call.save(method)
    error = payment_methods.verification_error(method)
    if error is not None:
        raise fail(call, intent, method, error)
    card = payment_methods.card_of(method)
    if card is not None and card.setup_auth:
        ask_for_authentication(call, intent)
        return intent
    if card is None and not bank_methods.is_verified(method):
        send_deposits(call, intent)
        return intent
    return succeed(call, intent, method)


def check_kind(call: Call, intent: Json, method: Json) -> None:
    """The intent takes only the kinds that it was made for; a bank account also wants a mandate."""
    if method["type"] not in intent["payment_method_types"]:
        kinds = ", ".join(intent["payment_method_types"])
        message = f"The PaymentMethod provided ({method['type']}) is not allowed for this SetupIntent ({kinds})."
        raise invalid_request(message, code="setup_intent_invalid_parameter", param="payment_method")
    if method["type"] != "card":
        problem = mandates.missing(call, method)
        if problem is not None:
            raise problem


def send_deposits(call: Call, intent: Json) -> None:
    """https://docs.stripe.com/payments/ach-direct-debit/set-up-payment#verify-bank-account-with-microdeposits"""
    intent["_verification"] = random_text(24)
    page = f"{call.base_url}/js/verify/{intent['id']}?token={intent['_verification']}"
    intent["status"] = "requires_action"
    intent["last_setup_error"] = None
    intent["next_action"] = {
        "type": "verify_with_microdeposits",
        "verify_with_microdeposits": {
            "arrival_date": call.now + 2 * DAY,
            "hosted_verification_url": page,
            "microdeposit_type": "descriptor_code",
        },
    }
    call.save(intent)
    call.emit("setup_intent.requires_action", intent)


def verify_microdeposits(call: Call) -> Json:
    intent = call.find("setup_intent", call.ids[0])
    check_client_secret(call, intent)
    return check_deposits(call, intent, call.params.get("amounts"), call.params.get("descriptor_code"))


def waits_for_deposits(intent: Json) -> bool:
    return intent["status"] == "requires_action" and intent["next_action"]["type"] == "verify_with_microdeposits"


def check_deposits(call: Call, intent: Json, amounts: list[int] | None, code: str | None) -> Json:
    """The holder's answer: 32 and 45, or SM11AA, is right; 10 and 11 (SM33CC) one too many; 40 and 41 (SM44DD) late."""
    if not waits_for_deposits(intent):
        raise unexpected_state(intent, "verify")
    if not amounts and not code:
        raise invalid_request("You must provide either `amounts` or `descriptor_code`.", code="parameter_missing")
    method = call.account.shelf("payment_method").items[intent["payment_method"]]
    answer = (code or "").upper() or tuple(sorted(amounts or []))
    if answer in ("SM11AA", (32, 45)):
        method["_verified"] = True
        return succeed(call, intent, method)
    intent["_wrong_answers"] = intent.get("_wrong_answers", 0) + 1
    call.save(intent)
    if answer in ("SM44DD", (40, 41)):
        raise give_up(call, intent, "timeout", "Microdeposit verification timed out.")
    if answer in ("SM33CC", (10, 11)) or intent["_wrong_answers"] >= (DESCRIPTOR_TRIES if code else AMOUNT_TRIES):
        words = "You have exceeded the number of allowed verification attempts."
        raise give_up(call, intent, "attempts_exceeded", words)
    kind = "descriptor_code_mismatch" if code else "amounts_mismatch"
    what = "descriptor code" if code else "amounts"
    message = f"The {what} provided did not match what was sent to the bank account."
    raise invalid_request(message, code=f"payment_method_microdeposit_verification_{kind}")


def give_up(call: Call, intent: Json, kind: str, message: str) -> StripeError:
    method = call.account.shelf("payment_method").items[intent["payment_method"]]
    error = invalid_request(message, code=f"payment_method_microdeposit_verification_{kind}")
    return fail(call, intent, method, error)


def settle(call: Call, intent: Json, outcome: str | None = None) -> Json:
    """What becomes of the deposits without the holder: they are told (`succeed`), or cannot be sent (`fail`)."""
    if not waits_for_deposits(intent):
        return intent
    method = call.account.shelf("payment_method").items[intent["payment_method"]]
    if outcome == "succeed" or (outcome is None and banks.account_of(method).number != banks.NO_DEPOSITS):
        method["_verified"] = True
        return succeed(call, intent, method)
    message = "Microdeposit transfers failed. Please check the account, institution and routing numbers provided."
    fail(call, intent, method, invalid_request(message, code="payment_method_microdeposit_failed"))
    return intent


def method_to_confirm(call: Call, intent: Json) -> Json:
    params = call.params
    if params.get("payment_method_data"):
        return call.save(payment_methods.build(call, params["payment_method_data"]))
    method_id = params.get("payment_method") or intent["payment_method"]
    if not method_id:
        raise invalid_request(
            "You cannot confirm this SetupIntent because it's missing a payment method. "
            "Update the SetupIntent with a payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
            setup_intent=public(intent),
        )
    return payment_methods.take(call, method_id)


def ask_for_authentication(call: Call, intent: Json) -> None:
    intent["status"] = "requires_action"
    intent["next_action"] = next_action(call, intent)
    intent["last_setup_error"] = None
    call.save(intent)
    call.emit("setup_intent.requires_action", intent)


def next_action(call: Call, intent: Json) -> Json:
    """The browser script handles ``use_stripe_sdk`` in a dialog; anyone else is sent to a page and back."""
    url = f"{call.base_url}/js/authenticate/{intent['id']}?client_secret={intent['client_secret']}"
    if call.params.get("use_stripe_sdk") or not intent.get("_return_url"):
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": intent["_return_url"], "url": url}}


def authenticate(call: Call, intent: Json, *, passed: bool) -> Json:
    """The customer's answer at the bank's page."""
    if intent["status"] != "requires_action" or waits_for_deposits(intent):
        return intent
    method = call.account.shelf("payment_method").items[intent["payment_method"]]
    if passed:
        return succeed(call, intent, method)
    code = "setup_intent_authentication_failure"
    try:
        raise fail(call, intent, method, invalid_request(AUTHENTICATION_FAILED, code=code))
    except StripeError:
        return intent


def succeed(call: Call, intent: Json, method: Json) -> Json:
    card = payment_methods.card_of(method)
    if card is None:
        intent["mandate"] = mandates.record(call, method)["id"]
    elif card.setup_auth:
        method["_authenticated"] = True
    if intent["customer"] and method["customer"] is None:
        payment_methods.put_on_customer(call, method, intent["customer"])
    else:
        method["_used_up"] = method["customer"] is None
        call.save(method)
    intent.update(status="succeeded", next_action=None, last_setup_error=None)
    call.save(intent)
    call.emit("setup_intent.succeeded", intent)
    return intent


def fail(call: Call, intent: Json, method: Json, error: StripeError) -> StripeError:
    """Record the failure on the intent; the answer carries the intent as it stands after it."""
    described = {**error.error, "payment_method": public(method)}
    intent.update(status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=described)
    call.save(intent)
    call.emit("setup_intent.setup_failed", intent)
    return StripeError(error.status, {**error.error, "setup_intent": public(intent)})


def cancel(call: Call) -> Json:
    intent = call.find("setup_intent", call.ids[0])
    if intent["status"] in ("succeeded", "canceled", "processing"):
        message = (
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}. Only a "
            "SetupIntent with one "
            "of the following statuses may be canceled: requires_payment_method, requires_confirmation, "
            "requires_action."
        )
        raise invalid_request(message, code="setup_intent_unexpected_state", setup_intent=public(intent))
    intent.update(status="canceled", next_action=None, cancellation_reason=call.params.get("cancellation_reason"))
    call.save(intent)
    call.emit("setup_intent.canceled", intent)
    return intent


def listing(call: Call) -> Json:
    method = call.params.get("payment_method")
    return page(
        call,
        "setup_intent",
        "/v1/setup_intents",
        keep=lambda intent: method is None or intent["payment_method"] == method,
        customer=call.params.get("customer"),
    )
