"""The inbox: e-mail and SMS together, newest first."""

import base64
import re
from html import escape

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ..control import world_of
from ..inbox import messages
from ..inbox.control import STATUSES, message_of, report_status
from ..store import Json
from .accounts import read_form
from .markup import Html, badge, button, card, code, link, page, pairs, path, status, table, tag, when

BACK = [("/inbox/", "Inbox")]


def linked(text: str) -> Html:
    """Text with its addresses made clickable."""
    parts, end = [], 0
    for match in messages.LINK.finditer(text):
        address = match.group().rstrip(".,;:!?")
        parts.append(escape(text[end : match.start()]))
        parts.append(link(address, address, target="_blank", rel="noreferrer"))
        end = match.start() + len(address)
    return Html("".join(parts) + escape(text[end:]))


def recipients(message: Json) -> str:
    return message["to"] if isinstance(message["to"], str) else ", ".join(message["to"])


def entry(message: Json) -> Html:
    address = path("inbox", message["id"])
    sms = message["channel"] == "sms"
    top = tag(
        "div",
        tag(
            "span",
            badge("SMS" if sms else "E-mail", "info"),
            " to ",
            tag("strong", recipients(message)),
            " from ",
            message["from"],
        ),
        tag("span", status(message["status"]), " ", when(message["time"])),
        class_="top",
    )
    if sms:
        return tag("li", top, tag("div", linked(message["text"]), class_="bubble"), link(address, "Details"))
    excerpt = re.sub(r"\s+", " ", message["text"])[:220]
    links = [link(one, shortened(one), target="_blank", rel="noreferrer") for one in message["links"][:1]]
    return tag(
        "li",
        top,
        link(address, message["subject"] or "(no subject)", class_="subject"),
        tag("div", excerpt, class_="excerpt"),
        *links,
    )


def shortened(address: str) -> str:
    return address if len(address) <= 90 else address[:87] + "…"


async def show_inbox(request: Request) -> Response:
    query = request.query_params
    channel, to = query.get("channel") or None, query.get("to") or None
    found = messages.search(world_of(request).store, channel=channel, to=to, since=None, limit=200)
    options = (("", "E-mail and SMS"), ("email", "E-mail"), ("sms", "SMS"))
    choices = [
        tag("option", label, value=key, selected="" if key == (channel or "") else None) for key, label in options
    ]
    form = tag(
        "form",
        tag("label", "Channel", tag("select", *choices, name="channel")),
        tag("label", "Address or number", tag("input", name="to", value=to or "", type="search")),
        tag("button", "Filter", class_="main"),
        method="get",
    )
    empty = "Nothing here yet. What the product sends by e-mail and SMS arrives in this list."
    listed = tag("ul", *map(entry, found), class_="messages") if found else tag("p", empty, class_="empty")
    clear = button("Delete all", "/inbox/clear", tone="danger") if found else ""
    return page("Inbox", card("Find", form, side=clear), listed, active="inbox")


async def show_message(request: Request) -> Response:
    message = message_of(request)
    address = path("inbox", message["id"])
    about = {
        "From": message["from"],
        "To": recipients(message),
        "Received": when(message["time"]),
        "Status": status(message["status"]),
    }
    if message["metadata"]:
        about["Metadata"] = Html("<br>".join(code(f"{k} = {v}") for k, v in message["metadata"].items()))
    if message["channel"] == "sms":
        about["Segments"] = message["segments"]
    reports = tag(
        "div",
        *(button(one.capitalize(), f"{address}/status", status=one) for one in STATUSES[message["channel"]]),
        class_="head",
    )
    simulate = card("Pretend that the provider reports", reports)
    title = message["subject"] or ("SMS" if message["channel"] == "sms" else "(no subject)")
    body = [tag("div", card("Message", pairs(about)), simulate, class_="grid"), *content(message, address)]
    return page(title, *body, trail=BACK, active="inbox")


def content(message: Json, address: str) -> list[Html]:
    if message["channel"] == "sms":
        return [card("Text", tag("div", linked(message["text"]), class_="bubble"))]
    parts = []
    if message["html"]:
        view = f"{address}/html"
        frame = tag(
            "iframe",
            src=view,
            title="The e-mail as its reader sees it",
            class_="mail",
            sandbox="allow-popups allow-popups-to-escape-sandbox",
        )
        parts.append(card("As it looks", frame, side=link(view, "Open alone", target="_blank")))
    if message["links"]:
        items = [tag("li", link(one, one, target="_blank", rel="noreferrer")) for one in message["links"]]
        parts.append(card("Links", tag("ul", *items)))
    parts.append(card("Text", tag("pre", linked(message["text"]), tabindex="0")))
    if message["attachments"]:
        rows = [
            (link(f"{address}/attachments/{index}", one["name"]), one["content_type"], f"{one['size']:,} bytes")
            for index, one in enumerate(message["attachments"])
        ]
        parts.append(card("Attachments", table(("Name", "Type", "Size"), rows, "")))
    headers = table(("Header", "Value"), message["headers"], "")
    parts.append(tag("details", tag("summary", "Headers"), headers, class_="card"))
    return parts


async def show_html(request: Request) -> Response:
    """The HTML part, shut in: no scripts, nothing fetched but pictures, links open elsewhere."""
    message = message_of(request)
    policy = (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src * data:; "
        "style-src 'unsafe-inline'; font-src *"
    )
    return HTMLResponse('<base target="_blank">' + message["html"], headers={"Content-Security-Policy": policy})


async def download(request: Request) -> Response:
    message = message_of(request)
    found = messages.attachments(base64.b64decode(message.get("raw", "")))
    index = request.path_params["index"]
    if index >= len(found):
        raise HTTPException(404, "No such attachment.")
    name = re.sub(r"[^\w.\- ]", "_", found[index].name, flags=re.ASCII)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(found[index].content, media_type=found[index].content_type, headers=headers)


async def change_status(request: Request) -> Response:
    message = message_of(request)
    await report_status(request, message, (await read_form(request)).get("status", ""))
    return RedirectResponse(path("inbox", message["id"]), 303)


async def clear(request: Request) -> Response:
    messages.forget(world_of(request).store)
    return RedirectResponse("/inbox/", 303)


ROUTES = [
    Route("/inbox/", show_inbox),
    Route("/inbox/clear", clear, methods=["POST"]),
    Route("/inbox/{id}", show_message),
    Route("/inbox/{id}/html", show_html),
    Route("/inbox/{id}/attachments/{index:int}", download),
    Route("/inbox/{id}/status", change_status, methods=["POST"]),
]
