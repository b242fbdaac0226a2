"""What people type into search boxes: short numbers, names, addresses, the end of a card's number."""

import re
from collections.abc import Mapping

from django.db.models import Q

from tenants.numbers import PREFIXES

_NUMBER = re.compile(r"(?:([A-Za-z]{1,4})-?)?(\d{1,12})", re.ASCII)


def read_number(text: str, name: str) -> int | None:
    """1042 from "C-1042", "c1042" or "1042" for the kind `name` (as in tenants.numbers); None when it is none."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None or (match[1] or PREFIXES[name]).upper() != PREFIXES[name]:
        return None
    return int(match[2])


def customer_match(text: str, path: str = "customer__") -> Q:
    """Rows whose customer fits the text: every word in its name, organisation, e-mail or reference, or its number."""
    matches = Q()
    for word in text.split()[:6]:
        matches &= (
            Q(**{f"{path}first_name__icontains": word})
            | Q(**{f"{path}last_name__icontains": word})
            | Q(**{f"{path}organisation__icontains": word})
            | Q(**{f"{path}email_normalized__contains": word.lower()})
            | Q(**{f"{path}reference__iexact": word})
        )
    number = read_number(text, "customer")
    return matches | Q(**{f"{path}number": number}) if number is not None else matches


def numbered_match(text: str, name: str, path: str = "customer__") -> Q:
    """The same, or the row's own short number of the kind `name`."""
    number = read_number(text, name)
    return customer_match(text, path) | Q(number=number) if number is not None else customer_match(text, path)


def typed_text(posted: Mapping[str, str], name: str, most: int = 300) -> str:
    """One posted text as the database can hold it: trimmed, cut, without NUL."""
    return posted.get(name, "").replace("\x00", "").strip()[:most]
