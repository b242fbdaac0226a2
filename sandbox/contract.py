"""Checks a request's parameters against the TypedDicts of the installed stripe package.

The package's ``stripe.params`` classes are generated from Stripe's own OpenAPI document for the version that it
pins, so a request that passes here fits that version's contract. Annotations are compiled once into small functions
that take the raw value (a string, or a dict of nested values) and return the typed one.
"""

import types
import typing
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import stripe.params
import typing_extensions
from stripe._request_options import RequestOptions

from .errors import invalid_request
from .forms import join_name

Path = tuple[str, ...]
Check = Callable[[Any, Path], Any]

API_VERSION = stripe.api_version
# Options of the client that its generated classes carry beside the parameters; they are headers, never sent as fields.
REQUEST_OPTIONS = frozenset(RequestOptions.__annotations__)


def validate(params_class: str, raw: dict[str, Any]) -> Any:
    """Typed parameters, or StripeError 400 as Stripe answers for unknown, missing and wrongly typed ones.

    >>> validate("CustomerListParams", {"limit": "3"})
    {'limit': 3}
    """
    return compiled(params_class)(raw, ())


@cache
def compiled(params_class: str) -> Check:
    return fields_check(getattr(stripe.params, params_class))


@cache
def fields_check(cls: type) -> Check:
    hints = typing.get_type_hints(cls, localns={**vars(typing), "StripeContext": str}, include_extras=True)
    options = REQUEST_OPTIONS if set(hints) >= REQUEST_OPTIONS else frozenset()
    checks: dict[str, Check] = {}
    required = []
    for name, hint in hints.items():
        if name in options:
            continue
        inner, is_required = unwrap(hint, name in getattr(cls, "__required_keys__", ()))
        checks[name] = lazy_check(inner)
        if is_required:
            required.append(name)

    def check(raw: Any, path: Path) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise invalid_request("Invalid object", param=join_name(path), stored=False)
        typed = {}
        for name, value in raw.items():
            one = checks.get(name)
            if one is None:
                param = join_name((*path, name))
                raise invalid_request(
                    f"Received unknown parameter: {param}", code="parameter_unknown", param=param, stored=False
                )
            typed[name] = one(value, (*path, name))
        for name in required:
            if name not in typed:
                param = join_name((*path, name))
                raise invalid_request(
                    f"Missing required param: {param}.", code="parameter_missing", param=param, stored=False
                )
        return typed

    return check


def unwrap(hint: Any, required: bool) -> tuple[Any, bool]:
    origin = get_origin(hint)
    if origin in (typing.NotRequired, typing_extensions.NotRequired):
        return get_args(hint)[0], False
    if origin in (typing.Required, typing_extensions.Required):
        return get_args(hint)[0], True
    return hint, required


def lazy_check(hint: Any) -> Check:
    """Compile on first use: parameter trees are large and most of their branches are never sent."""
    made: list[Check] = []

    def check(raw: Any, path: Path) -> Any:
        if not made:
            made.append(make_check(hint))
        return made[0](raw, path)

    return check


def make_check(hint: Any) -> Check:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return union_check(get_args(hint))
    if origin is Literal:
        return literal_check(get_args(hint))
    if origin is list:
        return list_check(get_args(hint)[0])
    if origin is dict:
        return map_check
    if typing_extensions.is_typeddict(hint):
        return fields_check(hint)
    return SCALARS.get(hint, check_any)


def union_check(members: tuple[Any, ...]) -> Check:
    """``Literal['']|X`` lets a field be cleared; ``Literal['a', 'b']|str`` is an enumeration that may grow: the listed
    values are what this version of the API takes."""
    literals = [value for member in members if get_origin(member) is Literal for value in get_args(member)]
    named = [value for value in literals if value != ""]
    others = [m for m in members if get_origin(m) is not Literal and m is not type(None) and not is_untyped(m)]
    scalars = [m for m in others if m in SCALARS and not (named and m is str)]
    objects = [m for m in others if m not in SCALARS]
    checks = [make_check(m) for m in scalars]
    deep_checks = [make_check(m) for m in objects]

    def check(raw: Any, path: Path) -> Any:
        if isinstance(raw, str) and raw in literals:
            return raw
        candidates = deep_checks if isinstance(raw, dict) else checks
        error: Exception | None = None
        for candidate in candidates:
            try:
                return candidate(raw, path)
            except Exception as caught:
                error = error or caught
        if error is not None:
            raise error
        if named and not isinstance(raw, dict):
            raise not_one_of(named, path)
        raise invalid_request(
            "Invalid object" if deep_checks else f"Invalid string: {raw}", param=join_name(path), stored=False
        )

    return check


def is_untyped(hint: Any) -> bool:
    return "UntypedStripeObject" in repr(hint)


def literal_check(values: tuple[Any, ...]) -> Check:
    def check(raw: Any, path: Path) -> Any:
        if raw in values:
            return raw
        if raw == "true" and True in values:
            return True
        raise not_one_of(list(values), path)

    return check


def not_one_of(values: list[Any], path: Path) -> Exception:
    listed = ", ".join(map(str, values[:-1])) + (f", or {values[-1]}" if len(values) > 2 else "")
    if len(values) <= 2:
        listed = " or ".join(map(str, values))
    return invalid_request(f"Invalid {join_name(path)}: must be one of {listed}", param=join_name(path), stored=False)


def list_check(item: Any) -> Check:
    one = lazy_check(item)

    def check(raw: Any, path: Path) -> list[Any]:
        if isinstance(raw, list):
            values = raw
        elif isinstance(raw, dict) and all(key.isdigit() for key in raw):
            values = [raw[key] for key in sorted(raw, key=int)]
        else:
            raise invalid_request("Invalid array", param=join_name(path), stored=False)
        return [one(value, (*path, str(index))) for index, value in enumerate(values)]

    return check


def map_check(raw: Any, path: Path) -> dict[str, str]:
    """Metadata: at most 50 keys of 40 characters with values of 500, https://docs.stripe.com/api/metadata."""
    if not isinstance(raw, dict):
        raise invalid_request("Invalid object", param=join_name(path), stored=False)
    if len(raw) > 50:
        raise invalid_request("You can have up to 50 metadata keys.", param=join_name(path), stored=False)
    for key, value in raw.items():
        if not isinstance(value, str):
            raise invalid_request(
                f"Metadata values must be strings, but for key {key} you passed in a value of type hash.",
                param=join_name(path),
                stored=False,
            )
        if len(key) > 40:
            raise invalid_request(
                f"Metadata keys can have up to 40 characters, but you passed in a key that is {len(key)} characters. "
                f"Invalid key: {key}",
                param=join_name(path),
                stored=False,
            )
        if len(value) > 500:
            raise invalid_request(
                f"Metadata values can have up to 500 characters, but you passed in a value that is {len(value)} "
                "characters. "
                f"Invalid value: {value}",
                param=join_name((*path, key)),
                stored=False,
            )
    return dict(raw)


def check_str(raw: Any, path: Path) -> str:
    if not isinstance(raw, str):
        raise invalid_request("Invalid string", param=join_name(path), stored=False)
    if len(raw) > 5000:
        raise invalid_request(
            f"Invalid string: {raw[:10]}...; must be at most 5000 characters", param=join_name(path), stored=False
        )
    return raw


def check_int(raw: Any, path: Path) -> int:
    try:
        return int(raw)
    except (TypeError, ValueError):
        raise invalid_request(
            f"Invalid integer: {raw}", code="parameter_invalid_integer", param=join_name(path), stored=False
        ) from None


def check_number(raw: Any, path: Path) -> float:
    try:
        return float(raw)
    except (TypeError, ValueError):
        raise invalid_request(f"Invalid decimal: {raw}", param=join_name(path), stored=False) from None


def check_decimal(raw: Any, path: Path) -> str:
    try:
        return str(Decimal(raw))
    except (TypeError, ValueError, InvalidOperation):
        raise invalid_request(f"Invalid decimal: {raw}", param=join_name(path), stored=False) from None


def check_bool(raw: Any, path: Path) -> bool:
    if raw in (True, "true"):
        return True
    if raw in (False, "false"):
        return False
    raise invalid_request(f"Invalid boolean: {raw}", param=join_name(path), stored=False)


def check_any(raw: Any, path: Path) -> Any:
    return raw


SCALARS: dict[Any, Check] = {
    str: check_str,
    int: check_int,
    float: check_number,
    Decimal: check_decimal,
    bool: check_bool,
}
