"""https://docs.stripe.com/api/customers"""

from typing import Any

from ..errors import invalid_request
from ..store import Json, random_text
from .call import Call, full_address, merge_metadata, new_id, none_if_empty, snapshot
from .lists import page

TEXT_FIELDS = ("name", "email", "phone", "description", "business_name", "individual_name")


def create(call: Call) -> Json:
    customer: Json = {
        "id": new_id("customer"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": call.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": None,
        "invoice_prefix": random_text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    method = call.params.get("payment_method")
    call.save(customer)
    apply(call, customer, {**call.params, "invoice_settings": None})
    call.created(customer)
    if method:
        from .payment_methods import attach_to

        attach_to(call, method, customer["id"])
    if call.params.get("invoice_settings"):
        apply_invoice_settings(call, customer, call.params["invoice_settings"])
        call.save(customer)
    return customer


def apply(call: Call, customer: Json, params: Json) -> None:
    email = params.get("email")
    if email and ("@" not in email.strip("@") or " " in email or len(email) > 512):
        raise invalid_request(f"Invalid email address: {email}", code="email_invalid", param="email")
    for name in TEXT_FIELDS:
        if name in params:
            customer[name] = none_if_empty(params[name])
    for name in ("balance", "preferred_locales", "tax_exempt", "invoice_prefix", "next_invoice_sequence"):
        if name in params:
            customer[name] = none_if_empty(params[name])
    if "address" in params:
        customer["address"] = full_address(params["address"])
    if "shipping" in params:
        customer["shipping"] = shipping(params["shipping"])
    customer["metadata"] = merge_metadata(customer["metadata"], params.get("metadata"))
    if params.get("invoice_settings") is not None:
        apply_invoice_settings(call, customer, params["invoice_settings"])


def shipping(given: Any) -> Json | None:
    if given == "":
        return None
    return {
        "address": full_address(given.get("address")),
        "name": given.get("name"),
        "phone": none_if_empty(given.get("phone")),
    }


def apply_invoice_settings(call: Call, customer: Json, given: Json) -> None:
    settings = customer["invoice_settings"]
    for name in ("custom_fields", "footer", "rendering_options"):
        if name in given:
            settings[name] = none_if_empty(given[name])
    if "default_payment_method" in given:
        method = none_if_empty(given["default_payment_method"])
        if method:
            require_attached(call, method, customer["id"], param="invoice_settings[default_payment_method]")
        settings["default_payment_method"] = method


def require_attached(call: Call, method_id: str, customer_id: str, *, param: str) -> Json:
    """A default must be a method of that very customer."""
    method = call.find("payment_method", method_id, param=param)
    if method["customer"] != customer_id:
        raise invalid_request(
            f"The customer does not have a payment method with the ID {method_id}. "
            "The payment method must be attached to the customer.",
            code="resource_missing",
            param=param,
        )
    return method


def retrieve(call: Call) -> Json:
    return call.find("customer", call.ids[0])


def update(call: Call) -> Json:
    customer = call.live("customer", call.ids[0])
    before = snapshot(customer)
    try:
        apply(call, customer, call.params)
    except Exception:
        customer.clear()
        customer.update(before)
        raise
    call.changed(customer, before)
    return customer


def delete(call: Call) -> Json:
    customer = call.live("customer", call.ids[0])
    from .payment_methods import detach_from
    from .subscriptions import cancel_now

    for subscription in call.of_customer("subscription", customer["id"]):
        if subscription["status"] != "canceled":
            cancel_now(call, subscription)
    for method in call.of_customer("payment_method", customer["id"]):
        detach_from(call, method)
    call.emit("customer.deleted", customer)
    gone = {"id": customer["id"], "object": "customer", "deleted": True}
    return call.save(gone)


def listing(call: Call) -> Json:
    email = call.params.get("email")
    return page(call, "customer", "/v1/customers", keep=lambda c: email is None or c["email"] == email)
