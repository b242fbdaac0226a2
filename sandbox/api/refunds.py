"""https://docs.stripe.com/api/refunds. Test cards whose refunds wait or fail: https://docs.stripe.com/testing#refunds"""

from ..errors import invalid_request
from ..store import Json
from . import payment_methods
from .call import Call, merge_metadata, new_id, snapshot
from .lists import page
from .payment_intents import refuse_between_steps


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


def create(call: Call) -> Json:
    charge = charge_to_refund(call)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = call.params.get("amount", left)
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid_request(message, code="charge_already_refunded")
    if not 0 < amount <= left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid_request(message, param="amount")
    refuse_between_steps(amount, charge["currency"])
    refund: Json = {
        "id": new_id("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "destination_details": destination(charge),
        "metadata": merge_metadata({}, call.params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "reason": call.params.get("reason"),
        "receipt_number": None,
        "status": "pending" if waits(call, charge) else "succeeded",
    }
    before = snapshot(charge)
    give_back(charge, amount)
    call.created(refund)
    call.changed(charge, before, "charge.refunded")
    return refund


def destination(charge: Json) -> Json:
    kind = charge["payment_method_details"]["type"]
    return {kind: {"type": "refund"} if kind == "card" else {}, "type": kind}


def waits(call: Call, charge: Json) -> bool:
    """A bank's refund takes days, and so does one to the card made for trying that."""
    method = call.account.shelf("payment_method").items.get(charge["payment_method"])
    return charge["payment_method_details"]["type"] != "card" or refund_end(method) == "wait"


def refund_end(method: Json | None) -> str:
    """What the test method says of its refunds: "" at once, "wait", or "fail" some time after it succeeded."""
    card = payment_methods.card_of(method) if method else None
    return card.refund if card else ""


def give_back(charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]


def settle(call: Call, refund: Json, outcome: str | None = None) -> Json:
    """The bank's answer, some time later: `succeed` or `fail`; unsaid, what the test method stands for."""
    charge = call.account.shelf("charge").items[refund["charge"]]
    method = call.account.shelf("payment_method").items.get(charge["payment_method"])
    outcome = outcome or ("fail" if refund_end(method) == "fail" else "succeed")
    before = snapshot(refund)
    if outcome == "succeed" and refund["status"] == "pending":
        refund["status"] = "succeeded"
        call.changed(refund, before)
    elif outcome == "fail" and refund["status"] in ("pending", "succeeded"):
        by_card = charge["payment_method_details"]["type"] == "card"
        refund.update(status="failed", failure_reason="expired_or_canceled_card" if by_card else "unknown")
        give_back(charge, -refund["amount"])
        call.save(charge)
        call.changed(refund, before)
        call.emit("refund.failed", refund)
    return refund


def retrieve(call: Call) -> Json:
    return call.find("refund", call.ids[0])


def listing(call: Call) -> Json:
    charge, intent = call.params.get("charge"), call.params.get("payment_intent")

    def keep(refund: Json) -> bool:
        return charge in (None, refund["charge"]) and intent in (None, refund["payment_intent"])

    return page(call, "refund", "/v1/refunds", keep=keep)
