"""The tenants' own-drawn logos."""

from io import BytesIO
from math import cos, pi, sin

from PIL import Image, ImageDraw

SIZE = 256
_SCALE = 4
type Point = tuple[float, float]


def draw_logo(slug: str, colour: str) -> bytes:
    """A square PNG: white on the tenant's colour."""
    side = SIZE * _SCALE
    image = Image.new("RGBA", (side, side))
    canvas = ImageDraw.Draw(image)
    canvas.rounded_rectangle((0, 0, side - 1, side - 1), radius=side * 0.22, fill=colour)
    {"maple": _leaf, "lumiere": _aperture}[slug](canvas, side, colour)
    out = BytesIO()
    image.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


def _leaf(canvas: ImageDraw.ImageDraw, side: int, colour: str) -> None:
    """A maple leaf of straight cuts, in units of the square."""
    half = [(0.5, 0.14), (0.57, 0.29), (0.67, 0.24), (0.64, 0.44), (0.74, 0.35), (0.77, 0.42), (0.88, 0.4)]
    half += [(0.83, 0.52), (0.88, 0.56), (0.66, 0.72), (0.68, 0.78), (0.525, 0.755)]
    outline = half + [(1 - x, y) for x, y in reversed(half)]
    canvas.polygon([(x * side, y * side) for x, y in outline], fill="white")
    canvas.rectangle((side * 0.482, side * 0.7, side * 0.518, side * 0.88), fill="white")


def _aperture(canvas: ImageDraw.ImageDraw, side: int, colour: str) -> None:
    """A lens: six blades around an opening."""
    middle, outer, inner = side / 2, side * 0.34, side * 0.13

    def at(radius: float, turn: float) -> Point:
        return middle + radius * cos(turn), middle + radius * sin(turn)

    canvas.ellipse((middle - outer, middle - outer, middle + outer, middle + outer), fill="white")
    canvas.polygon([at(inner, pi / 6 + k * pi / 3) for k in range(6)], fill=colour)
    for k in range(6):
        start, end = at(inner, pi / 6 + k * pi / 3), at(outer * 1.02, pi / 6 + k * pi / 3 + pi / 2.6)
        canvas.line((*start, *end), fill=colour, width=round(side * 0.022))
