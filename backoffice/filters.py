"""Filters of lists: from the query string, kept in every link, and harmless when they make no sense."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.paging import with_query

type Choices = Iterable[tuple[str, str | Promise]]

PERIODS = {
    "day": (_("Last 24 hours"), timedelta(days=1)),
    "week": (_("Last 7 days"), timedelta(days=7)),
    "month": (_("Last 30 days"), timedelta(days=30)),
    "quarter": (_("Last 90 days"), timedelta(days=90)),
}


@dataclass(frozen=True)
class Chip:
    """One of the filters that is a link; `count` is text."""

    label: str | Promise
    url: str
    active: bool
    count: str = ""


class FilterForm(forms.Form):
    """A list's search text and choices. `value(name)` is the chosen value, or "" when it is none of the choices."""

    q = forms.CharField(required=False, max_length=120)
    placeholder: str | Promise = ""

    def __init__(self, query: QueryDict) -> None:
        super().__init__(query)
        self.query = query
        self.prepare()
        for field in self.fields.values():
            field.required = False
            if isinstance(field, forms.ChoiceField):
                field.widget.attrs |= {
                    "class": "form-select",
                    "data-autosubmit": "",
                    "aria-label": field.label or "",
                }
        self.is_valid()

    def prepare(self) -> None:
        """For choices that come from the tenant's rows: set them on `self.fields`, which are this request's own."""

    def value(self, name: str) -> str:
        return str(self.cleaned_data.get(name) or "").strip()

    @property
    def text(self) -> str:
        return self.value("q")

    @property
    def selects(self) -> list[forms.BoundField]:
        return [field for field in self if isinstance(field.field, forms.ChoiceField)]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What else the query holds, to be carried along: the chips' choice and the order."""
        return [(name, str(self.query[name])) for name in ("state", "sort") if name in self.query]

    @property
    def is_filtered(self) -> bool:
        return any(self.value(name) for name in self.fields)

    @property
    def cleared(self) -> str:
        return with_query(self.query, **dict.fromkeys(self.fields))


def choice(label: str | Promise, choices: Choices) -> forms.ChoiceField:
    """A select whose first entry is the label itself and means: no filter."""
    return forms.ChoiceField(label=cast(str, label), choices=[("", label), *choices], required=False)


def set_choices(field: forms.Field, choices: Choices) -> None:
    """Give a `choice()` field of one request the choices that only the tenant's rows know."""
    cast(forms.ChoiceField, field).choices = [("", field.label or ""), *choices]


def period_choice() -> forms.ChoiceField:
    return choice(_("Any time"), [(name, label) for name, (label, _span) in PERIODS.items()])


def since(period: str) -> datetime | None:
    """Where the named period starts; None for an unknown or empty one."""
    return timezone.now() - PERIODS[period][1] if period in PERIODS else None


def chips(
    query: QueryDict, name: str, choices: Mapping[str, str | Promise], counts: Mapping[str, Any] | None = None
) -> list[Chip]:
    """Links that choose one value of `name`; the empty value means all."""
    current = query.get(name, "")
    if current not in choices:
        current = ""
    return [
        Chip(
            label=label,
            url="?" + with_query(query, **{name: value}),
            active=value == current,
            count=str((counts or {}).get(value, "")),
        )
        for value, label in choices.items()
    ]
