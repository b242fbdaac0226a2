"""The gateway's own page on which a holder tells what small deposits they got, and the text of a debit's mandate."""

import hmac
from html import escape

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ..api import setup_intents
from ..api.setup_intents import waits_for_deposits
from ..control import call_for, find_owner, world_of
from ..errors import StripeError
from ..pages.markup import card, page, tag
from ..store import Account, Json
from .common import FILES, POLICY, SHARED, fields_of

MANDATE = (
    "By giving your account details you let the merchant and its payment provider send instructions to your bank to "
    "debit your account, and your bank to debit it by those instructions. You may have a refund from your bank under "
    "the terms of your agreement with it; claim it within 8 weeks of the debit."
)


def intent_of(request: Request, token: str) -> tuple[Account, Json]:
    account, intent = find_owner(world_of(request), request.path_params["id"], None)
    if not hmac.compare_digest(intent.get("_verification") or "", token) or not token:
        raise HTTPException(404, "No such verification.")
    return account, intent


async def show(request: Request) -> Response:
    token = request.query_params.get("token", "")
    account, intent = intent_of(request, token)
    return answer(account, intent, token, "Your bank shows a small deposit within one or two business days.", "")


async def take(request: Request) -> Response:
    given = await fields_of(request)
    token = given.get("token", "")
    account, intent = intent_of(request, token)
    if not waits_for_deposits(intent):
        return answer(account, intent, token, "", "")
    world = world_of(request)
    amounts = [int(given[name]) for name in ("first", "second") if given.get(name, "").isdigit()]
    try:
        setup_intents.check_deposits(call_for(world, account), intent, amounts, given.get("code"))
    except StripeError as error:
        return answer(account, intent, token, error.error["message"], "bad", status=422)
    finally:
        world.store.commit()
    return answer(account, intent, token, "", "")


def answer(account: Account, intent: Json, token: str, said: str, tone: str, *, status: int = 200) -> Response:
    failed = (intent["last_setup_error"] or {}).get("payment_method") or {}
    method = account.shelf("payment_method").items.get(intent["payment_method"] or failed.get("id", ""), {})
    bank = method.get("us_bank_account", {})
    waits = waits_for_deposits(intent)
    if intent["status"] == "succeeded":
        said, tone = "Your bank account is verified. You may close this page.", "good"
    elif not waits and not said:
        said, tone = "This verification has ended. Ask the merchant how to go on.", "bad"
    values = {
        "merchant": account.name,
        "account": f"{bank.get('bank_name', 'Bank')} •••• {bank.get('last4', '')}",
        "sent": "$0.01, or two amounts below $1.00",
        "said": said,
        "tone": tone,
        "state": "open" if waits else "ended",
        "action": f"/js/verify/{intent['id']}",
        "token": token,
    }
    html = (FILES / "verify.html").read_text()
    for name, value in values.items():
        html = html.replace("{{" + name + "}}", escape(str(value)))
    policy = POLICY + "; form-action 'self'"
    headers = {**SHARED, "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return HTMLResponse(html, status_code=status, headers=headers)


async def show_mandate(request: Request) -> Response:
    return page("SEPA Direct Debit mandate", card("The mandate", tag("p", MANDATE)))


ROUTES = [
    Route("/js/verify/{id}", show, methods=["GET"]),
    Route("/js/verify/{id}", take, methods=["POST"]),
    Route("/js/mandate", show_mandate, methods=["GET"]),
]
