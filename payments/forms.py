"""What is typed beside the gateway's own fields, and what can be changed of a saved method. Nothing of the card itself.

The forms clean what was typed and save nothing.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from payments.models import PaymentProfile
from tenants.text import on_one_line

YEARS_AHEAD = 20
_SELECT = {"class": "form-select"}


class HolderForm(forms.Form):
    holder_name = forms.CharField(
        label=_("Name on the card"),
        max_length=160,
        widget=forms.TextInput(attrs={"autocomplete": "cc-name", "class": "form-control"}),
        error_messages={"required": _("Enter the name as it is on the card.")},
    )

    def clean_holder_name(self) -> str:
        name = on_one_line(self.cleaned_data["holder_name"])
        if not name:
            raise forms.ValidationError(self.fields["holder_name"].error_messages["required"], code="required")
        return name


class MethodForm(HolderForm):
    """The holder's name and, of a card, the expiry: what the gateway lets be changed of a saved method."""

    exp_month = forms.TypedChoiceField(
        label=_("Expiry month"),
        coerce=int,
        choices=[(month, f"{month:02d}") for month in range(1, 13)],
        widget=forms.Select(attrs=_SELECT | {"autocomplete": "cc-exp-month"}),
    )
    exp_year = forms.TypedChoiceField(
        label=_("Expiry year"), coerce=int, widget=forms.Select(attrs=_SELECT | {"autocomplete": "cc-exp-year"})
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, profile: PaymentProfile) -> None:
        names = ("holder_name", "exp_month", "exp_year")
        super().__init__(data, initial={name: getattr(profile, name) for name in names})
        if profile.exp_year is None:
            self.fields["holder_name"].label = _("Name of the account holder")
            del self.fields["exp_month"], self.fields["exp_year"]
            return
        this_year = timezone.localdate().year
        years = {*range(this_year, this_year + YEARS_AHEAD + 1), profile.exp_year}
        self.fields["exp_year"].choices = [(year, str(year)) for year in sorted(years)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        month, year = cleaned.get("exp_month"), cleaned.get("exp_year")
        today = timezone.localdate()
        typed = {"exp_month", "exp_year"} & {*self.changed_data}
        if month and year and typed and (year, month) < (today.year, today.month):
            self.add_error("exp_month", _("This date is in the past."))
        return cleaned
