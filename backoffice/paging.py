"""Keyset pages: each costs the same at any depth, because it starts from a key and not from a count."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import QueryDict

PAGE_SIZE = 50
COUNT_CAP = 1000


@dataclass(frozen=True)
class Page[M: Model]:
    """`newer` and `older` are query strings of the neighbouring pages, empty at an end."""

    items: list[M]
    newer: str
    older: str


def keyset_page[M: Model](
    rows: QuerySet[M], query: QueryDict, *, key: str, read: Callable[[str], Any] = int, size: int = PAGE_SIZE
) -> Page[M]:
    """One page of `rows`, largest `key` first. `?after=` and `?before=` hold the key at the edge left behind.

    `key` names a column that is unique in the tenant. A cursor that cannot be read counts as none.
    """
    after, before = _cursor(query, "after", read), _cursor(query, "before", read)
    if before is not None:
        found = list(rows.filter(**{f"{key}__gt": before}).order_by(key)[: size + 1])
        items = found[:size][::-1]
        if not items:
            return keyset_page(rows, _without_cursors(query), key=key, read=read, size=size)
        return _page(items, query, key, newer=len(found) > size, older=True)
    wanted = rows if after is None else rows.filter(**{f"{key}__lt": after})
    found = list(wanted.order_by(f"-{key}")[: size + 1])
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


def _page[M: Model](items: list[M], query: QueryDict, key: str, *, newer: bool, older: bool) -> Page[M]:
    def link(name: str, item: M) -> str:
        changed = _without_cursors(query)
        changed[name] = str(getattr(item, key))
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


def _cursor(query: QueryDict, name: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(query[name])
    except (KeyError, ValueError):
        return None


def read_uuid(value: str) -> UUID:
    return UUID(value)
