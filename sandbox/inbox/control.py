"""The inbox in the control API."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..control import body_of, world_of
from ..store import Json
from . import messages, reports

STATUSES = {"email": ("delivered", "bounced", "complained"), "sms": ("sent", "delivered", "undelivered")}


async def list_messages(request: Request) -> Response:
    query = request.query_params
    try:
        since = float(query["since"]) if query.get("since") else None
    except ValueError:
        raise HTTPException(400, "since is a number of seconds.") from None
    found = messages.search(world_of(request).store, channel=query.get("channel"), to=query.get("to"), since=since)
    return JSONResponse([messages.shown(message) for message in found])


async def clear_messages(request: Request) -> Response:
    messages.forget(world_of(request).store)
    return JSONResponse([])


def message_of(request: Request) -> Json:
    message = messages.find(world_of(request).store, request.path_params["id"])
    if message is None:
        raise HTTPException(404, "No such message.")
    return message


async def report_status(request: Request, message: Json, status: str) -> None:
    """Pretend that the provider now reports this status."""
    if status not in STATUSES[message["channel"]]:
        raise HTTPException(400, f"status must be one of {', '.join(STATUSES[message['channel']])}")
    report = reports.report_mail if message["channel"] == "email" else reports.report_sms
    reports.start(report(world_of(request), message, status))
    message["status"] = status
    messages.keep(world_of(request).store, message)


async def set_status(request: Request) -> Response:
    message = message_of(request)
    await report_status(request, message, (await body_of(request)).get("status", ""))
    return JSONResponse(messages.shown(message))


ROUTES = [
    Route("/_control/inbox/messages", list_messages, methods=["GET"]),
    Route("/_control/inbox/messages", clear_messages, methods=["DELETE"]),
    Route("/_control/inbox/messages/{id}/status", set_status, methods=["POST"]),
]
