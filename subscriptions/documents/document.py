"""What stands on a document: finished text, in the reader's language, and nothing that still needs a decision."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DocumentKind(StrEnum):
    INVOICE = "invoice"
    RECEIPT = "receipt"
    CREDIT_NOTE = "credit_note"


class Tone(StrEnum):
    """How a mark looks: money that came in, or a document that no longer counts."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Party:
    """The issuer or the recipient, with what stands below the name."""

    label: str
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table; `detail` is a second, smaller line. Empty quantity and price: the document has none."""

    description: str
    detail: str
    quantity: str
    unit_price: str
    amount: str


@dataclass(frozen=True, slots=True)
class Sum:
    """A row below the table; `detail` says what it was computed on."""

    label: str
    amount: str
    detail: str = ""
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A stamp: "Paid", "Void"."""

    word: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Headline:
    """What a reader looks for first: an amount, and what of it."""

    label: str
    amount: str
    detail: str


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """An invoice, a receipt for one or a credit note on one, as it is printed.

    `dated_at` is the moment that the file bears. `logo` is a name in the storage, `colour` the tenant's, six-digit hex.
    `paper` is `a4` or `us-letter`. `page_label` holds {page} and {pages}. `columns` are the table's titles.
    """

    kind: DocumentKind
    language: str
    title: str
    heading: str
    number: str
    dated_at: datetime
    brand: str
    logo: str
    colour: str
    paper: str
    issuer: Party
    recipient: Party
    facts: tuple[Fact, ...]
    headline: Headline
    mark: Mark | None
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    sums: tuple[Sum, ...]
    notes: tuple[str, ...]
    pay: Link | None
    hub: Link
    contact: str
    page_label: str
