"""Lists, newest first, with cursors: https://docs.stripe.com/api/pagination."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from ..errors import invalid_request, missing_object
from ..store import Json
from .call import KIND_WORDS, Call


def page(
    call: Call, kind: str, url: str, *, keep: Callable[[Json], bool] | None = None, customer: str | None = None
) -> Json:
    """One page of ``kind``. ``keep`` filters; ``customer`` uses the index by customer."""
    params = call.params
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        bound = "less than or equal to 100" if limit > 100 else "greater than or equal to 1"
        code = "parameter_invalid_integer"
        raise invalid_request(f"Invalid integer: must be {bound}", code=code, param="limit")
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid_request(
            "You cannot parameterize by both starting_after and ending_before.", param="ending_before"
        )
    shelf = call.account.shelf(kind)
    for cursor, name in ((after, "starting_after"), (before, "ending_before")):
        if cursor is not None and cursor not in shelf.position:
            raise missing_object(KIND_WORDS.get(kind, kind), cursor, param=name, status=400)
    # A position never moves, so a cursor works even when its object has since gone.
    ids: Iterable[str]
    if customer is not None:
        ids = [obj["id"] for obj in shelf.of_customer(customer)]
        if after:
            ids = [i for i in ids if shelf.position[i] < shelf.position[after]]
        if before:
            ids = [i for i in reversed(list(ids)) if shelf.position[i] > shelf.position[before]]
    elif before:
        ids = islice(shelf.order, shelf.position[before] + 1, None)
    else:
        start = shelf.position[after] - 1 if after else len(shelf.order) - 1
        ids = (shelf.order[index] for index in range(start, -1, -1))
    objects = (obj for obj in map(shelf.items.get, ids) if obj is not None and not obj.get("deleted"))
    wanted = (obj for obj in objects if (keep is None or keep(obj)) and in_range(obj, params.get("created")))
    found = list(islice(wanted, limit + 1))
    data = found[:limit]
    if before:
        data.reverse()
    return {"object": "list", "data": data, "has_more": len(found) > limit, "url": url}


def in_range(obj: Json, wanted: Any, name: str = "created") -> bool:
    """``created`` as a number of seconds or as ``{gt, gte, lt, lte}``."""
    if wanted is None or wanted == {}:
        return True
    value = obj.get(name) or 0
    if isinstance(wanted, int):
        return bool(value == wanted)
    return bool(
        value > wanted.get("gt", -1)
        and value >= wanted.get("gte", 0)
        and value < wanted.get("lt", float("inf"))
        and value <= wanted.get("lte", float("inf"))
    )
