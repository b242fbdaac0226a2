"""What providers report back: Postmark's webhooks for e-mail, Twilio's status callbacks for SMS.

https://postmarkapp.com/developer/webhooks/webhooks-overview, https://www.twilio.com/docs/usage/security#validating-requests
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import httpx

from ..store import Json
from ..world import World
from . import messages

RETRY_AFTER = (1, 5, 15)
DELIVERY_SECONDS = 0.4
running: set[asyncio.Task[None]] = set()


def start(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    running.add(task)
    task.add_done_callback(running.discard)


async def post(url: str, **content: Any) -> None:
    """Post until taken, a few times."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        for pause in (*RETRY_AFTER, 0):
            try:
                response = await client.post(url, **content)
                if response.status_code < 300:
                    return
            except (httpx.HTTPError, httpx.InvalidURL):
                pass
            await asyncio.sleep(pause)


def fate_of(address: str) -> str:
    """``bounce@...`` and ``anyone+bounce@...`` bounce; ``complaint`` likewise is delivered, then complained about."""
    local = address.partition("@")[0].lower()
    for word in ("bounce", "complaint"):
        if local == word or local.endswith("+" + word):
            return word
    return "delivered"


def after_mail(world: World, mail: Json) -> None:
    start(report_mail_later(world, mail))


async def report_mail_later(world: World, mail: Json) -> None:
    await asyncio.sleep(DELIVERY_SECONDS)
    for address in mail["to"]:
        fate = fate_of(address)
        if fate == "bounce":
            await report_mail(world, mail, "bounced", address)
        else:
            await report_mail(world, mail, "delivered", address)
        if fate == "complaint":
            await report_mail(world, mail, "complained", address)


async def report_mail(world: World, mail: Json, status: str, address: str | None = None) -> None:
    """Set the status, and tell the webhook of it when the mail carries tracking metadata and there is one to tell."""
    is_kept = messages.change_status(world.store, mail, status)
    if not is_kept or not world.mail_webhook_url or not mail["metadata"]:
        return
    for recipient in [address] if address else mail["to"]:
        await post(world.mail_webhook_url, json=postmark_event(mail, status, recipient))


def postmark_event(mail: Json, status: str, recipient: str) -> Json:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event: Json = {
        "MessageID": mail["id"],
        "ServerID": 1,
        "MessageStream": "outbound",
        "Tag": "",
        "Metadata": mail["metadata"],
    }
    if status == "delivered":
        details = "Message accepted by the receiving server"
        return {**event, "RecordType": "Delivery", "Recipient": recipient, "DeliveredAt": now, "Details": details}
    bounced = status == "bounced"
    return {
        **event,
        "RecordType": "Bounce" if bounced else "SpamComplaint",
        "ID": int(hashlib.sha256(mail["id"].encode()).hexdigest()[:12], 16),
        "Type": "HardBounce" if bounced else "SpamComplaint",
        "TypeCode": 1 if bounced else 512,
        "Name": "Hard bounce" if bounced else "Spam complaint",
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found)."
        if bounced
        else "The subscriber explicitly marked this message as spam.",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist." if bounced else "",
        "Email": recipient,
        "From": mail["from"],
        "BouncedAt": now,
        "DumpAvailable": False,
        "Inactive": True,
        "CanActivate": bounced,
        "Subject": mail["subject"],
    }


def twilio_signature(url: str, params: dict[str, str], auth_token: str) -> str:
    """The address, then every parameter's name and value in the order of the names; HMAC-SHA1, base64."""
    text = url + "".join(name + params[name] for name in sorted(params))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def after_sms(world: World, sms: Json) -> None:
    start(report_sms_later(world, sms))


async def report_sms_later(world: World, sms: Json) -> None:
    await asyncio.sleep(DELIVERY_SECONDS)
    await report_sms(world, sms, "sent")
    await asyncio.sleep(DELIVERY_SECONDS)
    await report_sms(world, sms, "undelivered" if sms["to"].endswith("0404") else "delivered")


async def report_sms(world: World, sms: Json, status: str) -> None:
    is_kept = messages.change_status(world.store, sms, status)
    if not is_kept or not sms["status_callback"]:
        return
    params = {
        "AccountSid": sms["account_sid"],
        "ApiVersion": "2010-04-01",
        "From": sms["from"],
        "MessageSid": sms["id"],
        "MessageStatus": status,
        "SmsSid": sms["id"],
        "SmsStatus": status,
        "To": sms["to"],
    }
    if status == "undelivered":
        params["ErrorCode"] = "30005"
    signature = twilio_signature(sms["status_callback"], params, sms["auth_token"])
    await post(sms["status_callback"], data=params, headers={"X-Twilio-Signature": signature})
