"""What is typed into fields of one line."""

import unicodedata

#: Control characters and separators of lines and paragraphs. Joiners and direction marks, which names need, are none.
_BREAKS = frozenset({"Cc", "Zl", "Zp"})


def on_one_line(text: str) -> str:
    """The text without line breaks and other control characters: no browser sends them, no mail header takes them."""
    return " ".join("".join(" " if unicodedata.category(sign) in _BREAKS else sign for sign in text).split())
