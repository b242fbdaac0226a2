"""Forms for tax rates. They clean input and save nothing."""

import re
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from customers.addresses import rules_for
from subscriptions.models import Product
from tenants.form_fields import PercentField
from tenants.text import on_one_line


class TaxRateForm(forms.Form):
    """A new rate. Which regions may be chosen follows the country."""

    code = forms.CharField(
        label=_("Tax"),
        max_length=20,
        help_text=_("Its short name, such as GST or TVA. Only one rate of each is charged on a line."),
    )
    percent = PercentField(label=_("Rate (%)"))
    name_en = forms.CharField(label=_("Name on invoices (English)"), max_length=60)
    name_fr = forms.CharField(
        label=_("Name on invoices (French)"),
        max_length=60,
        required=False,
        help_text=_("Left empty, the English name is printed."),
    )
    country = forms.ChoiceField(label=_("Country"), choices=[], required=False)
    region = forms.CharField(label=_("Region"), max_length=80, required=False)
    product = forms.ModelChoiceField(
        label=_("Product"), queryset=Product.objects.none(), required=False, empty_label=_("All products")
    )
    valid_from = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    reverse_charge = forms.BooleanField(
        label=_("Reverse charge for businesses abroad"),
        required=False,
        help_text=_("A customer with a VAT number in another country than yours accounts for the tax themselves."),
    )

    def __init__(self, data: Any = None, *, default_country: str) -> None:
        super().__init__(data, initial={"country": default_country})
        country: Any = self.fields["country"]
        country.choices = [("", _("Every country")), *countries]
        product: Any = self.fields["product"]
        product.queryset = Product.objects.filter(is_active=True)
        self.fields["region"] = region_field(str(self["country"].value() or ""))

    def clean_code(self) -> str:
        code = on_one_line(self.cleaned_data["code"])
        if not re.fullmatch(r"[\w.+-]+", code):
            raise forms.ValidationError(_("A short name without spaces, such as GST."), code="bad_code")
        return code

    def clean_name_en(self) -> str:
        return on_one_line(self.cleaned_data["name_en"])

    def clean_name_fr(self) -> str:
        return on_one_line(self.cleaned_data["name_fr"])


def region_field(country: str) -> forms.Field:
    """A choice of the country's provinces or states; a country without a list of them has no regional rates."""
    rules = rules_for(country) if country in dict(countries) else None
    if rules is None or not rules.regions:
        return forms.ChoiceField(label=_("Region"), choices=[("", _("All of it"))], required=False)
    label: Any = rules.labels["region"]
    return forms.ChoiceField(label=label, choices=[("", _("All of it")), *rules.regions], required=False)


class EndTaxRateForm(forms.Form):
    """The first day on which a rate no longer holds."""

    valid_until = forms.DateField(
        label=_("First day without it"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"valid_until": timezone.localdate()})
