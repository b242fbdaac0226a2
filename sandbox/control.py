"""The control API under ``/_control/``: accounts, faults, the request log, objects, inbox. See README.md."""

import json
import time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .api import payment_intents, payment_methods, refunds, setup_intents
from .api.call import Call, public, snapshot
from .faults import Rule
from .seed import seed_account
from .store import Account, Json, random_text
from .world import World


def world_of(request: Request) -> World:
    world: World = request.app.state.world
    return world


async def body_of(request: Request) -> Any:
    raw = await request.body()
    try:
        return json.loads(raw) if raw else {}
    except ValueError:
        raise HTTPException(400, "The body is not JSON.") from None


def account_of(world: World, slug: str | None) -> Account:
    account = world.store.accounts.get(slug or "")
    if account is None:
        raise HTTPException(404, f"No such account: {slug}")
    return account


async def make_account(request: Request) -> Response:
    """Create an account, or return the one that has this slug."""
    given = await body_of(request)
    slug = given.get("slug")
    if not isinstance(slug, str) or not slug:
        raise HTTPException(400, "slug is required.")
    world = world_of(request)
    account = world.store.accounts.get(slug)
    if account is None:
        account = Account(
            slug=slug,
            id=given.get("id") or "acct_1" + random_text(15),
            name=given.get("name") or slug.title(),
            country=given.get("country") or "US",
            default_currency=(given.get("default_currency") or "usd").lower(),
            publishable_key=given.get("publishable_key") or f"pk_test_sandbox_{slug}_{random_text(12)}",
            secret_keys=[given.get("secret_key") or f"sk_test_sandbox_{slug}_{random_text(12)}"],
        )
    else:
        adopt_keys(account, given)
    world.store.save_account(account)
    world.store.commit()
    return JSONResponse({**account.describe(), "secret_key": account.secret_keys[0]})


def adopt_keys(account: Account, given: Json) -> None:
    """Keys named for an account that exists become its first ones; earlier secret keys go on working."""
    if given.get("secret_key"):
        others = [key for key in account.secret_keys if key != given["secret_key"]]
        account.secret_keys = [given["secret_key"], *others]
    account.publishable_key = given.get("publishable_key") or account.publishable_key


async def list_accounts(request: Request) -> Response:
    return JSONResponse([account.describe() for account in world_of(request).store.accounts.values()])


async def set_rate_limit(request: Request) -> Response:
    world = world_of(request)
    account = account_of(world, request.path_params["slug"])
    account.per_second = (await body_of(request)).get("per_second")
    world.store.save_account(account)
    world.store.commit()
    return JSONResponse(account.describe())


async def add_faults(request: Request) -> Response:
    given = await body_of(request)
    try:
        rules = [Rule(**one) for one in (given if isinstance(given, list) else [given])]
    except (TypeError, ValueError) as error:
        raise HTTPException(400, str(error)) from None
    world_of(request).faults.add(rules)
    return JSONResponse([rule.describe() for rule in rules])


async def list_faults(request: Request) -> Response:
    return JSONResponse([rule.describe() for rule in world_of(request).faults.rules])


async def clear_faults(request: Request) -> Response:
    world_of(request).faults.clear(request.query_params.get("id"), request.query_params.get("account"))
    return JSONResponse([])


def read_requests(world: World, query: Any) -> list[Json]:
    """Newest last; ``since`` is a number of the log or a time in seconds; ``path`` a glob."""
    conditions, values = ["1 = 1"], []
    if query.get("account"):
        conditions.append("account = ?")
        values.append(query["account"])
    if query.get("path"):
        conditions.append("path GLOB ?")
        values.append(query["path"])
    if query.get("since"):
        since = float(query["since"])
        conditions.append("time > ?" if since > 1e9 else "seq > ?")
        values.append(since)
    limit = int(query.get("limit") or 10000)
    where = " AND ".join(conditions)
    # The conditions are ours; what was asked goes in as values.
    rows = world.store.rows(f"SELECT seq, body FROM requests WHERE {where} ORDER BY seq DESC LIMIT ?", [*values, limit])  # noqa: S608
    return [{"seq": seq, **json.loads(body)} for seq, body in reversed(rows)]


async def list_requests(request: Request) -> Response:
    try:
        return JSONResponse(read_requests(world_of(request), request.query_params))
    except ValueError:
        raise HTTPException(400, "since and limit are numbers.") from None


async def clear_requests(request: Request) -> Response:
    store = world_of(request).store
    account = request.query_params.get("account")
    if account:
        store.queue("DELETE FROM requests WHERE account = ?", account)
    else:
        store.queue("DELETE FROM requests")
    store.commit()
    return JSONResponse([])


async def list_objects(request: Request) -> Response:
    account = account_of(world_of(request), request.query_params.get("account"))
    shelf = account.shelf(request.path_params["kind"])
    return JSONResponse([public(obj) for obj in shelf.newest_first()])


def find_owner(world: World, object_id: str, slug: str | None) -> tuple[Account, Json]:
    """The object with that id in the account named, or in whichever account has it."""
    for account in [account_of(world, slug)] if slug else world.store.accounts.values():
        for shelf in account.shelves.values():
            if object_id in shelf.items:
                return account, shelf.items[object_id]
    raise HTTPException(404, f"No such object: {object_id}")


def call_for(world: World, account: Account, params: Json | None = None) -> Call:
    return Call(world.store, account, params or {}, notify=world.dispatcher.notify)


async def vanish(request: Request) -> Response:
    """The object is gone without an event, as if it had never been: the API answers resource_missing."""
    world = world_of(request)
    account, obj = find_owner(world, request.path_params["id"], request.query_params.get("account"))
    world.store.remove(account, obj["object"], obj["id"])
    world.store.commit()
    return JSONResponse({"id": obj["id"], "vanished": True})


async def update_card(request: Request) -> Response:
    """The card network's updater: a new expiry or number under the same payment method."""
    world = world_of(request)
    account, method = find_owner(world, request.path_params["id"], request.query_params.get("account"))
    if method.get("type") != "card":
        raise HTTPException(400, "Only cards are renewed by their network.")
    given = await body_of(request)
    call = call_for(world, account)
    before = snapshot(method)
    names = ("exp_month", "exp_year", "last4", "fingerprint")
    method["card"].update({name: given[name] for name in names if name in given})
    if "last4" in given and "fingerprint" not in given:
        method["card"]["fingerprint"] = random_text(16)
    call.changed(method, before, "payment_method.automatically_updated")
    world.store.commit()
    return JSONResponse(public(method))


async def resend_event(request: Request) -> Response:
    world = world_of(request)
    account, event = find_owner(world, request.path_params["id"], request.query_params.get("account"))
    times = int((await body_of(request)).get("times") or 1)
    endpoints = list(account.shelf("webhook_endpoint").items)
    for _ in range(times):
        for endpoint in endpoints:
            world.dispatcher.schedule(account, event["id"], endpoint)
    world.store.commit()
    return JSONResponse({"id": event["id"], "scheduled": times * len(endpoints)})


async def list_deliveries(request: Request) -> Response:
    names = ("id", "account", "event", "endpoint", "state", "attempts", "next_at", "last_status", "last_error")
    rows = world_of(request).store.rows(f"SELECT {', '.join(names)} FROM deliveries ORDER BY id")  # noqa: S608
    wanted = [dict(zip(names, row, strict=True)) for row in rows]
    for name in ("account", "event", "state"):
        value = request.query_params.get(name)
        wanted = [one for one in wanted if value in (None, one[name])]
    return JSONResponse(wanted)


async def forget_keys(request: Request) -> Response:
    """As if 24 hours had passed: idempotency keys are new again."""
    world = world_of(request)
    slug = request.query_params.get("account")
    for account in [account_of(world, slug)] if slug else world.store.accounts.values():
        account.answers.clear()
        world.store.queue("DELETE FROM answers WHERE account = ?", account.slug)
    world.store.commit()
    return JSONResponse({"forgotten": True})


async def authenticate(request: Request) -> Response:
    """The customer's answer to 3-D Secure, without a browser: ``{"outcome": "complete" | "fail"}``."""
    world = world_of(request)
    account, intent = find_owner(world, request.path_params["id"], request.query_params.get("account"))
    passed = (await body_of(request)).get("outcome", "complete") == "complete"
    return JSONResponse(public(answer_challenge(world, account, intent, passed=passed)))


def answer_challenge(world: World, account: Account, intent: Json, *, passed: bool) -> Json:
    module = setup_intents if intent["object"] == "setup_intent" else payment_intents
    result: Json = module.authenticate(call_for(world, account), intent, passed=passed)
    world.store.commit()
    return result


async def settle(request: Request) -> Response:
    """The bank's answer to a debit, a refund or small deposits; unsaid, what the test number stands for."""
    world = world_of(request)
    account, obj = find_owner(world, request.path_params["id"], request.query_params.get("account"))
    outcome = (await body_of(request)).get("outcome")
    if outcome not in (None, "succeed", "fail"):
        raise HTTPException(400, "The outcome is succeed or fail.")
    return JSONResponse(public(settle_object(world, account, obj, outcome)))


SETTLED = {
    "payment_intent": payment_intents.settle,
    "refund": refunds.settle,
    "setup_intent": setup_intents.settle,
}


def settle_object(world: World, account: Account, obj: Json, outcome: str | None) -> Json:
    if obj["object"] not in SETTLED:
        raise HTTPException(400, f"A {obj['object']} does not wait for a bank.")
    settled = SETTLED[obj["object"]](call_for(world, account), obj, outcome)
    world.store.commit()
    return settled


async def seed(request: Request) -> Response:
    world = world_of(request)
    given = await body_of(request)
    account = account_of(world, given.get("account"))
    started = time.time()
    try:
        counts = seed_account(call_for(world, account), given)
    except (KeyError, TypeError, ValueError) as error:
        world.store.dirty.clear()
        raise HTTPException(400, f"{type(error).__name__}: {error}") from None
    world.store.commit()
    return JSONResponse({**counts, "seconds": round(time.time() - started, 3)})


async def reset(request: Request) -> Response:
    world = world_of(request)
    slug = (await body_of(request)).get("account")
    world.store.reset(account_of(world, slug) if slug else None)
    if not slug:
        world.faults.clear()
    return JSONResponse({"reset": slug or "all"})


async def detach_quietly(request: Request) -> Response:
    """Someone detaches the method at the gateway's dashboard: events, but no request of ours."""
    world = world_of(request)
    account, method = find_owner(world, request.path_params["id"], request.query_params.get("account"))
    payment_methods.detach_from(call_for(world, account), method)
    world.store.commit()
    return JSONResponse(public(method))


ROUTES = [
    Route("/_control/accounts", make_account, methods=["POST"]),
    Route("/_control/accounts", list_accounts, methods=["GET"]),
    Route("/_control/accounts/{slug}/rate_limit", set_rate_limit, methods=["POST"]),
    Route("/_control/faults", add_faults, methods=["POST"]),
    Route("/_control/faults", list_faults, methods=["GET"]),
    Route("/_control/faults", clear_faults, methods=["DELETE"]),
    Route("/_control/requests", list_requests, methods=["GET"]),
    Route("/_control/requests", clear_requests, methods=["DELETE"]),
    Route("/_control/objects/{kind}", list_objects, methods=["GET"]),
    Route("/_control/vanish/{id}", vanish, methods=["POST"]),
    Route("/_control/detach/{id}", detach_quietly, methods=["POST"]),
    Route("/_control/card_updater/{id}", update_card, methods=["POST"]),
    Route("/_control/events/{id}/resend", resend_event, methods=["POST"]),
    Route("/_control/deliveries", list_deliveries, methods=["GET"]),
    Route("/_control/forget_idempotency_keys", forget_keys, methods=["POST"]),
    Route("/_control/authenticate/{id}", authenticate, methods=["POST"]),
    Route("/_control/settle/{id}", settle, methods=["POST"]),
    Route("/_control/seed", seed, methods=["POST"]),
    Route("/_control/reset", reset, methods=["POST"]),
]
