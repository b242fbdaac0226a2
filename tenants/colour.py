"""A tenant's colour made safe to use: text on it and text in it stay readable (WCAG 2.2, 4.5 to 1)."""

import re
from dataclasses import dataclass

DEFAULT_COLOUR = "#4547d6"
LIGHT_SURFACE, DARK_SURFACE = "#f4f5f7", "#1e2127"
WHITE, BLACK = "#ffffff", "#0b0c0f"
READABLE = 4.5
#: A filled button needs less: its words carry the meaning, but its shape must be seen.
VISIBLE = 1.45

type Channels = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Six-digit hex colours derived from a tenant's own, for one theme."""

    fill: str
    on_fill: str
    accent: str


def palette(colour: str, *, dark: bool = False) -> Palette:
    """`fill` for buttons with `on_fill` on it, `accent` for links and outlines on the page.

    Anything that is not a six-digit hex colour gives the house's own.
    """
    base = colour.lower() if re.fullmatch(r"#[0-9a-fA-F]{6}", colour or "") else DEFAULT_COLOUR
    surface, towards = (DARK_SURFACE, WHITE) if dark else (LIGHT_SURFACE, BLACK)
    fill = readable(base, against=surface, towards=towards, ratio=VISIBLE)
    accent = readable(base, against=surface, towards=towards, ratio=READABLE)
    return Palette(fill=fill, on_fill=contrast_text(fill), accent=accent)


def contrast_text(background: str) -> str:
    """Near-black or white, whichever reads better on the background."""
    return max((WHITE, BLACK), key=lambda text: contrast(text, background))


def readable(colour: str, *, against: str, towards: str, ratio: float = READABLE) -> str:
    """The colour, moved towards black or white only as far as it takes to be read against the surface."""
    for share in range(0, 101, 4):
        mixed = _mix(colour, towards, share / 100)
        if contrast(mixed, against) >= ratio:
            return mixed
    return towards


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1 to 21: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _channels(colour: str) -> Channels:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mix(colour: str, other: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
