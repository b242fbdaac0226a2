"""What opens doors is sent, not kept: once a message is out, its copy in the outbox has its links and codes no more."""

import re

from messaging.kinds import KINDS
from messaging.models import Message

REMOVED = "[…]"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
#: The last part of an address when it is long enough to be a token, and is not a row's id.
_TOKEN = re.compile(rf"(https?://[^\s\"'<>]+/)(?!{_UUID}\b)[\w:.~-]{{20,}}(?=[/\s\"'<>]|$)", re.IGNORECASE)


def without_links(text: str) -> str:
    """The text with the tokens of its links taken out: https://example.com/i/acme/[…]"""
    return _TOKEN.sub(rf"\1{REMOVED}", text)


def kept_copy(message: Message) -> dict[str, str]:
    """The text of a message that is out, as it is kept; nothing of one that tells a secret in so many words."""
    kind = KINDS.get(message.template)
    if kind is not None and kind.keeps_no_text:
        return {"text": REMOVED, "html": ""}
    return {"text": without_links(message.text), "html": without_links(message.html)}
