import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.colour import DARK_SURFACE, DEFAULT_COLOUR, LIGHT_SURFACE, contrast, palette

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_as_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@given(colours, st.booleans())
def test_any_colour_can_be_read_and_seen(colour: str, dark: bool) -> None:
    derived = palette(colour, dark=dark)
    surface = DARK_SURFACE if dark else LIGHT_SURFACE
    assert contrast(derived.on_fill, derived.fill) >= 4.4
    assert contrast(derived.accent, surface) >= 4.5
    assert contrast(derived.fill, surface) >= 1.4


def test_a_colour_that_reads_well_is_left_alone() -> None:
    assert palette("#0F766E").fill == "#0f766e"


@pytest.mark.parametrize("colour", ["", "red", "#12345", "#1234567", "#fff}body{display:none", "#00000g"])
def test_what_is_no_colour_gives_the_house_colour(colour: str) -> None:
    assert palette(colour) == palette(DEFAULT_COLOUR)
