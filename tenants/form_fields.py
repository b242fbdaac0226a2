"""Fields that several doors ask for numbers by, with errors in words that say what would be right."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _


class WholeNumberField(forms.IntegerField):
    """A whole number from `least` to `most`; whatever else is typed is answered with both limits."""

    def __init__(self, *, least: int, most: int, **options: Any) -> None:
        words = format_lazy(_("Enter a whole number from {least} to {most}."), least=least, most=most)
        errors = {"invalid": words, "min_value": words, "max_value": words}
        super().__init__(min_value=least, max_value=most, error_messages=errors, **options)


class PercentField(forms.DecimalField):
    """A percentage from 0 to 100 with up to four decimals."""

    def __init__(self, **options: Any) -> None:
        words = _("Enter a percentage from 0 to 100, with four decimals at most.")
        codes = ("invalid", "min_value", "max_value", "max_digits", "max_decimal_places", "max_whole_digits")
        super().__init__(
            min_value=Decimal(0),
            max_value=Decimal(100),
            max_digits=7,
            decimal_places=4,
            error_messages=dict.fromkeys(codes, words),
            **options,
        )
