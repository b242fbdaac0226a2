"""A customer at a glance: default method, what each subscription and invoice is on, methods attached and detached."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..api.call import public
from ..store import Account, Json
from .accounts import account_here, card_words, object_address, tabs, trail
from .markup import Html, as_json, badge, card, code, link, money, page, pairs, status, table, tag, when
from .settling import buttons


async def show_customer(request: Request) -> Response:
    account = account_here(request)
    customer = account.shelf("customer").items.get(request.path_params["id"])
    if customer is None:
        raise HTTPException(404, "No such customer.")
    raw = tag("details", tag("summary", "As the API gives it"), as_json(public(customer)))
    if customer.get("deleted"):
        body: tuple[Any, ...] = (card("Deleted", tag("p", "This customer was deleted.")), raw)
    else:
        body = (
            tag("div", summary(account, customer), default_card(account, customer), class_="grid"),
            methods_card(account, customer),
            subscriptions_card(account, customer),
            invoices_card(account, customer),
            payments_card(account, customer),
            raw,
        )
    title = customer.get("name") or customer["id"]
    return page(title, tabs(account, "Customers"), *body, trail=trail(account), active="accounts")


def summary(account: Account, customer: Json) -> Html:
    about = {
        "Id": code(customer["id"]),
        "E-mail": customer["email"] or "–",
        "Phone": customer["phone"] or "–",
        "Address": ", ".join(filter(None, (customer["address"] or {}).values())) or "–",
        "Metadata": metadata(customer),
        "Created": when(customer["created"]),
    }
    return card("Customer", pairs(about))


def metadata(obj: Json) -> Html:
    items = obj.get("metadata") or {}
    return Html("<br>".join(code(f"{name} = {value}") for name, value in items.items())) or Html("–")


def method_words(account: Account, method_id: str | None) -> Html:
    if not method_id:
        return tag("span", "none", class_="muted")
    method = account.shelf("payment_method").items.get(method_id)
    if method is None:
        return Html(code(method_id) + " " + badge("gone", "bad"))
    return Html(link(object_address(account, method), card_words(method)) + "<br>" + code(method_id))


def default_card(account: Account, customer: Json) -> Html:
    return card("Default payment method", method_words(account, customer["invoice_settings"]["default_payment_method"]))


def methods_card(account: Account, customer: Json) -> Html:
    methods = [
        method
        for method in account.shelf("payment_method").newest_first()
        if customer["id"] in (method["customer"], method.get("_detached_from"))
    ]
    default = customer["invoice_settings"]["default_payment_method"]
    rows = []
    for method in methods:
        states = [status("attached" if method["customer"] else "detached")]
        if method["id"] == default:
            states.append(status("default"))
        since = method.get("_detached_at") if not method["customer"] else method["created"]
        holder = method["billing_details"]["name"] or "–"
        rows.append(
            (method_words(account, method["id"]), Html(" ".join(states)), holder, metadata(method), when(since))
        )
    heads = ("Method", "State", "Holder", "Metadata", "Since")
    return card("Payment methods", table(heads, rows, "No payment method was ever attached."))


def subscriptions_card(account: Account, customer: Json) -> Html:
    rows = []
    for subscription in account.shelf("subscription").of_customer(customer["id"]):
        items = subscription["items"]["data"]
        amount = sum((item["price"]["unit_amount"] or 0) * item["quantity"] for item in items)
        own = subscription["default_payment_method"]
        rows.append(
            (
                link(object_address(account, subscription), code(subscription["id"])),
                status(subscription["status"]),
                money(amount, subscription["currency"]),
                method_words(account, own) if own else tag("span", "customer’s default", class_="muted"),
                when(max((item["current_period_end"] for item in items), default=None)),
                metadata(subscription),
            )
        )
    heads = ("Subscription", "Status", "Amount", "Paid with", "Period ends", "Metadata")
    return card("Subscriptions", table(heads, rows, "No subscriptions."))


def invoices_card(account: Account, customer: Json) -> Html:
    rows = []
    for invoice in account.shelf("invoice").of_customer(customer["id"]):
        paid_with = invoice.get("_paid_with")
        rows.append(
            (
                Html(
                    link(object_address(account, invoice), invoice["number"] or "draft") + "<br>" + code(invoice["id"])
                ),
                status(invoice["status"]),
                money(invoice["total"], invoice["currency"]),
                method_words(account, paid_with) if invoice["status"] == "paid" else "–",
                invoice["attempt_count"],
                when(invoice["created"]),
            )
        )
    heads = ("Invoice", "Status", "Total", "Paid with", "Attempts", "Created")
    return card("Invoices", table(heads, rows, "No invoices."))


def payments_card(account: Account, customer: Json) -> Html:
    """Payments that no invoice of the gateway stands for: those of whoever bills by themselves."""
    rows = []
    for payment in account.shelf("payment_intent").of_customer(customer["id"]):
        rows.append(
            (
                Html(
                    link(object_address(account, payment), payment["description"] or "payment")
                    + "<br>"
                    + code(payment["id"])
                ),
                Html(status(payment["status"]) + " " + buttons(account, payment)),
                money(payment["amount"], payment["currency"]),
                method_words(account, payment["payment_method"]) if payment["payment_method"] else "–",
                when(payment["created"]),
            )
        )
    heads = ("Payment", "Status", "Amount", "Paid with", "Created")
    return card("Payments", table(heads, rows, "No payments."))


ROUTES = [Route("/accounts/{slug}/customers/{id}", show_customer)]
