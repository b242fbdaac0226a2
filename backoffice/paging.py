"""Keyset pages: each costs the same at any depth, because it starts from a key and not from a count."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Model, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import QueryDict

PAGE_SIZE = 50
COUNT_CAP = 1000


@dataclass(frozen=True)
class Key:
    """Columns to page by, and how each is read from a cursor."""

    columns: tuple[str, ...]
    readers: tuple[Callable[[str], Any], ...]

    @staticmethod
    def write(value: Any) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)


def _read_number(text: str) -> int:
    number = int(text)
    if abs(number) >= 2**63:
        raise ValueError(text)
    return number


def _read_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


NUMBER = Key(("number",), (_read_number,))
ID = Key(("id",), (UUID,))
NEWEST = Key(("at", "id"), (_read_moment, UUID))


@dataclass(frozen=True)
class Page[M: Model]:
    """`newer` and `older` are query strings of the neighbouring pages, empty at an end."""

    items: list[M]
    newer: str
    older: str


def keyset_page[M: Model](rows: QuerySet[M], query: QueryDict, *, key: Key, size: int = PAGE_SIZE) -> Page[M]:
    """One page of `rows`, largest `key` first. `?after=` and `?before=` hold the key at the edge left behind.

    `key` is NUMBER, ID or NEWEST: columns that together are unique in the tenant. A cursor that cannot be read counts
    as none.
    """
    after, before = _cursor(query, "after", key), _cursor(query, "before", key)
    columns = Tuple(*(F(name) for name in key.columns))
    if before is not None:
        found = list(rows.filter(TupleGreaterThan(columns, before)).order_by(*key.columns)[: size + 1])
        if not found:
            return keyset_page(rows, _without_cursors(query), key=key, size=size)
        return _page(found[:size][::-1], query, key, newer=len(found) > size, older=True)
    wanted = rows if after is None else rows.filter(TupleLessThan(columns, after))
    found = list(wanted.order_by(*(f"-{name}" for name in key.columns))[: size + 1])
    return _page(found[:size], query, key, newer=after is not None and bool(found), older=len(found) > size)


def capped_count(rows: QuerySet[Any], cap: int = COUNT_CAP) -> str:
    """How many rows there are, as text: exact up to the cap, "1,000+" above it."""
    count = rows.order_by()[: cap + 1].count()
    return f"{cap:,}+" if count > cap else f"{count:,}"


def with_query(query: QueryDict, **changes: str | None) -> str:
    """The query string with some values set, or removed by None; paging starts again."""
    changed = _without_cursors(query)
    for name, value in changes.items():
        if value is None or value == "":
            changed.pop(name, None)
        else:
            changed[name] = value
    return changed.urlencode()


def _page[M: Model](items: list[M], query: QueryDict, key: Key, *, newer: bool, older: bool) -> Page[M]:
    def link(name: str, item: M) -> str:
        changed = _without_cursors(query)
        changed[name] = "~".join(key.write(getattr(item, column)) for column in key.columns)
        return changed.urlencode()

    return Page(
        items=items,
        newer=link("before", items[0]) if newer and items else "",
        older=link("after", items[-1]) if older and items else "",
    )


def _without_cursors(query: QueryDict) -> QueryDict:
    changed = query.copy()
    for name in ("after", "before"):
        changed.pop(name, None)
    return changed


def _cursor(query: QueryDict, name: str, key: Key) -> tuple[Any, ...] | None:
    parts = query.get(name, "").split("~")
    if len(parts) != len(key.columns):
        return None
    try:
        return tuple(read(part) for read, part in zip(key.readers, parts, strict=True))
    except ValueError:
        return None
