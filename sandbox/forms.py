"""Form bodies with nested brackets, as Stripe's clients send them: ``a[b][0]=x``."""

from typing import Any
from urllib.parse import parse_qsl

from .errors import invalid_request


def parse_form(text: str) -> dict[str, Any]:
    """Nested dict of strings; arrays come out as dicts with the keys "0", "1", ... (the contract makes them lists)."""
    result: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        insert(result, split_key(key), value)
    return result


def split_key(key: str) -> list[str]:
    head, bracket, rest = key.partition("[")
    if not bracket:
        return [key]
    if not rest.endswith("]"):
        raise invalid_request(f"Invalid parameter name: {key}", param=key)
    return [head, *rest[:-1].split("][")]


def insert(target: dict[str, Any], parts: list[str], value: str) -> None:
    for part in parts[:-1]:
        name = part or str(len(target))
        child = target.setdefault(name, {})
        if not isinstance(child, dict):
            raise invalid_request("Invalid object", param=parts[0])
        target = child
    target[parts[-1] or str(len(target))] = value


def join_name(path: tuple[str, ...]) -> str:
    """("card", "exp_month") -> "card[exp_month]", as error bodies name parameters."""
    return path[0] + "".join(f"[{part}]" for part in path[1:]) if path else ""
