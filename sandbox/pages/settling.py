"""Buttons that stand for a bank's answer, which takes days at the real gateway."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..api.setup_intents import waits_for_deposits
from ..control import account_of, find_owner, settle_object, world_of
from ..store import Account, Json
from .markup import Html, button, card, link, path, tag


def waits(obj: Json) -> bool:
    """Whether a bank has yet to answer; a refund that succeeded may still come back."""
    if obj["object"] == "refund":
        return obj["status"] in ("pending", "succeeded")
    return obj.get("status") == "processing" or (obj["object"] == "setup_intent" and waits_for_deposits(obj))


def buttons(account: Account, obj: Json) -> Html:
    if not waits(obj):
        return Html("")
    address = path("accounts", account.slug, "settle", obj["id"])
    fail = button("The bank refuses", address, tone="danger", outcome="fail")
    done = obj["object"] == "refund" and obj["status"] == "succeeded"
    return fail if done else Html(button("The bank accepts", address, outcome="succeed") + " " + fail)


def settle_card(account: Account, obj: Json) -> Html:
    if not waits(obj):
        return Html("")
    deposits = (obj.get("next_action") or {}).get("verify_with_microdeposits") or {}
    address = deposits.get("hosted_verification_url")
    page = tag("p", link(address, "The page where the holder verifies the account")) if address else ""
    return card("The bank’s answer", page, buttons(account, obj))


async def settle(request: Request) -> Response:
    world = world_of(request)
    slug, object_id = request.path_params["slug"], request.path_params["id"]
    account, obj = find_owner(world, object_id, account_of(world, slug).slug)
    outcome = (await request.body()).decode().partition("outcome=")[2]
    if outcome not in ("succeed", "fail"):
        raise HTTPException(400, "The outcome is succeed or fail.")
    settle_object(world, account, obj, outcome)
    return RedirectResponse(path("accounts", slug, "objects", obj["object"], object_id), 303)


ROUTES = [Route("/accounts/{slug}/settle/{id}", settle, methods=["POST"])]
