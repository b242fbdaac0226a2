"""From a document to PDF/A-2a and PDF/UA-1: archivable, searchable, readable aloud.

Texts reach the layout as a JSON file, never as source, so that nothing in a name is carried out; the layout sees no
file but its own, that JSON and the logo. The bytes depend on the document, the logo and BASE_URL only: the file's date
is the document's, and Typst derives its identifier from the content.
"""

import json
import re
import unicodedata
from base64 import b64encode
from dataclasses import asdict
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import structlog
import typst
from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from PIL import Image

from subscriptions.documents.document import InvoiceDocument
from tenants.colour import palette

HERE = Path(__file__).parent
STANDARDS: Final = ["a-2a", "ua-1"]
LOGO_PIXELS = 600
LOGO_MAX_PIXELS = 20_000_000
LOGO_BOX_MM = (52.0, 15.0)
#: A run of letters that is too long for a column may be broken: after its signs, else anywhere.
LONG_RUN = re.compile(r"\S{25,}")
PLACES = re.compile(r"[@./_=:+-](?=\w)|\w{10}(?=\w{3})")
BREAK = "\u200b"
MISSING = "\u25a1"

log = structlog.get_logger(__name__)


def render_pdf(document: InvoiceDocument) -> bytes:
    """The document as a PDF file: the same bytes for the same document, in any process."""
    logo = read_logo(document.logo) if document.logo else None
    values = _values(document, logo)
    try:
        return _compile(values, logo, document)
    except typst.TypstError:
        return _compile(_displayable(values), logo, document)


def _compile(values: dict[str, Any], logo: "Logo | None", document: InvoiceDocument) -> bytes:
    files = {"main.typ": _layout(), "data.json": json.dumps(values).encode()}
    if logo:
        files["logo.svg"] = logo[0]
    return typeset(files, timestamp=int(document.dated_at.timestamp()))


def typeset(files: Any, standards: Any = STANDARDS, timestamp: int = 0) -> bytes:
    """PDF of `main.typ` among the files in memory (which the package's stub does not know of), by their names."""
    return typst.compile(
        files,
        root=str(HERE / "layout"),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=standards,
        timestamp=timestamp,
    )


@lru_cache(maxsize=1)
def _layout() -> bytes:
    return (HERE / "layout" / "document.typ").read_bytes()


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    folders = [str(HERE / "fonts"), *([settings.DOCUMENT_FONTS] if settings.DOCUMENT_FONTS else [])]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders)


def _values(document: InvoiceDocument, logo: "Logo | None") -> dict[str, Any]:
    values = _clean(asdict(document))
    del values["dated_at"]
    colours = palette(document.colour)
    return values | {
        "logo": {"width": logo[1], "height": logo[2]} if logo else None,
        "colours": {"fill": colours.fill, "on_fill": colours.on_fill, "accent": colours.accent},
    }


def _clean(value: Any) -> Any:
    """Texts without control characters and tricks of direction, with places to break long runs."""
    if isinstance(value, dict):
        return {name: item if name == "url" else _clean(item) for name, item in value.items()} | _shown(value)
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return _clean_text(value) if isinstance(value, str) else value


def _shown(value: dict[str, Any]) -> dict[str, str]:
    """A link's address as it is read on paper."""
    return {"shown": _clean_text(value["url"].split("://", 1)[-1].rstrip("/"))} if "url" in value else {}


def _clean_text(text: str) -> str:
    text = "".join(letter for letter in unicodedata.normalize("NFC", text) if _is_printed(letter))
    return LONG_RUN.sub(lambda run: PLACES.sub(lambda part: part[0] + BREAK, run[0]), text)


def _is_printed(letter: str) -> bool:
    """No control, private or unassigned characters; of the invisible ones those that join letters and emoji."""
    return unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn") or letter in "\u200c\u200d"


def _displayable(values: Any) -> Any:
    """The values with a box for each character that no font has: the standards forbid a glyph that says nothing."""
    if isinstance(values, dict):
        return {name: _displayable(item) for name, item in values.items()}
    if isinstance(values, list):
        return [_displayable(item) for item in values]
    if not isinstance(values, str) or values.isascii():
        return values
    return " ".join(_displayable_word(word) for word in values.split(" "))


def _displayable_word(word: str) -> str:
    if word.isascii() or _has_glyphs(word):
        return word
    mended = "".join(letter if letter.isascii() or _has_glyphs(letter) else MISSING for letter in word)
    return mended if _has_glyphs(mended) else "".join(letter if letter.isascii() else MISSING for letter in word)


@lru_cache(maxsize=20_000)
def _has_glyphs(text: str) -> bool:
    source = b'#set text(font: "Inter")\n#json("text.json")'
    files = {"main.typ": source, "text.json": json.dumps(text).encode()}
    try:
        typeset(files, STANDARDS[:1])
    except typst.TypstError:
        return False
    return True


type Logo = tuple[bytes, float, float]


def read_logo(name: str) -> Logo | None:
    """A picture in the storage, encoded anew, with its printed size in mm; None when it is gone or no picture."""
    try:
        with default_storage.open(name) as file:
            return _encode_logo(file.read())
    except (OSError, SuspiciousFileOperation, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        log.warning("logo_unreadable", name=name, error=type(error).__name__)
        return None


@lru_cache(maxsize=64)
def _encode_logo(content: bytes) -> Logo:
    with Image.open(BytesIO(content), formats=("PNG", "JPEG", "WEBP", "GIF")) as picture:
        if picture.width * picture.height > LOGO_MAX_PIXELS:
            raise ValueError("too many pixels")
        decoded = picture.convert("RGBA")
    decoded.thumbnail((LOGO_PIXELS, LOGO_PIXELS))
    encoded = BytesIO()
    decoded.save(encoded, format="PNG", optimize=True)
    scale = min(LOGO_BOX_MM[0] / decoded.width, LOGO_BOX_MM[1] / decoded.height)
    width, height = round(decoded.width * scale, 2), round(decoded.height * scale, 2)
    return _in_svg(encoded.getvalue(), decoded.width, decoded.height), width, height


def _in_svg(png: bytes, width: int, height: int) -> bytes:
    """The picture within a drawing: files in memory must be text."""
    picture = f"data:image/png;base64,{b64encode(png).decode()}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="{picture}"/></svg>'
    ).encode()
