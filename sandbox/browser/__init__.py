"""What browsers load: the stand-in for Stripe.js, the frame with the card fields, the bank's 3-D Secure page."""

import hmac
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ..control import answer_challenge, find_owner, world_of
from ..store import Account, Json
from . import verification
from .common import FILES, POLICY, SHARED, fields_of, file_answer


async def script(request: Request) -> Response:
    return file_answer("stripe.js", **{"Access-Control-Allow-Origin": "*"})


async def frame(request: Request) -> Response:
    return file_answer("frame.html", **{"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"})


async def asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in {path.name for path in FILES.iterdir()}:
        raise HTTPException(404, "No such file.")
    return file_answer(name)


def intent_of(request: Request, secret: str) -> tuple[Account, Json]:
    """The intent in the address, for someone who holds its secret."""
    account, intent = find_owner(world_of(request), request.path_params["id"], None)
    if not hmac.compare_digest(intent.get("client_secret") or "", secret):
        raise HTTPException(404, "No such authentication.")
    return account, intent


async def show_challenge(request: Request) -> Response:
    query = request.query_params
    secret = query.get("client_secret", "")
    account, intent = intent_of(request, secret)
    embedded = query.get("embedded") == "1"
    page = (FILES / "authenticate.html").read_text()
    amount = (
        f"{intent['amount'] / 100:,.2f} {intent['currency'].upper()}" if "amount" in intent else "0.00 (saving a card)"
    )
    method = account.shelf("payment_method").items.get(intent["payment_method"] or "", {})
    card = method.get("card", {})
    values = {
        "mode": "dialog" if embedded else "page",
        "origin": query.get("origin", "") if embedded else "",
        "action": f"/js/authenticate/{intent['id']}",
        "secret": secret,
        "return_url": query.get("return_url") or intent.get("_return_url") or "",
        "merchant": account.name,
        "amount": amount,
        "card": f"{card.get('brand', 'card').title()} •••• {card.get('last4', '')}",
        "account": account.slug,
    }
    for name, value in values.items():
        page = page.replace("{{" + name + "}}", escape(str(value)))
    policy = POLICY + ("; form-action *" if not embedded else "; form-action 'self'")
    return HTMLResponse(page, headers={**SHARED, "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"})


async def take_answer(request: Request) -> Response:
    given = await fields_of(request)
    secret = given.get("client_secret", "")
    account, intent = intent_of(request, secret)
    intent = answer_challenge(world_of(request), account, intent, passed=given.get("outcome") == "complete")
    if given.get("mode") == "dialog":
        return JSONResponse({"status": intent["status"]})
    target = given.get("return_url") or "/"
    kind = intent["object"]
    more = {kind: intent["id"], f"{kind}_client_secret": secret}
    more["redirect_status"] = "succeeded" if intent["status"] == "succeeded" else "failed"
    parts = urlsplit(target)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *more.items()])
    return RedirectResponse(urlunsplit(parts._replace(query=query)), status_code=303)


ROUTES = [
    Route("/js/stripe.js", script),
    Route("/js/frame", frame),
    Route("/js/files/{name}", asset),
    Route("/js/authenticate/{id}", show_challenge, methods=["GET"]),
    Route("/js/authenticate/{id}", take_answer, methods=["POST"]),
    *verification.ROUTES,
]
