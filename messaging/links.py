"""What opens doors is sent, not kept: once a message is out, its copy in the outbox has its links and codes no more."""

import re

REMOVED = "[…]"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
#: The last part of an address when it is long enough to be a token, and is not a row's id.
_TOKEN = re.compile(rf"(https?://[^\s\"'<>]+/)(?!{_UUID}\b)[\w:.~-]{{20,}}(?=[/\s\"'<>]|$)", re.IGNORECASE)

_CODE = re.compile(r"(?<![\w#])\d{3} ?\d{3}(?!\w)")
#: Messages that carry a one-time code.
_WITH_CODE = {"portal_sign_in"}


def without_secrets(template: str, text: str) -> str:
    """The text as it is kept: without the tokens of its links, and without the code where this template has one."""
    text = without_links(text)
    return _CODE.sub(REMOVED, text) if template in _WITH_CODE else text


def without_links(text: str) -> str:
    """The text with the tokens of its links taken out: https://example.com/i/acme/[…]"""
    return _TOKEN.sub(rf"\1{REMOVED}", text)
