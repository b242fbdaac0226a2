"""https://docs.stripe.com/api/products and https://docs.stripe.com/api/prices"""

from ..errors import invalid_request
from ..store import Json
from .call import Call, merge_metadata, new_id, none_if_empty, snapshot
from .lists import page


def create_product(call: Call) -> Json:
    params = call.params
    product_id = params.get("id") or new_id("product")
    if product_id in call.account.shelf("product").items:
        raise invalid_request("Product already exists.", code="resource_already_exists", param="id")
    product = build_product(call, product_id, params)
    call.created(product)
    if params.get("default_price_data"):
        price = build_price(call, {**params["default_price_data"], "product": product_id})
        call.created(price)
        product["default_price"] = price["id"]
        call.save(product)
    return product


def build_product(call: Call, product_id: str, params: Json) -> Json:
    return {
        "id": product_id,
        "object": "product",
        "active": params.get("active", True),
        "created": call.now,
        "default_price": None,
        "description": none_if_empty(params.get("description")),
        "images": params.get("images") or [],
        "livemode": False,
        "marketing_features": [],
        "metadata": merge_metadata({}, params.get("metadata")),
        "name": params["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": call.now,
        "url": None,
    }


def retrieve_product(call: Call) -> Json:
    return call.live("product", call.ids[0])


def update_product(call: Call) -> Json:
    product = call.live("product", call.ids[0])
    before = snapshot(product)
    for name in ("name", "description", "active", "default_price", "images", "statement_descriptor"):
        if name in call.params:
            product[name] = none_if_empty(call.params[name])
    product["metadata"] = merge_metadata(product["metadata"], call.params.get("metadata"))
    call.changed(product, before)
    return product


def list_products(call: Call) -> Json:
    active, ids = call.params.get("active"), call.params.get("ids")

    def keep(product: Json) -> bool:
        return active in (None, product["active"]) and (not ids or product["id"] in ids)

    return page(call, "product", "/v1/products", keep=keep)


def create_price(call: Call) -> Json:
    return call.created(build_price(call, call.params))


def build_price(call: Call, params: Json) -> Json:
    product_id = params.get("product")
    if params.get("product_data"):
        product = call.created(build_product(call, new_id("product"), params["product_data"]))
        product_id = product["id"]
    elif product_id:
        call.live("product", product_id, param="product")
    else:
        raise invalid_request("Missing required param: product.", code="parameter_missing", param="product")
    if params.get("unit_amount") is None and params.get("unit_amount_decimal") is None:
        raise invalid_request("Missing required param: unit_amount.", code="parameter_missing", param="unit_amount")
    recurring = params.get("recurring")
    if recurring:
        recurring = {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": recurring.get("meter"),
            "trial_period_days": recurring.get("trial_period_days"),
            "usage_type": recurring.get("usage_type", "licensed"),
        }
    amount = params.get("unit_amount")
    if amount is None:
        amount = round(float(params["unit_amount_decimal"]))
    return {
        "id": new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": "per_unit",
        "created": call.now,
        "currency": params["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": params.get("lookup_key"),
        "metadata": merge_metadata({}, params.get("metadata")),
        "nickname": params.get("nickname"),
        "product": product_id,
        "recurring": recurring,
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": params.get("unit_amount_decimal") or str(amount),
    }


def retrieve_price(call: Call) -> Json:
    return call.find("price", call.ids[0])


def update_price(call: Call) -> Json:
    price = call.find("price", call.ids[0])
    before = snapshot(price)
    for name in ("active", "nickname", "lookup_key", "tax_behavior"):
        if name in call.params:
            price[name] = none_if_empty(call.params[name])
    price["metadata"] = merge_metadata(price["metadata"], call.params.get("metadata"))
    call.changed(price, before)
    return price


def list_prices(call: Call) -> Json:
    params = call.params

    def keep(price: Json) -> bool:
        keys = params.get("lookup_keys")
        return (
            params.get("active") in (None, price["active"])
            and params.get("product") in (None, price["product"])
            and params.get("currency") in (None, price["currency"])
            and params.get("type") in (None, price["type"])
            and (not keys or price["lookup_key"] in keys)
        )

    return page(call, "price", "/v1/prices", keep=keep)
