"""Invoices as PDF, against the least that Typst can do."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

from bench.measurements import Figure, seconds
from subscriptions.documents.document import DocumentKind, Headline, InvoiceDocument, Line, Link, Party, Sum
from subscriptions.documents.pdf import render_pdf, typeset

ROWS = 4


def documents() -> Iterator[Figure]:
    """An invoice of a few lines, no two alike, against a page with one word in the same font, to the same standards."""
    numbers = count(1001)
    invoice = _invoice()
    ours = seconds(lambda: render_pdf(replace(invoice, number=f"INV-{next(numbers)}")), times=60)
    limit = seconds(lambda: typeset({"main.typ": _least(next(numbers))}), times=60)
    yield Figure("PDF of an invoice / of one word", ours / limit, f"{1 / ours:.0f}/s", f"{1 / limit:.0f}/s")


def _least(number: int) -> bytes:
    return f'#set document(title: "{number}")\n#set text(font: "Inter")\n{number}'.encode()


def _invoice() -> InvoiceDocument:
    line = Line("Daily paper", "Nov 21 – Dec 20, 2026", "2", "CA$19.99", "CA$39.98")
    return InvoiceDocument(
        kind=DocumentKind.INVOICE,
        language="en",
        title="Invoice INV-1001",
        heading="Invoice",
        number="INV-1001",
        dated_at=datetime(2026, 11, 21, tzinfo=UTC),
        brand="Maple",
        logo="",
        colour="#1f6f43",
        paper="us-letter",
        issuer=Party("From", "Maple Inc.", ("500 King Street West", "Toronto ON M5V 1L9")),
        recipient=Party("Billed to", "Bob Tremblay", ("1000 rue de la Gauchetière", "Montréal QC H3B 4W5", "Canada")),
        facts=(),
        headline=Headline("Amount due", "CA$183.87", "Due on December 5, 2026"),
        mark=None,
        columns=("Description", "Quantity", "Unit price", "Amount"),
        lines=(line,) * ROWS,
        sums=(Sum("Subtotal", "CA$159.92"), Sum("HST 15%", "CA$23.99"), Sum("Amount due", "CA$183.91", is_final=True)),
        notes=("Thank you.",),
        pay=None,
        hub=Link("Your purchases", "https://billing.example.com/portal/maple/"),
        contact="care@maple.example",
        page_label="Page {page} of {pages}",
    )
