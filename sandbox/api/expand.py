"""``expand[]``: ids replaced by the objects they name, https://docs.stripe.com/expand."""

from typing import Any

from ..errors import invalid_request
from ..store import Account, Json
from .call import public

KINDS = {
    "customer": "customer",
    "payment_method": "payment_method",
    "default_payment_method": "payment_method",
    "latest_invoice": "invoice",
    "invoice": "invoice",
    "latest_charge": "charge",
    "charge": "charge",
    "payment_intent": "payment_intent",
    "setup_intent": "setup_intent",
    "pending_setup_intent": "setup_intent",
    "subscription": "subscription",
    "product": "product",
    "price": "price",
    "default_price": "price",
    "mandate": "mandate",
}


def expand(account: Account, answer: Json, paths: list[str]) -> Json:
    """A copy of ``answer`` with every path expanded; four levels at most, as Stripe allows."""
    result: Json = public(answer)
    for path in paths:
        parts = path.split(".")
        if len(parts) > 4 + (parts[0] == "data"):
            raise invalid_request("You cannot expand more than 4 levels of a property.", param="expand")
        expand_into(account, result, parts, path)
    return result


def expand_into(account: Account, node: Any, parts: list[str], path: str) -> None:
    if isinstance(node, list):
        for item in node:
            expand_into(account, item, parts, path)
        return
    if not isinstance(node, dict) or not parts:
        return
    name = parts[0]
    extra = include(account, node, name)
    if extra is not None:
        node[name] = extra
    elif name not in node:
        raise invalid_request(
            f"This property cannot be expanded ({path})."
            + (f" You may want to try expanding 'data.{path}' instead." if node.get("object") == "list" else ""),
            param="expand",
        )
    value = node[name]
    if isinstance(value, str):
        found = account.shelf(KINDS[name]).items.get(value) if name in KINDS else None
        if found is None:
            raise invalid_request(f"This property cannot be expanded ({path}).", param="expand")
        node[name] = value = public(found)
    expand_into(account, value, parts[1:], path)


def include(account: Account, node: Json, name: str) -> Any:
    """Fields that are left out of an object until they are asked for."""
    kind, object_id = node.get("object"), node.get("id", "")
    if (kind, name) == ("customer", "subscriptions"):
        live = [s for s in account.shelf("subscription").of_customer(object_id) if s["status"] != "canceled"]
        return as_list(live, f"/v1/customers/{object_id}/subscriptions")
    if (kind, name) == ("customer", "sources"):
        return as_list([], f"/v1/customers/{object_id}/sources")
    if (kind, name) == ("charge", "refunds"):
        refunds = [r for r in account.shelf("refund").newest_first() if r["charge"] == object_id]
        return as_list(refunds, f"/v1/charges/{object_id}/refunds")
    if (kind, name) == ("invoice", "payments"):
        payments = [p for p in account.shelf("invoice_payment").newest_first() if p["invoice"] == object_id]
        return as_list(payments, "/v1/invoice_payments")
    if (kind, name) == ("invoice", "confirmation_secret"):
        for payment in account.shelf("invoice_payment").newest_first():
            if payment["invoice"] == object_id:
                intent = account.shelf("payment_intent").items[payment["payment"]["payment_intent"]]
                return {"client_secret": intent["client_secret"], "type": "payment_intent"}
    return None


def as_list(objects: list[Json], url: str) -> Json:
    return {"object": "list", "data": public(objects), "has_more": False, "url": url, "total_count": len(objects)}
