"""Messages as they are kept, and what is read out of them."""

import base64
import json
import re
import time
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from ..store import Json, Store, random_text

LINK = re.compile(r"https?://[^\s<>\"'\])]+")
HREF = re.compile(r"""href\s*=\s*["']([^"']+)["']""", re.I)


@dataclass(frozen=True)
class Attachment:
    name: str
    content_type: str
    content: bytes


def links_in(text: str, html: str) -> list[str]:
    found = [link.rstrip(".,;:!?") for link in LINK.findall(text)]
    found += [href.replace("&amp;", "&") for href in HREF.findall(html) if href.startswith("http")]
    return list(dict.fromkeys(found))


def keep(store: Store, message: Json) -> Json:
    """Save a message, new or changed."""
    recipient = message["to"] if isinstance(message["to"], str) else ", ".join(message["to"])
    store.queue(
        "INSERT INTO messages (id, channel, recipient, time, body) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        message["id"],
        message["channel"],
        recipient.lower(),
        message["time"],
        json.dumps(message),
    )
    store.commit()
    return message


def change_status(store: Store, message: Json, status: str) -> bool:
    """Save the new status; False when the inbox was emptied meanwhile, and the message is gone."""
    if find(store, message["id"]) is None:
        return False
    message["status"] = status
    keep(store, message)
    return True


def read_mail(raw: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(raw)


def parse_mail(sender: str, recipients: list[str], raw: bytes) -> Json:
    mail = read_mail(raw)
    text, html = body_of(mail, "plain"), body_of(mail, "html")
    return {
        "id": "mail_" + random_text(14),
        "channel": "email",
        "time": time.time(),
        "from": str(mail.get("From", sender)),
        "to": recipients,
        "subject": str(mail.get("Subject", "")),
        "text": text,
        "html": html,
        "headers": [[name, str(value)] for name, value in mail.items()],
        "attachments": [
            {"name": one.name, "content_type": one.content_type, "size": len(one.content)} for one in attachments(raw)
        ],
        "links": links_in(text, html),
        "metadata": tracking_metadata(mail),
        "status": "received",
        "raw": base64.b64encode(raw).decode(),
    }


def body_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def attachments(raw: bytes) -> list[Attachment]:
    result = []
    for part in read_mail(raw).iter_attachments():
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else part.as_bytes()
        result.append(Attachment(part.get_filename() or "attachment", part.get_content_type(), content))
    return result


def tracking_metadata(mail: EmailMessage) -> Json:
    """``X-PM-Metadata-name: value``, as Postmark's SMTP takes it; its webhooks give the pairs back."""
    prefix = "x-pm-metadata-"
    return {name[len(prefix) :]: str(value) for name, value in mail.items() if name.lower().startswith(prefix)}


def find(store: Store, message_id: str) -> Json | None:
    rows = store.rows("SELECT body FROM messages WHERE id = ?", (message_id,))
    return json.loads(rows[0][0]) if rows else None


def search(store: Store, *, channel: str | None, to: str | None, since: float | None, limit: int = 500) -> list[Json]:
    """Newest first."""
    conditions, values = ["1 = 1"], list[Any]()
    for condition, value in (
        ("channel = ?", channel),
        ("instr(recipient, ?) > 0", (to or "").lower()),
        ("time > ?", since),
    ):
        if value:
            conditions.append(condition)
            values.append(value)
    where = " AND ".join(conditions)
    rows = store.rows(f"SELECT body FROM messages WHERE {where} ORDER BY seq DESC LIMIT ?", [*values, limit])  # noqa: S608
    return [json.loads(body) for (body,) in rows]


def forget(store: Store) -> None:
    store.queue("DELETE FROM messages")
    store.commit()


def shown(message: Json) -> Json:
    """A message as the control API gives it: without its source and without the sender's secrets."""
    return {name: value for name, value in message.items() if name not in ("raw", "auth_token")}
