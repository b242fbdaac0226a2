"""Tenants' own words: Markdown (CommonMark, no HTML, no pictures) with merge fields, written as HTML and as plain text.

A merge field is `{{ name }}`. It is put in after the Markdown was read, so that a customer's name is only ever text,
never markup; a link's address takes only the fields that are addresses.
"""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from messaging.kinds import BUTTON, Kind

#: A merge field as it is written, and any braces that look as if one were meant.
FIELD = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")
BRACES = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")

_INK = "color:#16181d"
_BODY = "font-size:16px;line-height:25px"
#: Mail programs drop style sheets, so each element carries its own.
STYLES = {
    "p": ("ink", f"margin:0 0 14px;{_BODY};{_INK}"),
    "ul": ("ink", f"margin:0 0 14px;padding-left:22px;{_BODY};{_INK}"),
    "ol": ("ink", f"margin:0 0 14px;padding-left:22px;{_BODY};{_INK}"),
    "li": ("ink", f"margin:0 0 4px;{_INK}"),
    "h1": ("ink", f"margin:22px 0 8px;font-size:19px;line-height:26px;font-weight:600;{_INK}"),
    "h2": ("ink", f"margin:20px 0 8px;font-size:17px;line-height:24px;font-weight:600;{_INK}"),
    "h3": ("ink", f"margin:18px 0 6px;font-size:16px;line-height:24px;font-weight:600;{_INK}"),
    "blockquote": ("line", "margin:0 0 14px;padding:2px 0 2px 14px;border-left:3px solid #e6e8ec"),
    "hr": ("line", "border:0;border-top:1px solid #e6e8ec;margin:22px 0"),
    "strong": ("", "font-weight:600"),
    "code": ("panel ink", f"padding:1px 5px;border-radius:5px;background:#f4f5f7;font-size:15px;{_INK}"),
    "pre": ("panel ink", f"margin:0 0 14px;padding:12px;border-radius:8px;background:#f4f5f7;overflow:auto;{_INK}"),
}


def parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).disable(["image", "html_block", "html_inline"])


@dataclass
class Text:
    """A text that was read, in which random words stand for its merge fields."""

    tokens: list[Token]
    names: dict[str, str] = field(default_factory=dict)

    def fill(self, content: str, values: Mapping[str, str]) -> str:
        for mark, name in self.names.items():
            content = content.replace(mark, values.get(name, ""))
        return content

    def block(self, token: Token, names: Iterable[str]) -> str:
        """The name of the piece of the layout that this paragraph of its own consists of; else empty."""
        name = self.names.get(token.content.strip(), "") if token.type == "inline" and token.level == 1 else ""
        return name if name in names else ""


def read(body: str, *, any_address: bool = False) -> Text:
    """`any_address` also takes those for links that no mail may have, such as javascript:, so that they can be told."""
    names: dict[str, str] = {}
    key = secrets.token_hex(8)

    def mark(found: re.Match[str]) -> str:
        word = f"x{key}n{len(names)}x"
        names[word] = found.group(1)
        return word

    marked = FIELD.sub(mark, body)
    markdown = parser()
    if any_address:
        markdown.validateLink = lambda url: True  # type: ignore[method-assign]
    return Text(markdown.parse(marked), names)


def write_line(line: str, values: Mapping[str, str]) -> str:
    """A subject with its merge fields filled in."""
    return FIELD.sub(lambda found: values.get(found.group(1), ""), line)


def write_html(
    body: str, kind: Kind, values: Mapping[str, str], blocks: Mapping[str, str], *, accent: str
) -> SafeString:
    """The text as HTML for a mail; `blocks` are the pieces of the layout, as HTML. The button is never left out."""
    text = read(body)
    writer = _HtmlWriter(text, kind, values, accent)
    tokens: list[Token] = []
    rest = iter(text.tokens)
    for token in rest:
        if name := text.block(token, blocks):
            tokens[-1] = Token("html_block", "", 0, content=blocks[name])  # in place of the paragraph's beginning
            next(rest)
        else:
            tokens.append(writer.dress(token))
    if BUTTON in blocks and BUTTON not in text.names.values():
        tokens.append(Token("html_block", "", 0, content=blocks[BUTTON]))
    renderer = parser()
    return mark_safe(renderer.renderer.render(tokens, renderer.options, {}))  # noqa: S308  (every value is escaped)


class _HtmlWriter:
    """Fills in the merge fields and gives each element its style."""

    def __init__(self, text: Text, kind: Kind, values: Mapping[str, str], accent: str) -> None:
        self.text, self.values, self.accent = text, values, accent
        self.addresses = {known.name: values[known.name] for known in kind.all_fields if known.is_link}
        self.in_link = False

    def dress(self, token: Token) -> Token:
        if token.children:
            token.children = [self.dress(child) for child in token.children]
            return token
        if token.type in {"link_open", "link_close"}:
            self.in_link = token.type == "link_open"
        if token.type == "link_open":
            token.attrs = {
                "href": self.text.fill(str(token.attrGet("href") or ""), self.addresses),
                "class": "accent",
                "style": f"color:{self.accent}",
            }
        elif token.type == "text" and not self.in_link:
            token.type, token.content = "html_inline", self._with_links(token.content)
        else:
            token.content = self.text.fill(token.content, self.values)
        if token.tag in STYLES and token.nesting >= 0:
            token.attrs["class"], token.attrs["style"] = STYLES[token.tag]
        return token

    def _with_links(self, content: str) -> str:
        """Text in which an address that is a merge field can be followed."""
        content = escape(content)
        for mark, name in self.text.names.items():
            value = escape(self.values.get(name, ""))
            if self.addresses.get(name):
                value = format_html('<a class="accent" style="color:{}" href="{}">{}</a>', self.accent, value, value)
            content = content.replace(mark, value)
        return content


def write_text(body: str, values: Mapping[str, str], blocks: Mapping[str, str]) -> str:
    """The text for mail programs that show no HTML; `blocks` are the pieces of the layout, as plain text."""
    text = read(body)
    paragraphs = _TextWriter(text, values, blocks).write()
    if BUTTON in blocks and BUTTON not in text.names.values():
        paragraphs.append(blocks[BUTTON])
    return "\n\n".join(paragraphs)


class _TextWriter:
    """Paragraphs of plain text; lists keep their signs, links tell their address."""

    def __init__(self, text: Text, values: Mapping[str, str], blocks: Mapping[str, str]) -> None:
        self.text, self.values, self.blocks = text, values, blocks
        self.paragraphs: list[str] = []
        #: One for each list that is open: the number of its next item, None where items have none.
        self.lists: list[int | None] = []
        self.sign = ""

    def write(self) -> list[str]:
        for token in self.text.tokens:
            if token.type in {"bullet_list_open", "ordered_list_open"}:
                if not self.lists:
                    self.paragraphs.append("")
                self.lists.append(int(token.attrGet("start") or 1) if token.tag == "ol" else None)
            elif token.type in {"bullet_list_close", "ordered_list_close"}:
                self.lists.pop()
            elif token.type == "list_item_open":
                self.sign = self._next_sign()
            elif token.type == "hr":
                self.paragraphs.append("—")
            elif token.type in {"fence", "code_block"}:
                self._add(self.text.fill(token.content.rstrip(), self.values))
            elif token.type == "inline":
                name = self.text.block(token, self.blocks)
                self._add(self.blocks[name] if name else self._inline(token.children or []))
        return self.paragraphs

    def _next_sign(self) -> str:
        number = self.lists[-1]
        if number is None:
            return "- "
        self.lists[-1] = number + 1
        return f"{number}. "

    def _add(self, words: str) -> None:
        if not self.lists:
            self.paragraphs.append(words)
            return
        indent = "  " * (len(self.lists) - 1)
        self.paragraphs[-1] = f"{self.paragraphs[-1]}\n{indent}{self.sign or '  '}{words}".lstrip("\n")
        self.sign = ""

    def _inline(self, children: Sequence[Token]) -> str:
        words, address, begun = "", "", 0
        for child in children:
            if child.type in {"softbreak", "hardbreak"}:
                words += "\n" if child.type == "hardbreak" else " "
            elif child.type == "link_open":
                address, begun = self.text.fill(str(child.attrGet("href") or ""), self.values), len(words)
            elif child.type == "link_close":
                address = address.removeprefix("mailto:")
                words += "" if words[begun:] == address else f" ({address})"
            else:
                words += self.text.fill(child.content, self.values)
        return words
