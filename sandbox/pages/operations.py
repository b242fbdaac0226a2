"""The request log and the faults."""

import json

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..control import read_requests, world_of
from ..faults import KINDS, Rule
from ..store import Json
from .accounts import account_here, read_form, tabs, trail
from .markup import Html, as_json, badge, button, card, code, link, page, pairs, path, table, tag, when


def code_badge(line: Json) -> Html:
    number = line["status"]
    if number == 0:
        return badge("no answer", "bad")
    return badge(number, "good" if number < 400 else "warn" if number < 500 else "bad")


def marks(line: Json) -> Html:
    found = []
    if line["replayed"]:
        found.append(badge("replayed", "info"))
    if line["fault"]:
        found.append(badge(line["fault"].replace("_", " "), "bad"))
    if line["effect"]:
        found.append(badge("effect", "good"))
    return Html(" ".join(found))


async def list_requests(request: Request) -> Response:
    account = account_here(request)
    where = request.query_params.get("path") or None
    lines = read_requests(world_of(request), {"account": account.slug, "path": where, "limit": "300"})
    rows = [
        (
            when(line["time"]),
            link(path("logs", line["request_id"]), f"{line['method']} {line['path']}"),
            code_badge(line),
            marks(line),
            code(line["idempotency_key"] or "–"),
            f"{line['duration_ms']:g} ms",
        )
        for line in reversed(lines)
    ]
    search = tag(
        "form",
        tag("label", "Path (glob)", tag("input", name="path", value=where or "", placeholder="/v1/customers*")),
        tag("button", "Filter"),
        method="get",
    )
    heads = ("Time", "Request", "Status", "What happened", "Idempotency key", "Took")
    body = card("Requests", table(heads, rows, "No requests yet."), side=search)
    return page("Requests", tabs(account, "Requests"), body, trail=trail(account), active="accounts")


async def show_request(request: Request) -> Response:
    found = world_of(request).store.rows("SELECT body FROM requests WHERE id = ?", (request.path_params["id"],))
    if not found:
        raise HTTPException(404, "No such request, or its log was cleared.")
    line = json.loads(found[0][0])
    about = {
        "Status": code_badge(line),
        "What happened": marks(line) or "–",
        "Time": when(line["time"]),
        "Account": line["account"] or "–",
        "Idempotency key": code(line["idempotency_key"] or "–"),
        "Version": line["version"],
        "Took": f"{line['duration_ms']:g} ms",
    }
    error = card("Error", as_json(line["error"])) if line["error"] else ""
    title = f"{line['method']} {line['path']}"
    back = [("/", "Accounts")]
    if line["account"]:
        back.append((path("accounts", line["account"], "requests"), "Requests"))
    parameters = card("Parameters", as_json(line["params"]))
    return page(title, card(code(line["request_id"]), pairs(about)), parameters, error, trail=back, active="accounts")


def field(label: str, name: str, kind: str = "text", **more: object) -> Html:
    return tag("label", label, tag("input", name=name, type=kind, **more))


async def show_faults(request: Request) -> Response:
    world = world_of(request)
    rows = [
        (
            rule.kind.replace("_", " "),
            rule.account or "all",
            f"{rule.method or 'any'} {rule.path or 'anything'}",
            f"{rule.probability:.0%}",
            "until cleared" if rule.times is None else rule.times,
            f"{rule.latency_seconds:g} s" if rule.latency_seconds else "–",
            button("Clear", "/faults/clear", tone="danger", id=rule.id),
        )
        for rule in world.faults.rules
    ]
    kinds = tag("select", *(tag("option", kind.replace("_", " "), value=kind) for kind in KINDS), name="kind")
    names = tag(
        "select",
        tag("option", "all accounts", value=""),
        *(tag("option", slug, value=slug) for slug in world.store.accounts),
        name="account",
    )
    form = tag(
        "form",
        tag("label", "Fault", kinds),
        tag("label", "Account", names),
        field("Method", "method", placeholder="any", size=6),
        field("Path or event type (glob, or ^regex)", "path", placeholder="anything"),
        field("Probability", "probability", "number", value="1", min="0", max="1", step="any"),
        field("Times (empty: always)", "times", "number", min="1"),
        field("Seconds", "latency_seconds", "number", min="0", step="any"),
        tag("button", "Add fault", class_="main"),
        method="post",
        action="/faults",
    )
    heads = ("Fault", "Account", "Requests", "Probability", "Times left", "Seconds", "")
    everything = button("Clear all", "/faults/clear", tone="danger") if rows else ""
    active = card(
        "Active faults", table(heads, rows, "No faults: everything is answered as it should be."), side=everything
    )
    return page("Faults", active, card("Add a fault", form), active="faults")


async def add_fault(request: Request) -> Response:
    given = {name: value for name, value in (await read_form(request)).items() if value != ""}
    try:
        numbers = {name: float(given[name]) for name in ("probability", "latency_seconds") if name in given}
        times = {"times": int(given["times"])} if "times" in given else {}
        words = {name: given[name] for name in ("account", "method", "path") if name in given}
        rule = Rule(kind=given.get("kind", ""), **words, **numbers, **times)  # type: ignore[arg-type]
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    world_of(request).faults.add([rule])
    return RedirectResponse("/faults", 303)


async def clear_faults(request: Request) -> Response:
    world_of(request).faults.clear((await read_form(request)).get("id"))
    return RedirectResponse("/faults", 303)


ROUTES = [
    Route("/accounts/{slug}/requests", list_requests),
    Route("/logs/{id}", show_request),
    Route("/test/logs/{id}", show_request),
    Route("/faults", show_faults, methods=["GET"]),
    Route("/faults", add_fault, methods=["POST"]),
    Route("/faults/clear", clear_faults, methods=["POST"]),
]
