"""Forms for products and prices."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from backoffice.organisation.forms import currencies
from subscriptions.models import Interval, Product
from tenants.form_fields import WholeNumberField
from tenants.money import minor_digits
from tenants.text import on_one_line


class ProductForm(forms.ModelForm):
    class Meta:
        model = Product
        fields = ["name_en", "name_fr", "description_en", "description_fr", "is_active"]
        labels = {"is_active": _("Offered")}
        help_texts = {
            "name_fr": _("Left empty, the English name is shown."),
            "description_en": _("One or two sentences, shown with the offer in the portal."),
        }
        widgets = {
            "description_en": forms.Textarea(attrs={"rows": 2}),
            "description_fr": forms.Textarea(attrs={"rows": 2}),
        }

    def clean(self) -> dict[str, Any]:
        """Names and descriptions stand on one line of an invoice or mail."""
        cleaned = super().clean() or {}
        for name in ("name_en", "name_fr", "description_en", "description_fr"):
            if name in cleaned:
                cleaned[name] = on_one_line(cleaned[name])
        if "name_en" in cleaned and not cleaned["name_en"]:
            self.add_error("name_en", self.fields["name_en"].error_messages["required"])
        return cleaned


class NewProductForm(ProductForm):
    class Meta(ProductForm.Meta):
        fields = ["name_en", "name_fr", "description_en", "description_fr"]


class AmountField(forms.DecimalField):
    """An amount in whole units of some currency, such as 19.99, 500 or 1.234; `may_be_zero` only chooses the words."""

    def __init__(self, *, may_be_zero: bool = False, **options: Any) -> None:
        zero, above = _("An amount cannot be negative. 0 is free."), _("Enter an amount above zero.")
        errors = {
            "invalid": _("Enter an amount, such as 19.99."),
            "max_digits": _("This amount is too large."),
            "max_whole_digits": _("This amount is too large."),
            "max_decimal_places": _("Write three decimals at most."),
            "negative": zero if may_be_zero else above,
        }
        super().__init__(max_digits=14, decimal_places=3, error_messages=errors, **options)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return super().widget_attrs(widget) | {"step": "any", "min": "0", "inputmode": "decimal"}

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is not None and value < 0:
            raise forms.ValidationError(self.error_messages["negative"], code="negative")


def amount_in_minor(amount: Decimal, currency: str) -> int:
    """19.99 CAD -> 1999, 500 JPY -> 500, 1.234 KWD -> 1234. Raises ValidationError for a fraction too fine."""
    digits = minor_digits(currency)
    minor = amount.scaleb(digits)
    if minor == minor.to_integral_value():
        return int(minor)
    if not digits:
        message = _("%(currency)s has no decimals: write a whole number.") % {"currency": currency}
    else:
        told = ngettext("%(currency)s has only %(n)s decimal.", "%(currency)s has only %(n)s decimals.", digits)
        message = told % {"currency": currency, "n": digits}
    raise forms.ValidationError(message, code="too_fine")


class PriceForm(forms.Form):
    """`amount` is typed in whole units; `cleaned_data["amount_minor"]` is what the services want."""

    amount = AmountField(label=_("Amount"), may_be_zero=True)
    currency = forms.ChoiceField(label=_("Currency"), choices=currencies)
    interval = forms.ChoiceField(label=_("Charged"), choices=[], initial=Interval.MONTH)
    interval_count = WholeNumberField(label=_("Every"), least=1, most=365, initial=1, required=False)
    trial_days = WholeNumberField(label=_("Trial days"), least=0, most=730, initial=0, required=False)
    is_public = forms.BooleanField(
        label=_("Offer it in the customer portal"),
        required=False,
        help_text=_("Customers can subscribe by themselves. Otherwise only your team can."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        intervals = {
            Interval.MONTH: _("Monthly"),
            Interval.YEAR: _("Yearly"),
            Interval.WEEK: _("Weekly"),
            Interval.DAY: _("Daily"),
            Interval.ONE_TIME: _("Once"),
        }
        field: Any = self.fields["interval"]
        field.choices = list(intervals.items())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        amount, currency = cleaned.get("amount"), cleaned.get("currency")
        if amount is not None and currency:
            try:
                cleaned["amount_minor"] = amount_in_minor(amount, currency)
            except forms.ValidationError as error:
                self.add_error("amount", error)
        once = cleaned.get("interval") == Interval.ONE_TIME
        cleaned["interval_count"] = 1 if once else cleaned.get("interval_count") or 1
        if once and cleaned.get("trial_days"):
            self.add_error("trial_days", _("What is bought once has no trial."))
        cleaned["trial_days"] = cleaned.get("trial_days") or 0
        return cleaned
