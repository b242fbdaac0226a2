"""Collects the texts to translate and compiles translations, with Babel alone (no GNU gettext).

python -m tools.messages            update locale/*/LC_MESSAGES/django.po and compile django.mo
python -m tools.messages --check    change nothing; fail when one is missing, fuzzy, broken or not compiled
"""

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from tools.services import BASE_DIR

LOCALE_DIR = BASE_DIR / "locale"
LANGUAGES = ("fr",)
PACKAGES = (
    "backoffice",
    "billing_project",
    "customers",
    "invitations",
    "messaging",
    "payments",
    "portal",
    "propagation",
    "subscriptions",
    "tenants",
)
ARGUMENTS = {
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
LAZY = {f"{name}_lazy": places for name, places in ARGUMENTS.items()}
KEYWORDS = ARGUMENTS | LAZY | {"_": None, "gettext_noop": None}


def sources() -> Iterator[tuple[Path, bytes]]:
    """Each file with texts, as something that Python's tokenizer reads."""
    for package in PACKAGES:
        for file in sorted((BASE_DIR / package).rglob("*.py")):
            if "migrations" not in file.parts:
                yield file, file.read_bytes()
    folders = [BASE_DIR / "templates", *(BASE_DIR / package / "templates" for package in PACKAGES)]
    for file in sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in {".html", ".txt"}):
        # Between brackets, so that the blots which stand for markup may be indented anyhow.
        yield file, f"({templatize(file.read_text(), origin=str(file))}\n)".encode()


def collect() -> Catalog:
    """Every text of the product, with the files that it is in."""
    catalog = Catalog(domain="django", project="Billing", charset="utf-8", fuzzy=False)
    for file, content in sources():
        for line, function, found, comments in extract_python(io.BytesIO(content), KEYWORDS, ["Translators:"], {}):
            message = as_message(function, found)
            if message is not None:
                catalog.add(
                    message.id,
                    context=message.context,
                    locations=[(str(file.relative_to(BASE_DIR)), line)],
                    auto_comments=list(comments or ()),
                )
    return catalog


def as_message(function: Any, found: Any) -> Message | None:
    """The message that one call names, or None where its text is no constant."""
    texts = list(found) if isinstance(found, tuple) else [found]
    places = KEYWORDS[function] or (1,)
    context: str | None = None
    ids: list[str] = []
    for place in places:
        number = place[0] if isinstance(place, tuple) else place
        text = texts[number - 1] if number <= len(texts) else None
        if not text:
            return None
        if isinstance(place, tuple):
            context = text
        else:
            ids.append(text)
    return Message(ids[0] if len(ids) == 1 else tuple(ids), context=context)


def po_file(language: str) -> Path:
    return LOCALE_DIR / language / "LC_MESSAGES" / "django.po"


def read_translations(language: str) -> Catalog:
    if not po_file(language).exists():
        comment = f"# {Locale.parse(language).english_name} translations of Billing."
        return Catalog(locale=language, header_comment=comment, domain="django", project="Billing", fuzzy=False)
    with po_file(language).open("rb") as file:
        return read_po(file, locale=language, domain="django")


def updated(language: str, texts: Catalog) -> Catalog:
    """The language's catalogue with exactly today's texts; what was translated stays so."""
    catalog = read_translations(language)
    texts.creation_date = catalog.creation_date
    catalog.update(texts, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def as_po(catalog: Catalog) -> bytes:
    out = io.BytesIO()
    write_po(out, catalog, width=120, sort_by_file=True, include_lineno=False)
    return out.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def faults(catalog: Catalog) -> list[str]:
    """Each text that is not translated well, with why."""
    found = []
    for message in catalog:
        if not message.id:
            continue
        translations = message.string if isinstance(message.string, list | tuple) else [message.string]
        reasons = [str(error) for error in message.check(catalog)] if all(translations) else ["not translated"]
        if message.fuzzy:
            reasons.append("fuzzy")
        files = ", ".join(sorted({file for file, _ in message.locations}))
        found += [f"{message.id!r} ({files}): {reason}" for reason in reasons]
    return found


def update() -> int:
    """Write both files of every language; tell how much is left to translate."""
    texts = collect()
    for language in LANGUAGES:
        catalog = updated(language, texts)
        po_file(language).parent.mkdir(parents=True, exist_ok=True)
        po_file(language).write_bytes(as_po(catalog))
        po_file(language).with_suffix(".mo").write_bytes(as_mo(catalog))
        print(f"{language}: {len(catalog)} texts, {len(faults(catalog))} to mend.")
    return 0


def check() -> int:
    """Tell of every fault; nothing is written."""
    texts = collect()
    problems = []
    for language in LANGUAGES:
        catalog = updated(language, texts)
        problems += [f"{language}: {fault}" for fault in faults(catalog)]
        mo_file = po_file(language).with_suffix(".mo")
        if not po_file(language).exists() or as_po(catalog) != po_file(language).read_bytes():
            problems.append(f"{language}: django.po does not hold today's texts: run `make messages`.")
        elif not mo_file.exists() or as_mo(catalog) != mo_file.read_bytes():
            problems.append(f"{language}: django.mo is not compiled from django.po: run `make messages`.")
    print("\n".join(problems))
    return 1 if problems else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.messages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on faults")
    return check() if parser.parse_args().check else update()


if __name__ == "__main__":
    sys.exit(main())
