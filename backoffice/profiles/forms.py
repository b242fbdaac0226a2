"""Forms about a saved card. No card number is ever typed into a page of ours."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.addresses import AddressValues
from payments.models import PaymentProfile

YEARS_AHEAD = 20
_MONTHS = [(month, f"{month:02d}") for month in range(1, 13)]


def _holder_name() -> forms.CharField:
    return forms.CharField(
        label=_("Card holder"), max_length=160, widget=forms.TextInput(attrs={"autocomplete": "cc-name"})
    )


class CardHolderForm(forms.Form):
    """What is typed beside the gateway's own card fields."""

    holder_name = _holder_name()
    make_default = forms.BooleanField(label=_("Make it the default payment method"), required=False)


class EditProfileForm(forms.Form):
    """What the gateway lets be changed of a saved method, beside the billing address; a bank account has no expiry."""

    holder_name = _holder_name()
    exp_month = forms.TypedChoiceField(label=_("Expiry month"), coerce=int, choices=_MONTHS)
    exp_year = forms.TypedChoiceField(label=_("Expiry year"), coerce=int, choices=[])
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=300, help_text=_("Kept with the change, for your colleagues.")
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, profile: PaymentProfile) -> None:
        names = ("holder_name", "exp_month", "exp_year")
        super().__init__(data, initial={name: getattr(profile, name) for name in names})
        if profile.exp_year is None:
            del self.fields["exp_month"], self.fields["exp_year"]
            return
        this_year = timezone.localdate().year
        years = {*range(this_year, this_year + YEARS_AHEAD + 1), profile.exp_year}
        self.fields["exp_year"].choices = [(year, str(year)) for year in sorted(years)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        month, year = cleaned.get("exp_month"), cleaned.get("exp_year")
        today = timezone.localdate()
        if (
            month
            and year
            and (year, month) < (today.year, today.month)
            and {"exp_month", "exp_year"} & {*self.changed_data}
        ):
            self.add_error("exp_month", _("This date is in the past."))
        return cleaned


def address_for_gateway(values: AddressValues | None) -> dict[str, str]:
    """The address with the keys of port.PostalAddress; all empty when there is none."""
    return (values or AddressValues()).as_dict()
