"""Small pieces of HTML. Everything that goes in is escaped unless it is already ``Html``."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.responses import HTMLResponse


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def text(value: Any) -> Html:
    if isinstance(value, Html):
        return value
    return Html("" if value is None else escape(str(value)))


def tag(element: str, /, *inner: Any, **attributes: Any) -> Html:
    given = ((key.strip("_").replace("_", "-"), value) for key, value in attributes.items())
    shown = "".join(f' {key}="{escape(str(value))}"' for key, value in given if value is not None)
    if element == "input":
        return Html(f"<input{shown}>")
    return Html(f"<{element}{shown}>{''.join(map(text, inner))}</{element}>")


def link(address: str, label: Any, **attributes: Any) -> Html:
    return tag("a", label, href=address, **attributes)


def badge(label: Any, tone: str = "") -> Html:
    return tag("span", label, class_=f"badge {tone}".strip())


TONES = {
    "active": "good", "paid": "good", "succeeded": "good", "delivered": "good", "trialing": "info", "open": "warn",
    "past_due": "bad", "unpaid": "bad", "bounced": "bad", "complained": "bad", "undelivered": "bad", "failed": "bad",
    "pending": "warn", "requires_action": "warn", "attached": "good", "default": "info", "detached": "quiet",
    "canceled": "quiet", "void": "quiet", "sent": "info", "queued": "quiet", "received": "quiet",
}  # fmt: skip


def status(value: Any) -> Html:
    return badge(str(value).replace("_", " "), TONES.get(str(value), "quiet"))


def code(value: Any) -> Html:
    return tag("code", value)


def when(seconds: float | None) -> Html:
    if seconds is None:
        return Html("–")
    moment = datetime.fromtimestamp(seconds, UTC)
    return tag("time", moment.strftime("%Y-%m-%d %H:%M:%S"), datetime=moment.isoformat())


def money(amount: int, currency: str) -> str:
    plain = currency.lower() in ("jpy", "krw", "clp", "vnd")
    return f"{amount if plain else amount / 100:,.{0 if plain else 2}f} {currency.upper()}"


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]], empty: str) -> Html:
    lines = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    if not lines:
        return tag("p", empty, class_="empty")
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in heads)))
    return tag("div", tag("table", head, tag("tbody", *lines)), class_="scroll", tabindex="0", role="region")


def pairs(items: dict[str, Any]) -> Html:
    return tag("dl", *(Html(tag("dt", name) + tag("dd", value)) for name, value in items.items()), class_="pairs")


def as_json(value: Any) -> Html:
    return tag("pre", json.dumps(value, indent=2, ensure_ascii=False), tabindex="0")


def card(title: Any, *inner: Any, side: Any = "") -> Html:
    return tag("section", tag("div", tag("h2", title), side, class_="head"), *inner, class_="card")


def button(label: str, action: str, /, *, tone: str = "", **fields: Any) -> Html:
    hidden = (tag("input", type="hidden", name=name, value=value) for name, value in fields.items())
    return tag(
        "form", *hidden, tag("button", label, class_=tone or None), method="post", action=action, class_="inline"
    )


def path(*parts: str) -> str:
    return "/" + "/".join(quote(part, safe="") for part in parts)


def page(title: str, *inner: Any, trail: Iterable[tuple[str, str]] = (), active: str = "") -> HTMLResponse:
    names = (("accounts", "/", "Accounts"), ("inbox", "/inbox/", "Inbox"), ("faults", "/faults", "Faults"))
    menu = [link(address, label, aria_current="page" if key == active else None) for key, address, label in names]
    crumbs = [tag("li", link(address, label)) for address, label in trail]
    body = (
        tag("a", "Skip to content", href="#content", class_="skip")
        + tag("header", tag("strong", "Sandbox"), tag("nav", *menu, aria_label="Main"))
        + tag(
            "main",
            tag("nav", tag("ol", *crumbs), aria_label="Breadcrumb", class_="trail") if crumbs else "",
            tag("h1", title),
            *inner,
            id="content",
        )
    )
    document = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<title>{escape(title)} · Sandbox</title><link rel="icon" href="data:,">'
        f'<link rel="stylesheet" href="/assets/style.css"></head><body>{body}</body></html>'
    )
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
        "form-action 'self'; base-uri 'none'"
    )
    return HTMLResponse(document, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"})
