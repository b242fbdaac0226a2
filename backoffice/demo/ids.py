"""Ids at the gateway that look like its own and are the same on every load."""

import hashlib
import string

_ALPHABET = string.digits + string.ascii_letters


def gateway_id(prefix: str, *key: object) -> str:
    """`pm_` and 24 letters and digits that depend on `key` alone."""
    number = int.from_bytes(hashlib.sha256("/".join(map(str, (prefix, *key))).encode()).digest())
    letters = []
    for _ in range(24):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return f"{prefix}_{''.join(letters)}"
