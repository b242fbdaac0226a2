"""One API call being executed: who asks, with which parameters, and what it may do to the state."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..contract import API_VERSION
from ..errors import missing_object
from ..store import Account, Json, Store, random_text

KIND_WORDS = {
    "payment_method": "PaymentMethod",
    "payment_intent": "payment_intent",
    "setup_intent": "setupintent",
    "webhook_endpoint": "webhook endpoint",
}
PREFIXES = {
    "customer": "cus_",
    "payment_method": "pm_1",
    "setup_intent": "seti_1",
    "payment_intent": "pi_3",
    "invoice": "in_1",
    "invoiceitem": "ii_1",
    "line_item": "il_1",
    "invoice_payment": "inpay_1",
    "subscription": "sub_1",
    "subscription_item": "si_",
    "product": "prod_",
    "price": "price_1",
    "charge": "ch_3",
    "refund": "re_3",
    "event": "evt_1",
    "webhook_endpoint": "we_1",
    "setup_attempt": "setatt_1",
    "mandate": "mandate_1",
}


def new_id(kind: str) -> str:
    prefix = PREFIXES[kind]
    return prefix + random_text(14 if prefix.endswith("_") else 23)


@dataclass
class Call:
    store: Store
    account: Account
    params: Json = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    publishable: bool = False
    request_id: str | None = None
    idempotency_key: str | None = None
    base_url: str = ""
    notify: Callable[[Account, Json], int] = lambda account, event: 0
    now: int = field(default_factory=lambda: int(time.time()))

    def find(self, kind: str, object_id: str, *, param: str | None = None) -> Json:
        """The object, or Stripe's ``resource_missing``: 404 for the id in the address, 400 for one in a parameter."""
        obj = self.account.shelf(kind).items.get(object_id)
        if obj is None:
            word = KIND_WORDS.get(kind, kind)
            raise missing_object(word, object_id, param=param or "id", status=400 if param else 404)
        return obj

    def live(self, kind: str, object_id: str, *, param: str | None = None) -> Json:
        """Like ``find``, and a deleted object counts as missing."""
        obj = self.find(kind, object_id, param=param)
        if obj.get("deleted"):
            raise missing_object(
                KIND_WORDS.get(kind, kind), object_id, param=param or "id", status=400 if param else 404
            )
        return obj

    def of_customer(self, kind: str, customer: str) -> list[Json]:
        return self.account.shelf(kind).of_customer(customer)

    def save(self, obj: Json) -> Json:
        self.store.save(self.account, obj)
        return obj

    def created(self, obj: Json, event: str | None = None) -> Json:
        self.save(obj)
        self.emit(event or f"{obj['object']}.created", obj)
        return obj

    def changed(self, obj: Json, before: Json, event: str | None = None) -> bool:
        """Save and tell of what differs from ``before`` (a deep copy made first); nothing differs, nothing happens."""
        previous = difference(before, obj)
        if not previous:
            return False
        self.save(obj)
        self.emit(event or f"{obj['object']}.updated", obj, previous)
        return True

    def emit(self, event_type: str, obj: Json, previous: Json | None = None) -> Json:
        data: Json = {"object": public(obj)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = {
            "id": new_id("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": event_type,
        }
        event["pending_webhooks"] = self.notify(self.account, event)
        return self.save(event)


def public(value: Any) -> Any:
    """A deep copy without the sandbox's own notes, whose names start with an underscore (a card's number is one)."""
    if isinstance(value, dict):
        return {name: public(inner) for name, inner in value.items() if not name.startswith("_")}
    if isinstance(value, list):
        return [public(item) for item in value]
    return value


def snapshot(obj: Json) -> Json:
    return copy.deepcopy(obj)


def difference(before: Json, after: Json) -> Json:
    """The former values of what changed, nested hashes by key, as ``previous_attributes`` has them."""
    previous: Json = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new or name.startswith("_"):
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            previous[name] = difference(old, new)
        else:
            previous[name] = copy.deepcopy(old)
    return previous


def merge_metadata(current: Json, given: Any) -> Json:
    """``metadata=""`` clears all, ``metadata[key]=""`` clears one; others are kept."""
    if given is None:
        return current
    if given == "":
        return {}
    merged = {**current, **given}
    return {key: value for key, value in merged.items() if value != ""}


def none_if_empty(value: Any) -> Any:
    return None if value == "" else value


ADDRESS_FIELDS = ("city", "country", "line1", "line2", "postal_code", "state")


def full_address(given: Any) -> Json | None:
    if given in (None, ""):
        return None
    return {name: none_if_empty(given.get(name)) for name in ADDRESS_FIELDS}
