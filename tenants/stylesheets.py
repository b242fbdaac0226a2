"""A tenant's own CSS made safe: parsed, checked against lists of what is allowed, and written anew from what was read.

It must not reach other origins (no `url()`, no `@import`, no fonts), cover the page with something else (no
positioning), write words into it (no `content`), or leave the portal (every selector is put below `.portal-custom`).
Grammar: https://www.w3.org/TR/css-syntax-3/
"""

from collections.abc import Iterable, Iterator
from typing import Any

import tinycss2
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from tenants.errors import DomainError

SCOPE = ".portal-custom"
MAX_LENGTH = 20_000

_SIDES = ("top", "right", "bottom", "left", "block", "inline", "block-start", "block-end", "inline-start", "inline-end")
_CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right", "start-start", "start-end", "end-start", "end-end")
PROPERTIES = frozenset(
    {
        "accent-color", "align-content", "align-items", "align-self", "aspect-ratio", "background", "background-color",
        "background-image", "background-position", "background-repeat", "background-size", "block-size", "border",
        "border-collapse", "border-color", "border-radius", "border-spacing", "border-style", "border-width",
        "box-shadow", "box-sizing", "caret-color", "color", "color-scheme", "column-gap", "display", "fill", "flex",
        "flex-basis", "flex-direction", "flex-flow", "flex-grow", "flex-shrink", "flex-wrap", "font", "font-family",
        "font-feature-settings", "font-size", "font-stretch", "font-style", "font-variant", "font-variant-numeric",
        "font-weight", "gap", "grid-template-columns", "height", "hyphens", "inline-size", "justify-content",
        "justify-items", "justify-self", "letter-spacing", "line-height", "list-style-type", "margin", "max-height",
        "max-width", "min-height", "min-width", "object-fit", "opacity", "order", "outline", "outline-color",
        "outline-offset", "outline-style", "outline-width", "overflow", "overflow-wrap", "padding", "row-gap",
        "stroke", "stroke-width", "text-align", "text-decoration", "text-decoration-color", "text-decoration-line",
        "text-decoration-style", "text-decoration-thickness", "text-indent", "text-overflow", "text-shadow",
        "text-transform", "text-underline-offset", "text-wrap", "transition", "transition-duration",
        "transition-property", "transition-timing-function", "vertical-align", "visibility", "white-space", "width",
        "word-break", "word-spacing",
        *(f"{box}-{side}" for box in ("margin", "padding", "border") for side in _SIDES),
        *(f"border-{side}-{part}" for side in _SIDES for part in ("color", "style", "width")),
        *(f"border-{corner}-radius" for corner in _CORNERS),
    }
)  # fmt: skip
FUNCTIONS = frozenset(
    {
        "calc", "clamp", "color-mix", "conic-gradient", "cubic-bezier", "fit-content", "hsl", "hsla", "hwb", "lab",
        "lch", "light-dark", "linear-gradient", "max", "min", "minmax", "oklab", "oklch", "radial-gradient", "repeat",
        "repeating-linear-gradient", "repeating-radial-gradient", "rgb", "rgba", "steps", "var",
    }
)  # fmt: skip
#: What our own style sheets write into the page.
_WORDS = frozenset({"--tblr-breadcrumb-divider"})
_SELECTOR_FUNCTIONS = frozenset({"is", "not", "nth-child", "nth-last-child", "nth-of-type", "where"})
_SELECTOR_SIGNS = frozenset(".:*>+~,")
_PAGE = frozenset({"body", "html"})


class BadCss(DomainError):
    """`bad_css`: the style sheet has something that is not allowed, on `line`."""

    def __init__(self, line: int, why: str | Promise) -> None:
        message = format_lazy(_("Line {line}: {why}"), line=line, why=why)
        super().__init__("bad_css", message, {"portal_css": message})
        self.line = line


def sanitise_css(text: str) -> str:
    """The style sheet as it may be served: rebuilt from what was understood, every selector below `.portal-custom`.

    What comes out goes in again unchanged. Raises BadCss, naming the line.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        if "<" in line or "\x00" in line:
            raise BadCss(number, _("“<” has no place in a style sheet."))
    if len(text) > MAX_LENGTH:
        raise BadCss(1, _("This style sheet is too long: at most 20,000 characters."))
    try:
        rules = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
        clean = "\n".join(_rule(rule) for rule in rules)
    except RecursionError as error:
        raise BadCss(1, _("Brackets stand within brackets too often.")) from error
    if len(clean) > MAX_LENGTH:
        raise BadCss(1, _("This style sheet is too long: at most 20,000 characters."))
    return clean + "\n" if clean else ""


def _rule(rule: Any) -> str:
    if rule.type == "at-rule":
        return _media(rule)
    if rule.type != "qualified-rule":
        raise _not_understood(rule)
    declarations = [_declaration(item) for item in _contents(rule)]
    clean = f"{_selectors(rule)} {{ {' '.join(declarations)} }}"
    if "<" in clean:  # it was written as an escape
        raise BadCss(rule.source_line, _("“<” has no place in a style sheet."))
    return clean


def _contents(rule: Any) -> Iterator[Any]:
    for item in tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True):
        if item.type != "declaration":
            raise _not_understood(item)
        yield item


def _media(rule: Any) -> str:
    """`@media` is the one at-rule that stays; it may hold plain rules."""
    if rule.lower_at_keyword != "media" or rule.content is None:
        raise BadCss(rule.source_line, format_lazy(_("“@{name}” is not allowed."), name=rule.at_keyword))
    for token in _all_tokens(rule.prelude):
        is_sign = token.type == "literal" and token.value in {":", ",", ">", "=", ">="}
        if not is_sign and token.type not in {"ident", "number", "dimension", "whitespace", "() block"}:
            raise _not_understood(token)
    inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
    for item in inner:
        if item.type != "qualified-rule":
            raise _not_understood(item)
    rules = "\n".join(f"  {_rule(item)}" for item in inner)
    return f"@media {tinycss2.serialize(_stripped(_without_comments(rule.prelude)))} {{\n{rules}\n}}"


# Selectors


def _selectors(rule: Any) -> str:
    """The rule's selectors, each below the portal's own class."""
    prelude = _without_comments(rule.prelude)
    for token in _all_tokens(prelude):
        _check_selector_token(token)
    return ", ".join(_scoped(part, rule) for part in _split_at_commas(prelude))


def _check_selector_token(token: Any) -> None:
    if token.type == "literal" and token.value in _SELECTOR_SIGNS:
        return
    if token.type == "function" and token.lower_name in _SELECTOR_FUNCTIONS:
        return
    if token.type not in {"ident", "hash", "whitespace", "number", "dimension"}:
        raise BadCss(token.source_line, _("This selector is not allowed; use elements, classes and states."))


def _scoped(selector: list[Any], rule: Any) -> str:
    selector = _stripped(selector)
    if not selector or (selector[0].type == "literal" and selector[0].value in ">+~,"):
        raise _not_understood(rule)
    text = tinycss2.serialize(selector)
    if text == SCOPE or text.startswith(tuple(SCOPE + mark for mark in " .:>")):
        return text
    page = _length_of_page(selector)
    if page:
        rest = tinycss2.serialize(selector[page:])
        return SCOPE + rest
    return f"{SCOPE} {text}"


def _length_of_page(selector: list[Any]) -> int:
    """How many of the tokens at its beginning name the page as a whole: `body`, `html` or `:root`."""
    if selector[0].type == "ident" and selector[0].lower_value in _PAGE:
        return 1
    is_root = len(selector) > 1 and selector[0] == ":" and selector[1].type == "ident"
    return 2 if is_root and selector[1].lower_value == "root" else 0


def _split_at_commas(tokens: list[Any]) -> list[list[Any]]:
    parts: list[list[Any]] = [[]]
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _stripped(tokens: list[Any]) -> list[Any]:
    while tokens and tokens[0].type == "whitespace":
        tokens = tokens[1:]
    while tokens and tokens[-1].type == "whitespace":
        tokens = tokens[:-1]
    return tokens


# Declarations


def _declaration(item: Any) -> str:
    name = item.name if item.name.startswith("--") else item.lower_name
    if name in _WORDS or not (name.startswith("--") or name in PROPERTIES):
        raise BadCss(item.source_line, format_lazy(_("“{name}” is not among the properties allowed here."), name=name))
    # Tokens are stripped, not text: of an escaped space, the backslash would be left.
    value = _stripped(_without_comments(item.value))
    for token in _all_tokens(value):
        _check_value_token(token)
    important = " !important" if item.important else ""
    return f"{tinycss2.serialize([_name_token(name)])}: {tinycss2.serialize(value)}{important};"


def _name_token(name: str) -> Any:
    """The property's name, escaped where it must be."""
    return tinycss2.ast.IdentToken(0, 0, name)


def _check_value_token(token: Any) -> None:
    if token.type == "url" or (token.type == "function" and token.lower_name in {"url", "src", "image-set", "image"}):
        raise BadCss(token.source_line, _("“url()” is not allowed: the style may not load anything."))
    if token.type == "function" and token.lower_name not in FUNCTIONS:
        raise BadCss(token.source_line, format_lazy(_("“{name}()” is not allowed."), name=token.name))
    if token.type in {"error", "{} block", "[] block", "at-keyword", "unicode-range"}:
        raise _not_understood(token)
    if token.type == "literal" and token.value not in {",", "/", "+", "-", "*"}:
        raise _not_understood(token)


def _all_tokens(tokens: Iterable[Any]) -> Iterator[Any]:
    """Each token, and those within brackets and functions."""
    for token in tokens:
        yield token
        yield from _all_tokens(getattr(token, "arguments", None) or getattr(token, "content", None) or ())


def _without_comments(tokens: Iterable[Any]) -> list[Any]:
    kept = []
    for token in tokens:
        if token.type == "comment":
            kept.append(tinycss2.ast.WhitespaceToken(token.source_line, token.source_column, " "))
            continue
        for inner in ("arguments", "content"):
            if getattr(token, inner, None):
                setattr(token, inner, _without_comments(getattr(token, inner)))
        kept.append(token)
    return kept


def _not_understood(node: Any) -> BadCss:
    return BadCss(node.source_line, _("This cannot be read as CSS, or is not allowed here."))
