"""https://docs.stripe.com/api/charges"""

from ..errors import StripeError
from ..store import Json
from .call import Call, new_id, public
from .lists import page


def record_charge(
    call: Call, intent: Json, method: Json, error: StripeError | None = None, *, waits: bool = False
) -> Json:
    """``waits``: the bank is still to say whether it pays."""
    failed = error.error if error else {}
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
        "amount_captured": 0 if failed or waits else intent["amount"],
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": public(method["billing_details"]),
        "captured": not failed and not waits,
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
        "paid": not failed and not waits,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"type": method["type"], method["type"]: details_of(method)},
        "receipt_url": None,
        "refunded": False,
        "status": "failed" if failed else "pending" if waits else "succeeded",
    }
    return call.save(charge)


def details_of(method: Json) -> Json:
    if method["type"] != "card":
        return {**method[method["type"]], "mandate": method.get("_mandate")}
    names = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {name: method["card"][name] for name in names}


def end_charge(call: Call, intent: Json, error: StripeError | None = None) -> Json | None:
    """The intent's charge that waited for the bank, now that it has answered; None when none waits."""
    charge = call.account.shelf("charge").items.get(intent["latest_charge"] or "")
    if charge is None or charge["status"] != "pending":
        return None
    if error is None:
        charge.update(status="succeeded", paid=True, captured=True, amount_captured=charge["amount"])
    else:
        charge.update(status="failed", failure_code=error.error.get("code"), failure_message=error.error.get("message"))
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
