"""How many parts a text message is sent in. Pure; alphabet and sizes are those of 3GPP TS 23.038 and 23.040."""

import unicodedata
from dataclasses import dataclass

GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: These take an escape character before them: two septets.
GSM_7_EXTENSION = frozenset("\f^{}\\[~]|€")
#: Characters that a mail would use, and what stands for them in a text message.
PLAIN = str.maketrans(
    {
        "’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "‑": "-", "…": "...", "•": "*",
        "\u00a0": " ", "\u202f": " ", "\u2009": " ", "œ": "oe", "Œ": "OE",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Segments:
    """`encoding` is GSM-7 or UCS-2; `units` septets or 16-bit units used; `room` units left in the last part."""

    count: int
    encoding: str
    units: int
    room: int


def count_segments(text: str) -> Segments:
    """How the text is split: 160 septets or 70 16-bit units alone, 153 or 67 each when there are several parts."""
    units = _septets(text)
    if units is not None:
        return _split(units, "GSM-7", 160, 153)
    return _split([len(char.encode("utf-16-be")) // 2 for char in text], "UCS-2", 70, 67)


def _septets(text: str) -> list[int] | None:
    """Septets of each character; None when one of them is not in the alphabet."""
    if any(char not in GSM_7 and char not in GSM_7_EXTENSION for char in text):
        return None
    return [2 if char in GSM_7_EXTENSION else 1 for char in text]


def _split(units: list[int], encoding: str, alone: int, each: int) -> Segments:
    total = sum(units)
    if total <= alone:
        return Segments(1, encoding, total, alone - total)
    count, used = 1, 0
    for size in units:
        if used + size > each:  # a character is never torn apart
            count, used = count + 1, 0
        used += size
    return Segments(count, encoding, total, each - used)


def to_gsm_7(text: str) -> str:
    """The text in the GSM alphabet, typographic signs made plain and accents it lacks dropped.

    When that cannot express all of it (a name in another script), the text is returned as it came.
    """
    plain = "".join(_plain_character(char) for char in text.translate(PLAIN))
    return plain if _septets(plain) is not None else text


def _plain_character(char: str) -> str:
    if char in GSM_7 or char in GSM_7_EXTENSION:
        return char
    base = unicodedata.normalize("NFKD", char)[0]
    return base if base in GSM_7 else char
