"""https://docs.stripe.com/api/charges and https://docs.stripe.com/api/refunds"""

from ..errors import StripeError, invalid_request
from ..store import Json
from .call import Call, merge_metadata, new_id, public, snapshot
from .lists import page


def record_charge(call: Call, intent: Json, method: Json, error: StripeError | None = None) -> Json:
    failed = error.error if error else {}
    card = method["card"]
    outcome = {
        "advice_code": failed.get("advice_code"),
        "network_status": "declined_by_network" if failed else "approved_by_network",
        "reason": failed.get("decline_code"),
        "risk_level": "normal",
        "seller_message": "The bank did not return any further details with this decline."
        if failed
        else "Payment complete.",
        "type": "issuer_declined" if failed else "authorized",
    }
    charge: Json = {
        "id": new_id("charge"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0 if failed else intent["amount"],
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": public(method["billing_details"]),
        "captured": not failed,
        "created": call.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": failed.get("code"),
        "failure_message": failed.get("message"),
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": outcome,
        "paid": not failed,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "type": "card",
            "card": {
                name: card[name]
                for name in ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
            },
        },
        "receipt_url": None,
        "refunded": False,
        "status": "failed" if failed else "succeeded",
    }
    return call.save(charge)


def retrieve(call: Call) -> Json:
    return call.find("charge", call.ids[0])


def listing(call: Call) -> Json:
    intent = call.params.get("payment_intent")
    return page(
        call,
        "charge",
        "/v1/charges",
        keep=lambda charge: intent is None or charge["payment_intent"] == intent,
        customer=call.params.get("customer"),
    )


def charge_to_refund(call: Call) -> Json:
    if call.params.get("charge"):
        return call.find("charge", call.params["charge"], param="charge")
    if not call.params.get("payment_intent"):
        raise invalid_request(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    intent = call.find("payment_intent", call.params["payment_intent"], param="payment_intent")
    if intent["status"] != "succeeded":
        raise invalid_request(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
    return call.find("charge", intent["latest_charge"])


def create_refund(call: Call) -> Json:
    charge = charge_to_refund(call)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = call.params.get("amount", left)
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid_request(message, code="charge_already_refunded")
    if not 0 < amount <= left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid_request(message, param="amount")
    refund = {
        "id": new_id("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": merge_metadata({}, call.params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "reason": call.params.get("reason"),
        "receipt_number": None,
        "status": "succeeded",
    }
    before = snapshot(charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    call.created(refund)
    call.changed(charge, before, "charge.refunded")
    return refund


def retrieve_refund(call: Call) -> Json:
    return call.find("refund", call.ids[0])


def list_refunds(call: Call) -> Json:
    charge, intent = call.params.get("charge"), call.params.get("payment_intent")

    def keep(refund: Json) -> bool:
        return charge in (None, refund["charge"]) and intent in (None, refund["payment_intent"])

    return page(call, "refund", "/v1/refunds", keep=keep)
