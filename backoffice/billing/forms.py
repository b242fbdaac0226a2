"""Forms for products and prices."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backoffice.organisation.forms import currencies
from subscriptions.models import Interval, Product
from tenants.money import minor_digits


class ProductForm(forms.ModelForm):
    class Meta:
        model = Product
        fields = ["name_en", "name_fr", "is_active"]
        labels = {"is_active": _("Offered")}
        help_texts = {"name_fr": _("Left empty, the English name is shown.")}


class NewProductForm(ProductForm):
    class Meta(ProductForm.Meta):
        fields = ["name_en", "name_fr"]


class PriceForm(forms.Form):
    """`amount` is typed in whole units; `cleaned_data["amount_minor"]` is what the services want."""

    amount = forms.DecimalField(label=_("Amount"), min_value=Decimal(0), max_digits=14, decimal_places=3)
    currency = forms.ChoiceField(label=_("Currency"), choices=currencies)
    interval = forms.ChoiceField(label=_("Charged"), choices=Interval.choices, initial=Interval.MONTH)
    interval_count = forms.IntegerField(label=_("Every"), min_value=1, max_value=365, initial=1)
    trial_days = forms.IntegerField(label=_("Trial days"), min_value=0, max_value=730, initial=0)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        amount, currency = cleaned.get("amount"), cleaned.get("currency")
        if amount is not None and currency:
            minor = amount.scaleb(minor_digits(currency))
            if minor != minor.to_integral_value():
                self.add_error("amount", _("This currency has fewer decimals."))
            cleaned["amount_minor"] = int(minor)
        return cleaned
