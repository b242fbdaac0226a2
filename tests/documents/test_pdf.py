"""Documents as files: archivable, readable, always the same bytes, whatever a name contains."""

import hashlib
import io
import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from messaging.attachments import make_attachments
from messaging.errors import SendFailed
from subscriptions.documents import pdf
from subscriptions.documents.content import invoice_document, receipt_document
from subscriptions.documents.document import (
    DocumentKind,
    Fact,
    Headline,
    InvoiceDocument,
    Line,
    Link,
    Mark,
    Party,
    Sum,
    Tone,
)
from subscriptions.documents.freeze import freeze_issuer
from subscriptions.documents.pdf import render_pdf
from subscriptions.models import CreditNote, Invoice, InvoiceState
from tenants.scope import tenant_scope
from tests import factories
from tests.documents.conftest import bill, draw

PLAIN = InvoiceDocument(
    kind=DocumentKind.INVOICE,
    language="en",
    title="Invoice INV-1042",
    heading="Invoice",
    number="INV-1042",
    dated_at=datetime(2026, 11, 21, 15, tzinfo=UTC),
    brand="Maple",
    logo="",
    colour="#1f6f43",
    paper="a4",
    issuer=Party("From", "Maple Inc.", ("500 King Street West",)),
    recipient=Party("Billed to", "Bob Tremblay", ("1000 rue de la Gauchetière", "Canada")),
    facts=(),
    headline=Headline("Amount due", "CA$19.99", "Due on December 5, 2026"),
    mark=None,
    columns=("Description", "Quantity", "Unit price", "Amount"),
    lines=(Line("Daily paper", "Nov 21 – Dec 20, 2026", "1", "CA$19.99", "CA$19.99"),),
    sums=(Sum("Amount due", "CA$19.99", is_final=True),),
    notes=("Thank you.",),
    pay=Link("Pay online", "https://billing.example.com/portal/maple/pay/token"),
    hub=Link("Your purchases", "https://billing.example.com/portal/maple/"),
    contact="care@maple.example",
    page_label="Page {page} of {pages}",
)


def read(content: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(content), strict=True)


def text_of(content: bytes) -> str:
    """The text of all pages, without the places at which long runs may be broken."""
    pages = "\n".join(page.extract_text() for page in read(content).pages)
    return pages.replace("\u200b", "").replace("\xa0", " ").replace("\u202f", " ").replace("\u2009", " ")


def named(name: str) -> bytes:
    return render_pdf(replace(PLAIN, recipient=replace(PLAIN.recipient, name=name)))


def test_an_invoice_is_selectable_text(invoice: Invoice) -> None:
    text = text_of(render_pdf(invoice_document(invoice, "en")))
    for shown in (
        f"Invoice {invoice.short_number}"[8:],
        "Maple Streaming Inc.",
        "Librairie du Port",
        "Montréal QC H3B 4W5",
        "Daily paper",
        "Nov 21 – Dec 20, 2026",
        "QST 9.975%",
        "CA$45.97",
        "Thank you.",
        "/portal/maple",
        "Page 1 of 1",
    ):
        assert shown in text


def test_a_receipt_in_french(invoice: Invoice) -> None:
    Invoice.objects.filter(pk=invoice.pk).update(
        state=InvoiceState.PAID,
        paid_at=datetime(2026, 12, 7, 3, tzinfo=UTC),
        paid_with={"kind": "card", "brand": "visa", "last4": "4242"},
    )
    invoice.refresh_from_db()
    content = render_pdf(receipt_document(invoice, "fr"))
    text = text_of(content)
    for shown in ("Reçu", "Journal quotidien", "TVQ 9,975 %", "45,97 $CA", "6 décembre 2026", "PAYÉE", "Page 1 sur 1"):
        assert shown in text
    assert read(content).root_object["/Lang"] == "fr"


def test_claims_the_standards_for_archives_and_for_screen_readers() -> None:
    reader: Any = read(render_pdf(PLAIN))
    xmp = reader.root_object["/Metadata"].get_object().get_data().decode()
    assert re.search(r"<pdfaid:part>2</pdfaid:part>", xmp)
    assert re.search(r"<pdfaid:conformance>A</pdfaid:conformance>", xmp)
    assert re.search(r"<pdfuaid:part>1</pdfuaid:part>", xmp)
    assert reader.root_object["/MarkInfo"]["/Marked"]
    assert reader.root_object["/Lang"] == "en"
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == ("Invoice INV-1042", "Maple Inc.")
    assert reader.metadata.creation_date == PLAIN.dated_at


def test_vendored_fonts_are_as_published() -> None:
    folder = pdf.HERE / "fonts"
    pinned = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    found.pop("SHA256SUMS")
    assert found == pinned


def test_every_font_is_embedded() -> None:
    page: Any = read(render_pdf(PLAIN)).pages[0]
    fonts = page["/Resources"]["/Font"]
    described = [font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in fonts.values()]
    assert described
    assert all({"/FontFile2", "/FontFile3"} & set(item.get_object()) for item in described)


def test_the_same_bytes_in_another_process(scope: Any, tmp_path: Path) -> None:
    draw(scope)
    document = invoice_document(bill(scope), "en")
    ours = render_pdf(document)
    assert render_pdf(document) == ours
    kept = tmp_path / "document.pickle"
    kept.write_bytes(pickle.dumps(document))
    script = (
        "import django, hashlib, pathlib, pickle, sys; django.setup();"
        "from subscriptions.documents.pdf import render_pdf;"
        "document = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes());"
        "print(hashlib.sha256(render_pdf(document)).hexdigest())"
    )
    environment = os.environ | {"MEDIA_ROOT": str(tmp_path), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    other = subprocess.run(
        [sys.executable, "-c", script, str(kept)], env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == hashlib.sha256(ours).hexdigest()
    assert document.logo
    assert b"/Subtype/Image" in ours


@pytest.mark.parametrize(
    "name",
    [
        '#read("/etc/passwd")',
        "#panic()",
        "$x$ *bold* _it_ `raw` = heading",
        "] } ) #{ [",
        '"); #import "x.typ"',
        "<label> @reference",
        "\\u{41} \\ // comment /* more */",
        "https://evil.example",
        "~ -- --- ... 'quotes'",
    ],
)
def test_markup_in_a_name_is_only_text(name: str) -> None:
    text = text_of(named(name))
    assert "root:" not in text
    assert name.replace(" ", "") in text.replace(" ", "").replace("\n", "")


def test_reaches_no_file_through_a_value() -> None:
    """Were a value read as source, this would be an error or another file's text."""
    document = replace(PLAIN, logo="../../../../etc/passwd")
    assert render_pdf(document) == render_pdf(replace(PLAIN, logo=""))


@pytest.mark.parametrize("name", ["Ελένη Παπαδοπούλου", "Анна Иванова", "Nguyễn Thị Hồng", "Łukasz Żółć", "Bob 😀"])
def test_prints_the_scripts_of_the_bundled_fonts(name: str) -> None:
    assert name in text_of(named(name))


@pytest.mark.parametrize("name", ["שלום עולם", "فاطمة الزهراء"])
def test_prints_scripts_that_run_from_the_right(name: str) -> None:
    assert "□" not in text_of(named(name))


def test_shows_a_box_for_a_character_that_no_font_has() -> None:
    text = text_of(named("Taro 太郎 Yamada"))
    assert "Taro □□ Yamada" in text


def test_more_fonts_can_be_given(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "more.ttf").write_bytes((pdf.HERE / "fonts" / "NotoEmoji_400Regular.ttf").read_bytes())
    settings.DOCUMENT_FONTS = str(tmp_path)
    pdf._fonts.cache_clear()
    try:
        assert str(tmp_path / "more.ttf") in {str(font.path) for font in pdf._fonts().fonts()}
        assert "Bob" in text_of(named("Bob"))
    finally:
        pdf._fonts.cache_clear()


def test_control_characters_and_tricks_of_direction_are_left_out() -> None:
    text = text_of(named("Bob\x00\x07\u202e\u2066 Tremb\nlay\ud800"))
    assert "Bob Tremblay" in text


def test_long_names_stay_on_the_page() -> None:
    name = "W" * 160
    content = named(name)
    assert name not in text_of(content)
    assert name in text_of(content).replace("\n", "")
    assert len(read(content).pages) == 1


def test_a_long_reference_leaves_room_for_the_addresses() -> None:
    address = tuple("Donaudampfschifffahrtsgesellschaftsstraße" for _ in range(3))
    facts = (Fact("Invoice number", "INV-1042"), Fact("Your reference", "9" * 80))
    recipient = replace(PLAIN.recipient, lines=address)
    content = render_pdf(replace(PLAIN, recipient=recipient, facts=facts))
    assert len(read(content).pages) == 1
    assert text_of(content).count("\n") < 40, "the address stands one syllable to a line"


def test_many_lines_repeat_the_header_and_count_the_pages() -> None:
    rows = tuple(Line(f"Product {n}", "Nov 2026", "1", "CA$1.00", "CA$1.00") for n in range(120))
    pages = [page.extract_text() for page in read(render_pdf(replace(PLAIN, lines=rows))).pages]
    assert len(pages) > 3
    for number, text in enumerate(pages, start=1):
        assert "Unit price" in text
        assert f"Page {number} of {len(pages)}" in text
    assert all("Invoice INV-1042" in text for text in pages[1:])
    assert [n for n in range(120) if f"Product {n}\n" not in "\n".join(pages)] == []


def test_a_void_document_says_so_on_every_page() -> None:
    rows = PLAIN.lines * 60
    document = replace(PLAIN, lines=rows, mark=Mark("Void", Tone.BAD), pay=None)
    pages = [page.extract_text() for page in read(render_pdf(document)).pages]
    assert len(pages) > 1
    assert all("VOID" in text for text in pages)


def test_links_lead_to_the_pay_page_and_the_portal() -> None:
    page: Any = read(render_pdf(PLAIN)).pages[0]
    links = {note.get_object()["/A"]["/URI"] for note in page["/Annots"]}
    assert links == {PLAIN.hub.url, "https://billing.example.com/portal/maple/pay/token"}


def test_a_logo_that_is_gone_leaves_the_name(scope: Any) -> None:
    draw(scope)
    issuer = freeze_issuer(scope)
    with_logo = invoice_document(bill(scope, issuer=issuer), "en")
    default_storage.delete(with_logo.logo)
    assert text_of(render_pdf(with_logo)).startswith("Maple Streaming")


@pytest.mark.parametrize("content", [b"", b"not a picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_a_logo_that_is_no_picture_leaves_the_name(content: bytes) -> None:
    name = default_storage.save("logos/x.png", ContentFile(content))
    assert text_of(render_pdf(replace(PLAIN, logo=name))) == text_of(render_pdf(PLAIN))


@pytest.mark.parametrize("colour", ["#ffffff", "#000000", "#ffe600", "red", ""])
def test_any_colour_will_do(colour: str) -> None:
    assert "Maple" in text_of(render_pdf(replace(PLAIN, colour=colour)))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_stops_an_invoice(name: str, description: str) -> None:
    document = replace(
        PLAIN,
        recipient=Party("Billed to", name, (description,)),
        lines=(replace(PLAIN.lines[0], description=description, detail=name),),
    )
    assert render_pdf(document).startswith(b"%PDF")


@pytest.mark.django_db(transaction=True)
def test_mails_get_documents_as_attachments() -> None:
    tenant: Any = factories.TenantFactory(slug="maple")
    with tenant_scope(tenant.pk):
        invoice = bill(tenant, state=InvoiceState.PAID, paid_at=datetime(2026, 12, 7, 3, tzinfo=UTC))
        note = factories.CreditNoteFactory(invoice=invoice)
        note = CreditNote.objects.get(pk=note.pk)
    wanted = [
        {"kind": "invoice_pdf", "id": str(invoice.pk), "language": "en"},
        {"kind": "receipt_pdf", "id": str(invoice.pk), "language": "fr"},
        {"kind": "credit_note_pdf", "id": str(note.pk), "language": "en"},
    ]
    made = make_attachments(tenant.pk, wanted)
    assert [attachment.filename for attachment in made] == [
        f"invoice-{invoice.short_number}.pdf",
        f"recu-{invoice.short_number}.pdf",
        f"credit-note-{note.short_number}.pdf",
    ]
    assert all(item.mimetype == "application/pdf" and item.content.startswith(b"%PDF") for item in made)
    stranger: Any = factories.TenantFactory()
    with pytest.raises(SendFailed):
        make_attachments(stranger.pk, wanted[:1])
