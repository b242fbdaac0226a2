"""What a kind of mail is made of, and the merge fields that several share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from messaging.templatetags.mail import long_day, method_words, moment
from tenants.templatetags.ui import money_text

type Context = dict[str, Any]
type Words = str | Promise

#: Merge fields that stand for a piece of the layout, in a paragraph of their own.
BUTTON, DETAILS = "button", "details"


@dataclass(frozen=True)
class Field:
    """A merge field: `value` writes it from a mail's context, in the active language and zone.

    `is_link`: it may stand as the address of a Markdown link. `is_secret`: it opens a door, so it must not stand in the
    subject, which is kept. `is_required`: the mail is useless without it.
    """

    name: str
    about: Words
    value: Callable[[Context], str]
    is_link: bool = False
    is_secret: bool = False
    is_required: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of mail to customers.

    `needs`: the names that its context must have. `sample` makes an example of such a context; the argument is a link.
    `label` is the button's word, None for a mail without a button. `figure` and `details` name the fields that the
    panel shows, large and in rows; a row whose value is empty is left out. `muted_by` is the
    customers.models.Notification that switches it off. `keeps_no_text`: it tells a secret, so its text is not kept.
    `own_template`: it has templates of its own in templates/mail/ instead of parts for the common letter.
    """

    name: str
    group: str
    title: Words
    about: Words
    needs: frozenset[str]
    sample: Callable[[str], Context]
    fields: tuple[Field, ...]
    subject: Words
    body: Words
    label: Callable[[Context], str] | None = None
    figure: str = ""
    details: tuple[str, ...] = ()
    muted_by: str = ""
    keeps_no_text: bool = False
    own_template: bool = False

    def find(self, name: str) -> Field | None:
        return next((known for known in self.all_fields if known.name == name), None)

    @property
    def all_fields(self) -> tuple[Field, ...]:
        return (*self.fields, *COMMON_FIELDS)

    @property
    def blocks(self) -> dict[str, Words]:
        """The pieces of the layout that its text may place, and what they are."""
        found: dict[str, Words] = {}
        if self.details or self.figure:
            found[DETAILS] = _("the panel with the figures of this mail")
        if self.label:
            found[BUTTON] = _("the button; it stands at the end where it is not named")
        return found

    def values(self, context: Context) -> dict[str, str]:
        """Every merge field's value, in the active language and zone."""
        return {known.name: known.value(context) for known in self.all_fields}


COMMON_FIELDS = (
    Field("company", _("your organisation’s name"), lambda c: c["tenant"].name),
    Field("portal_link", _("the address of the customer portal"), lambda c: c["portal_url"], is_link=True),
)
CUSTOMER_NAME = Field("customer_name", _("the customer’s first name, or else their name"), lambda c: c["customer_name"])
LINK = Field("link", _("the address that the button leads to"), lambda c: c["link"], is_link=True, is_secret=True)


def plain(name: str, about: Words, key: str = "", **more: Any) -> Field:
    """A field whose value is in the context as text, or is None."""
    return Field(name, about, lambda c: str(c[key or name] or ""), **more)


def amount(name: str, about: Words, key: str = "amount_minor") -> Field:
    return Field(name, about, lambda c: money_text(c[key], c["currency"]))


def time(name: str, about: Words, key: str) -> Field:
    """A moment in full: the day and the time. Empty when there is none."""
    return Field(name, about, lambda c: moment(c[key]) if c[key] else "")


def day(name: str, about: Words, key: str) -> Field:
    """A moment's day: "November 24, 2026". Empty when there is none."""
    return Field(name, about, lambda c: long_day(c[key]) if c[key] else "")


def method(name: str, about: Words, key: str = "method") -> Field:
    return Field(name, about, lambda c: method_words(c[key]))
