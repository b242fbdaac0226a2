"""Text messages by Twilio's HTTP API, or one that speaks it: https://www.twilio.com/docs/messaging/api/message-resource"""

import base64
import hashlib
import hmac
from collections.abc import Iterable

import httpx
from django.conf import settings

from messaging.errors import SendFailed, is_permanent
from messaging.models import Message
from tenants.models import Tenant
from tenants.scope import forbid_open_transaction

TIMEOUT_SECONDS = 15.0


def send_sms_message(tenant: Tenant, message: Message) -> str:
    """Send one text message; its id at the provider. Raises SendFailed."""
    forbid_open_transaction()
    sender = tenant.sms_sender or settings.SMS_FROM
    if not (settings.SMS_ACCOUNT_SID and settings.SMS_AUTH_TOKEN and sender):
        raise SendFailed("No SMS provider is set up.", permanent=True)
    url = f"{settings.SMS_API_BASE}/2010-04-01/Accounts/{settings.SMS_ACCOUNT_SID}/Messages.json"
    data = {
        "To": message.to,
        "MessagingServiceSid" if sender.startswith("MG") else "From": sender,
        "Body": message.text,
        "StatusCallback": callback_url(tenant.slug, message),
    }
    try:
        answer = httpx.post(
            url, data=data, auth=(settings.SMS_ACCOUNT_SID, settings.SMS_AUTH_TOKEN), timeout=TIMEOUT_SECONDS
        )
        body = answer.json() if answer.content else {}
    except (httpx.HTTPError, ValueError) as error:
        raise SendFailed(f"{type(error).__name__}: {error}", permanent=False, unreachable=True) from error
    if answer.is_success and body.get("sid"):
        return str(body["sid"])
    reason = f"{body.get('code') or answer.status_code} {body.get('message', '')}".strip()
    raise SendFailed(reason, permanent=is_permanent(answer.status_code))


def callback_url(slug: str, message: Message) -> str:
    """Where the provider tells of this message; also what it signs, so it never depends on a request's headers."""
    return f"{settings.BASE_URL}/webhooks/messages/sms/{slug}/{message.pk}/"


def signature_of(url: str, fields: Iterable[tuple[str, str]]) -> str:
    """X-Twilio-Signature: https://www.twilio.com/docs/usage/webhooks/webhooks-security"""
    signed = url + "".join(f"{name}{value}" for name, value in sorted(fields))
    digest = hmac.new(settings.SMS_AUTH_TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
