"""Twilio's way to send an SMS: https://docs.twilio.com/docs/messaging/api/message-resource"""

import base64
import re
import secrets
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..control import world_of
from ..store import Json
from . import messages, reports

GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_EXTENDED = set("^{}\\[~]|€")
# Numbers that Twilio keeps for tests, https://www.twilio.com/docs/iam/test-credentials#test-sms-messages
MAGIC = {
    "+15005550001": (21211, "Invalid 'To' Phone Number: +15005550001"),
    "+15005550002": (21612, "The 'To' phone number: +15005550002, is not currently reachable using the 'From' number."),
    "+15005550003": (
        21408,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number.",
    ),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}


def count_segments(text: str) -> int:
    """How many messages a text takes: 160 characters (153 each when split) in GSM-7, else 70 (67) UTF-16 units."""
    if all(char in GSM_7 or char in GSM_7_EXTENDED for char in text):
        length = sum(2 if char in GSM_7_EXTENDED else 1 for char in text)
        return 1 if length <= 160 else -(-length // 153)
    length = len(text.encode("utf-16-le")) // 2
    return 1 if length <= 70 else -(-length // 67)


def refuse(code: int, message: str, status: int = 400) -> Response:
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return JSONResponse(body, status_code=status)


def credentials(request: Request) -> tuple[str, str] | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if scheme.lower() == "basic" and user and password else None


def problem_with(given: dict[str, str]) -> tuple[int, str] | None:
    to = given.get("To", "")
    if not to:
        return 21604, "A 'To' phone number is required."
    if not given.get("From") and not given.get("MessagingServiceSid"):
        return 21603, "A 'From' phone number is required."
    if not given.get("Body"):
        return 21602, "Message body is required."
    if len(given["Body"]) > 1600:
        return 21617, "The concatenated message body exceeds the 1600 character limit"
    if to in MAGIC:
        return MAGIC[to]
    if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
        return 21211, f"Invalid 'To' Phone Number: {to}"
    return None


async def send(request: Request) -> Response:
    who = credentials(request)
    account = request.path_params["sid"]
    if who is None or not account.startswith("AC"):
        return refuse(20003, "Authenticate", 401)
    given = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
    problem = problem_with(given)
    if problem is not None:
        return refuse(*problem)
    world = world_of(request)
    sms: Json = {
        "id": "SM" + secrets.token_hex(16),
        "channel": "sms",
        "time": time.time(),
        "from": given.get("From") or given["MessagingServiceSid"],
        "to": given["To"],
        "subject": "",
        "text": given["Body"],
        "html": "",
        "headers": [],
        "attachments": [],
        "links": messages.links_in(given["Body"], ""),
        "metadata": {},
        "status": "queued",
        "segments": count_segments(given["Body"]),
        "account_sid": account,
        "auth_token": who[1],
        "status_callback": given.get("StatusCallback"),
    }
    messages.keep(world.store, sms)
    reports.after_sms(world, sms)
    return JSONResponse(as_twilio(sms, given), status_code=201)


def as_twilio(sms: Json, given: dict[str, str]) -> Json:
    now = format_datetime(datetime.now(UTC))
    uri = f"/2010-04-01/Accounts/{sms['account_sid']}/Messages/{sms['id']}"
    return {
        "account_sid": sms["account_sid"],
        "api_version": "2010-04-01",
        "body": sms["text"],
        "date_created": now,
        "date_sent": None,
        "date_updated": now,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": given.get("From"),
        "messaging_service_sid": given.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": str(sms["segments"]),
        "price": None,
        "price_unit": "USD",
        "sid": sms["id"],
        "status": "queued",
        "subresource_uris": {"media": uri + "/Media.json"},
        "to": sms["to"],
        "uri": uri + ".json",
    }


ROUTES = [Route("/2010-04-01/Accounts/{sid}/Messages.json", send, methods=["POST"])]
