"""https://docs.stripe.com/api/subscriptions"""

from typing import Any

from ..errors import invalid_request
from ..store import Json
from . import invoice_payments, invoices
from .call import Call, merge_metadata, new_id, none_if_empty, public, snapshot
from .customers import require_attached
from .lists import page

DAY = 86400
INTERVALS = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY, "year": 365 * DAY}


def create(call: Call) -> Json:
    params = call.params
    if not params.get("customer"):
        raise invalid_request("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = call.live("customer", params["customer"], param="customer")
    if not params.get("items"):
        raise invalid_request("Missing required param: items.", code="parameter_missing", param="items")
    if params.get("default_payment_method"):
        require_attached(call, params["default_payment_method"], customer["id"], param="default_payment_method")
    subscription = build(call, customer, params)
    call.save(subscription)
    error = None
    if subscription["status"] == "trialing":
        start_trial(call, subscription, customer)
    else:
        error = first_invoice(call, subscription, customer)
    call.save(subscription)
    if error is not None and params.get("payment_behavior") == "error_if_incomplete":
        call.store.remove(call.account, "subscription", subscription["id"])
        raise error
    return subscription


def build(call: Call, customer: Json, params: Json) -> Json:
    subscription_id = new_id("subscription")
    trial_end = trial_of(call, params)
    items = [build_item(call, subscription_id, given, index, trial_end) for index, given in enumerate(params["items"])]
    return {
        "id": subscription_id,
        "object": "subscription",
        "application": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": trial_end or call.now,
        "billing_mode": {"type": "flexible", "updated_at": None, "flexible": None},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": params.get("cancel_at"),
        "cancel_at_period_end": params.get("cancel_at_period_end", False),
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": params.get("collection_method", "charge_automatically"),
        "created": call.now,
        "currency": items[0]["price"]["currency"],
        "customer": customer["id"],
        "days_until_due": params.get("days_until_due"),
        "default_payment_method": none_if_empty(params.get("default_payment_method")),
        "default_source": None,
        "default_tax_rates": [],
        "description": none_if_empty(params.get("description")),
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": items,
            "has_more": False,
            "total_count": len(items),
            "url": f"/v1/subscription_items?subscription={subscription_id}",
        },
        "latest_invoice": None,
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "next_pending_invoice_item_invoice": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": call.now,
        "status": "trialing" if trial_end else "active",
        "test_clock": None,
        "trial_end": trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": call.now if trial_end else None,
    }


def trial_of(call: Call, params: Json) -> int | None:
    if params.get("trial_period_days"):
        return int(call.now + params["trial_period_days"] * DAY)
    end = params.get("trial_end")
    return end if isinstance(end, int) and end > call.now else None


def build_item(call: Call, subscription_id: str, given: Json, index: int, trial_end: int | None) -> Json:
    price = price_of(call, given, f"items[{index}]")
    return {
        "id": new_id("subscription_item"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": call.now,
        "current_period_end": trial_end or call.now + period_of(price),
        "current_period_start": call.now,
        "discounts": [],
        "metadata": merge_metadata({}, given.get("metadata")),
        "price": public(price),
        "quantity": given.get("quantity", 1),
        "subscription": subscription_id,
        "tax_rates": [],
    }


def price_of(call: Call, given: Json, param: str) -> Json:
    if given.get("price"):
        price = call.find("price", given["price"], param=f"{param}[price]")
        if not price["recurring"]:
            message = (
                "The price specified is set to `type=one_time` but this field only accepts prices with "
                "`type=recurring`."
            )
            raise invalid_request(message, param=f"{param}[price]")
        return price
    if given.get("price_data"):
        from .catalog import build_price

        return call.created(build_price(call, given["price_data"]))
    raise invalid_request(f"Missing required param: {param}[price].", code="parameter_missing", param=f"{param}[price]")


def period_of(price: Json) -> int:
    recurring = price["recurring"]
    return INTERVALS[recurring["interval"]] * int(recurring["interval_count"])


def start_trial(call: Call, subscription: Json, customer: Json) -> None:
    invoice = cycle_invoice(call, subscription, customer, "subscription_create", amount=0)
    call.emit("customer.subscription.created", subscription)
    invoices.finalize_now(call, invoice)


def cycle_invoice(call: Call, subscription: Json, customer: Json, reason: str, *, amount: int | None = None) -> Json:
    invoice = invoices.build(call, customer, subscription["currency"], subscription["id"])
    invoice.update(
        billing_reason=reason, collection_method=subscription["collection_method"], auto_advance=True, attempt_count=0
    )
    for item in subscription["items"]["data"]:
        product = call.account.shelf("product").items.get(item["price"]["product"], {})
        cost = (item["price"]["unit_amount"] or 0) * item["quantity"] if amount is None else amount
        invoices.add_line(call, invoice, cost, f"{item['quantity']} × {product.get('name', 'Subscription')}")
    subscription["latest_invoice"] = invoice["id"]
    return call.created(invoice)


def first_invoice(call: Call, subscription: Json, customer: Json) -> Any:
    """Charge the first period. What a failure means is ``payment_behavior``'s to say."""
    invoice = cycle_invoice(call, subscription, customer, "subscription_create")
    behaviour = call.params.get("payment_behavior", "allow_incomplete")
    if subscription["collection_method"] == "charge_automatically":
        subscription["status"] = "incomplete"
    method = invoice_payments.method_for(call, invoice, None)
    if (
        method is None
        and subscription["status"] == "incomplete"
        and behaviour != "default_incomplete"
        and invoice["amount_due"]
    ):
        call.store.remove(call.account, "subscription", subscription["id"])
        call.store.remove(call.account, "invoice", invoice["id"])
        raise invalid_request(invoice_payments.NO_METHOD, code="resource_missing")
    call.emit("customer.subscription.created", subscription)
    invoices.finalize_now(call, invoice)
    if invoice["status"] == "paid" or subscription["collection_method"] == "send_invoice":
        return None
    if behaviour == "default_incomplete":
        invoice_payments.intent_for(call, invoice)
        return None
    off_session = bool(call.params.get("off_session"))
    return invoice_payments.charge(call, invoice, method, off_session=off_session) if method else None


def retrieve(call: Call) -> Json:
    return call.find("subscription", call.ids[0])


def update(call: Call) -> Json:
    subscription = call.find("subscription", call.ids[0])
    params = call.params
    if subscription["status"] in ("canceled", "incomplete_expired") and set(params) - {
        "metadata",
        "cancellation_details",
        "expand",
    }:
        raise invalid_request("A canceled subscription can only update its cancellation_details and metadata.")
    if params.get("default_payment_method"):
        require_attached(
            call, params["default_payment_method"], subscription["customer"], param="default_payment_method"
        )
    before = snapshot(subscription)
    for name in (
        "default_payment_method",
        "description",
        "collection_method",
        "days_until_due",
        "cancel_at",
        "pause_collection",
    ):
        if name in params:
            subscription[name] = none_if_empty(params[name])
    if "cancel_at_period_end" in params:
        set_cancel_at_period_end(call, subscription, params["cancel_at_period_end"])
    if params.get("trial_end") == "now" and subscription["status"] == "trialing":
        subscription.update(status="active", trial_end=call.now)
    elif isinstance(params.get("trial_end"), int):
        subscription["trial_end"] = params["trial_end"]
    update_items(call, subscription, params.get("items") or [])
    if params.get("cancellation_details"):
        subscription["cancellation_details"].update(params["cancellation_details"])
    subscription["metadata"] = merge_metadata(subscription["metadata"], params.get("metadata"))
    call.changed(subscription, before, "customer.subscription.updated")
    return subscription


def set_cancel_at_period_end(call: Call, subscription: Json, wanted: bool) -> None:
    end = max(item["current_period_end"] for item in subscription["items"]["data"])
    subscription["cancel_at_period_end"] = wanted
    subscription["cancel_at"] = end if wanted else None
    subscription["canceled_at"] = call.now if wanted else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if wanted else None


def update_items(call: Call, subscription: Json, given_items: list[Json]) -> None:
    items = subscription["items"]["data"]
    for index, given in enumerate(given_items):
        current = next((item for item in items if item["id"] == given.get("id")), None)
        if given.get("id") and current is None:
            message = f"No such subscription item: '{given['id']}'"
            raise invalid_request(message, code="resource_missing", param=f"items[{index}][id]")
        if current is None:
            items.append(build_item(call, subscription["id"], given, index, None))
        elif given.get("deleted"):
            items.remove(current)
        else:
            if given.get("price"):
                current["price"] = public(price_of(call, given, f"items[{index}]"))
            current["quantity"] = given.get("quantity", current["quantity"])
    subscription["items"]["total_count"] = len(items)


def cancel(call: Call) -> Json:
    subscription = call.find("subscription", call.ids[0])
    if subscription["status"] == "canceled":
        message = f"No such subscription: '{subscription['id']}'"
        raise invalid_request(message, code="resource_missing", param="id", status=404)
    details = call.params.get("cancellation_details")
    if details:
        subscription["cancellation_details"].update(details)
    return cancel_now(call, subscription)


def cancel_now(call: Call, subscription: Json) -> Json:
    subscription.update(status="canceled", canceled_at=call.now, ended_at=call.now)
    subscription["cancellation_details"]["reason"] = "cancellation_requested"
    call.save(subscription)
    call.emit("customer.subscription.deleted", subscription)
    return subscription


def listing(call: Call) -> Json:
    params = call.params
    status = params.get("status")

    def keep(subscription: Json) -> bool:
        actual = subscription["status"]
        if status == "ended":
            fits = actual in ("canceled", "incomplete_expired")
        else:
            fits = status in ("all", actual) if status else actual != "canceled"
        price = params.get("price")
        prices = [item["price"]["id"] for item in subscription["items"]["data"]]
        return fits and (price is None or price in prices)

    return page(call, "subscription", "/v1/subscriptions", keep=keep, customer=params.get("customer"))
