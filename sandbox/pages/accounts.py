"""Accounts, and the objects and events of one."""

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..api.bank_methods import is_verified
from ..api.call import public
from ..control import account_of, world_of
from ..store import Account, Json
from .markup import Html, as_json, badge, button, card, code, link, page, pairs, path, status, table, tag, when
from .settling import settle_card

SHOWN = 200
TABS = (("", "Customers"), ("objects", "Objects"), ("events", "Events"), ("requests", "Requests"))


def tabs(account: Account, active: str) -> Html:
    links = []
    for key, label in TABS:
        address = path("accounts", account.slug, *([key] if key else []))
        links.append(link(address, label, aria_current="page" if label == active else None))
    return tag("nav", *links, class_="tabs", aria_label="Account")


def trail(account: Account | None = None) -> list[tuple[str, str]]:
    return [("/", "Accounts")] + ([(path("accounts", account.slug), account.name)] if account else [])


def account_here(request: Request) -> Account:
    return account_of(world_of(request), request.path_params["slug"])


def object_address(account: Account, obj: Json) -> str:
    if obj["object"] == "customer":
        return path("accounts", account.slug, "customers", obj["id"])
    return path("accounts", account.slug, "objects", obj["object"], obj["id"])


async def home(request: Request) -> Response:
    accounts = world_of(request).store.accounts.values()
    rows = [
        (
            link(path("accounts", account.slug), account.name),
            account.country,
            account.default_currency.upper(),
            len(account.shelf("customer").items),
            len(account.shelf("subscription").items),
            code(account.publishable_key),
        )
        for account in accounts
    ]
    heads = ("Account", "Country", "Currency", "Customers", "Subscriptions", "Publishable key")
    empty = "No accounts yet. Make one with POST /_control/accounts."
    return page("Accounts", card("Gateway accounts", table(heads, rows, empty)), active="accounts")


async def show_account(request: Request) -> Response:
    account = account_here(request)
    words = request.query_params.get("q", "").strip().lower()
    shelf = account.shelf("customer")
    found = []
    for customer in shelf.newest_first():
        text = f"{customer['id']} {customer.get('name') or ''} {customer.get('email') or ''}".lower()
        if words in text:
            found.append(customer)
        if len(found) == SHOWN:
            break
    rows = [customer_row(account, customer) for customer in found]
    search = tag(
        "form",
        tag("label", "Name, e-mail or id", tag("input", name="q", value=words, type="search")),
        tag("button", "Search"),
        method="get",
    )
    limit = tag(
        "form",
        tag(
            "label",
            "Requests a second (empty: no limit)",
            tag("input", name="per_second", type="number", min=1, step="any", value=account.per_second),
        ),
        tag("button", "Set"),
        method="post",
        action=path("accounts", account.slug, "rate_limit"),
    )
    about = {
        "Id": code(account.id),
        "Country": account.country,
        "Publishable key": code(account.publishable_key),
        "Secret keys": Html(", ".join(code(key[:14] + "…" + key[-4:]) for key in account.secret_keys)),
    }
    heads = ("Customer", "E-mail", "Default method", "Subscriptions", "Created")
    return page(
        account.name,
        tabs(account, "Customers"),
        card("Customers", table(heads, rows, "No customer matches."), side=search),
        tag("div", card("Account", pairs(about)), card("Rate limit", limit), class_="grid"),
        trail=trail(),
        active="accounts",
    )


def customer_row(account: Account, customer: Json) -> tuple[object, ...]:
    address = path("accounts", account.slug, "customers", customer["id"])
    if customer.get("deleted"):
        return (link(address, customer["id"]), badge("deleted", "quiet"), "", "", "")
    default = customer["invoice_settings"]["default_payment_method"]
    method = account.shelf("payment_method").items.get(default or "")
    subscriptions = account.shelf("subscription").of_customer(customer["id"])
    return (
        link(address, customer["name"] or customer["id"]),
        customer["email"],
        card_words(method) if method else "–",
        Html(" ".join(status(one["status"]) for one in subscriptions)),
        when(customer["created"]),
    )


def card_words(method: Json) -> str:
    one = method[method["type"]]
    if method["type"] != "card":
        name = "SEPA" if method["type"] == "sepa_debit" else one["bank_name"].title()
        return f"{name} •••• {one['last4']}" + (" not verified" if not is_verified(method) else "")
    return f"{one['brand'].title()} •••• {one['last4']}  {one['exp_month']:02d}/{one['exp_year'] % 100:02d}"


async def set_rate_limit(request: Request) -> Response:
    account = account_here(request)
    form = await read_form(request)
    try:
        account.per_second = float(form["per_second"]) if form.get("per_second") else None
    except ValueError:
        raise HTTPException(400, "The limit is a number.") from None
    store = world_of(request).store
    store.save_account(account)
    store.commit()
    return RedirectResponse(path("accounts", account.slug), 303)


async def read_form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


async def list_kinds(request: Request) -> Response:
    account = account_here(request)
    rows = [
        (link(path("accounts", account.slug, "objects", kind), kind.replace("_", " ")), len(shelf.items))
        for kind, shelf in sorted(account.shelves.items())
    ]
    body = card("Objects by type", table(("Type", "Number"), rows, "Nothing yet."))
    return page("Objects", tabs(account, "Objects"), body, trail=trail(account), active="accounts")


async def list_kind(request: Request) -> Response:
    account, kind = account_here(request), request.path_params["kind"]
    rows = []
    for obj in account.shelf(kind).newest_first():
        state = obj.get("status") or obj.get("type") or ""
        rows.append(
            (
                link(object_address(account, obj), code(obj["id"])),
                status(state) if state else "",
                when(obj.get("created")),
            )
        )
        if len(rows) == SHOWN:
            break
    body = card(f"{kind.replace('_', ' ').capitalize()} objects", table(("Id", "State", "Created"), rows, "None yet."))
    return page("Objects", tabs(account, "Objects"), body, trail=trail(account), active="accounts")


async def show_object(request: Request) -> Response:
    account, kind, object_id = account_here(request), request.path_params["kind"], request.path_params["id"]
    obj = account.shelf(kind).items.get(object_id)
    if obj is None:
        raise HTTPException(404, f"No such {kind}: {object_id}")
    shown = card("As the API gives it", as_json(public(obj)))
    more = deliveries(request, account, obj) if kind == "event" else settle_card(account, obj)
    return page(object_id, tabs(account, "Objects"), more, shown, trail=trail(account), active="accounts")


def deliveries(request: Request, account: Account, event: Json) -> Html:
    found = world_of(request).store.rows(
        "SELECT id, endpoint, state, attempts, last_status, last_error FROM deliveries WHERE event = ? ORDER BY id",
        (event["id"],),
    )
    rows = [
        (number, code(where), status(state), tries, answer or error)
        for number, where, state, tries, answer, error in found
    ]
    heads = ("Delivery", "Endpoint", "State", "Attempts", "Answer")
    again = button("Send again", path("accounts", account.slug, "events", event["id"], "resend"))
    return card("Deliveries", table(heads, rows, "No endpoint wanted it."), side=again)


async def list_events(request: Request) -> Response:
    account = account_here(request)
    rows = []
    for event in account.shelf("event").newest_first():
        subject = event["data"]["object"]
        rows.append(
            (
                when(event["created"]),
                link(object_address(account, event), event["type"]),
                link(object_address(account, subject), code(subject["id"])),
                badge(f"{event['pending_webhooks']} pending", "warn") if event["pending_webhooks"] else "",
                code((event["request"] or {}).get("id") or "–"),
            )
        )
        if len(rows) == SHOWN:
            break
    heads = ("Time", "Event", "Object", "Webhooks", "Request")
    body = card("Events", table(heads, rows, "No events yet."))
    return page("Events", tabs(account, "Events"), body, trail=trail(account), active="accounts")


async def resend(request: Request) -> Response:
    world, account = world_of(request), account_here(request)
    event_id = request.path_params["id"]
    if event_id not in account.shelf("event").items:
        raise HTTPException(404, "No such event.")
    for endpoint in account.shelf("webhook_endpoint").items:
        world.dispatcher.schedule(account, event_id, endpoint)
    world.store.commit()
    return RedirectResponse(path("accounts", account.slug, "objects", "event", event_id), 303)


ROUTES = [
    Route("/", home),
    Route("/accounts/{slug}", show_account),
    Route("/accounts/{slug}/rate_limit", set_rate_limit, methods=["POST"]),
    Route("/accounts/{slug}/objects", list_kinds),
    Route("/accounts/{slug}/objects/{kind}", list_kind),
    Route("/accounts/{slug}/objects/{kind}/{id}", show_object),
    Route("/accounts/{slug}/events", list_events),
    Route("/accounts/{slug}/events/{id}/resend", resend, methods=["POST"]),
]
