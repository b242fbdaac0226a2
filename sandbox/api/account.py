"""The account itself, its events and its webhook endpoints.

https://docs.stripe.com/api/accounts, https://docs.stripe.com/api/events, https://docs.stripe.com/api/webhook_endpoints
"""

from fnmatch import fnmatchcase

from ..contract import API_VERSION
from ..errors import invalid_request
from ..store import Json, random_text
from .call import Call, merge_metadata, new_id, none_if_empty, public, snapshot
from .lists import page


def retrieve(call: Call) -> Json:
    account = call.account
    return {
        "id": account.id,
        "object": "account",
        "business_profile": {"name": account.name, "support_email": None, "url": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": account.country,
        "default_currency": account.default_currency,
        "details_submitted": True,
        "email": None,
        "livemode": False,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": account.name, "timezone": "Etc/UTC"}},
        "type": "standard",
    }


def retrieve_event(call: Call) -> Json:
    return call.find("event", call.ids[0])


def list_events(call: Call) -> Json:
    params = call.params
    types = list(params.get("types") or []) + ([params["type"]] if params.get("type") else [])

    def keep(event: Json) -> bool:
        return not types or any(fnmatchcase(event["type"], pattern) for pattern in types)

    return page(call, "event", "/v1/events", keep=keep)


def create_endpoint(call: Call) -> Json:
    params = call.params
    if not params["url"].startswith(("http://", "https://")):
        raise invalid_request(f"Invalid URL: {params['url']}", code="url_invalid", param="url")
    endpoint: Json = {
        "id": new_id("webhook_endpoint"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": call.now,
        "description": none_if_empty(params.get("description")),
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "status": "enabled",
        "url": params["url"],
        "_secret": "whsec_" + random_text(32),
        "_api_version": params.get("api_version") or API_VERSION,
    }
    call.save(endpoint)
    return {**public(endpoint), "secret": endpoint["_secret"]}


def retrieve_endpoint(call: Call) -> Json:
    return call.find("webhook_endpoint", call.ids[0])


def update_endpoint(call: Call) -> Json:
    endpoint = call.find("webhook_endpoint", call.ids[0])
    before = snapshot(endpoint)
    for name in ("url", "enabled_events", "description"):
        if name in call.params:
            endpoint[name] = none_if_empty(call.params[name])
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    endpoint["metadata"] = merge_metadata(endpoint["metadata"], call.params.get("metadata"))
    if endpoint != before:
        call.save(endpoint)
    return endpoint


def delete_endpoint(call: Call) -> Json:
    endpoint = call.find("webhook_endpoint", call.ids[0])
    call.store.remove(call.account, "webhook_endpoint", endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def list_endpoints(call: Call) -> Json:
    return page(call, "webhook_endpoint", "/v1/webhook_endpoints")
