"""https://docs.stripe.com/api/mandates: the holder's leave to debit a bank account."""

from ..errors import StripeError, invalid_request
from ..store import Json, random_text
from .call import Call, new_id


def record(call: Call, method: Json) -> Json:
    """The method's mandate, made when it is first accepted."""
    known = call.account.shelf("mandate").items.get(method.get("_mandate") or "")
    if known:
        return known
    given = (call.params.get("mandate_data") or {}).get("customer_acceptance") or {}
    online = given.get("online") or {}
    details = {"reference": random_text(16).upper(), "url": f"{call.base_url}/js/mandate"}
    mandate: Json = {
        "id": new_id("mandate"),
        "object": "mandate",
        "customer_acceptance": {
            "accepted_at": call.now,
            "type": given.get("type", "online"),
            "online": {"ip_address": online.get("ip_address"), "user_agent": online.get("user_agent")},
        },
        "livemode": False,
        "multi_use": {},
        "payment_method": method["id"],
        "payment_method_details": {
            "type": method["type"],
            method["type"]: details if method["type"] == "sepa_debit" else {},
        },
        "status": "active",
        "type": "multi_use",
    }
    method["_mandate"] = mandate["id"]
    call.save(method)
    return call.save(mandate)


def missing(call: Call, method: Json) -> StripeError | None:
    """A server must say that the mandate was accepted; the browser's script shows its text and says so by itself."""
    if call.publishable or method.get("_mandate") or call.params.get("mandate_data"):
        return None
    return invalid_request(
        "This PaymentMethod requires a mandate, but no existing mandate was found. Please re-send the request with "
        "`mandate_data`.",
        code="payment_intent_mandate_invalid",
    )


def retrieve(call: Call) -> Json:
    return call.find("mandate", call.ids[0])
