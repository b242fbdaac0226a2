"""What customers change about themselves. It cleans what was typed and saves nothing."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.addresses import AddressValues
from customers.forms import AddressForm
from customers.models import Address, AddressKind, Customer
from customers.validation import format_phone, parse_phone, parse_vat_number
from tenants.models import Tenant
from tenants.text import on_one_line

TEXT_FIELDS = ("first_name", "last_name", "organisation", "vat_number")


def _text(label: Any, name: str, autocomplete: str, **attributes: str) -> forms.CharField:
    field: Any = Customer._meta.get_field(name)
    widget = forms.TextInput(attrs={"autocomplete": autocomplete, "class": "form-control", **attributes})
    return forms.CharField(label=label, max_length=field.max_length, required=False, widget=widget)


class DetailsForm(forms.Form):
    """Who the customer is. `country`, the address's, decides how a national phone or tax number is read."""

    first_name = _text(_("First name"), "first_name", "given-name")
    last_name = _text(_("Last name"), "last_name", "family-name")
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "class": "form-control"}),
        error_messages={"required": _("Enter your e-mail address.")},
    )
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "class": "form-control"}),
    )
    organisation = _text(_("Organisation"), "organisation", "organization")
    vat_number = _text(_("Tax ID"), "vat_number", "off", spellcheck="false")

    def __init__(self, data: Mapping[str, Any] | None = None, *, customer: Customer, country: str) -> None:
        initial = {name: getattr(customer, name) for name in (*TEXT_FIELDS, "email")}
        super().__init__(data, initial=initial | {"phone": format_phone(customer.phone)}, prefix=None)
        self.country = country

    def clean_phone(self) -> str:
        return parse_phone(self.cleaned_data["phone"], self.country)

    def clean_vat_number(self) -> str:
        return parse_vat_number(self.cleaned_data["vat_number"], self.country)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned |= {name: on_one_line(cleaned[name]) for name in TEXT_FIELDS if name in cleaned}
        if not cleaned.get("organisation"):
            missing = (("first_name", _("Enter your first name.")), ("last_name", _("Enter your last name.")))
            for name, message in missing:
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, message)
        return cleaned


class Details:
    """The form and the billing address, as one dialog shows them."""

    def __init__(self, customer: Customer, tenant: Tenant, data: Mapping[str, Any] | None = None) -> None:
        stored = Address.objects.filter(customer=customer, kind=AddressKind.BILLING).first()
        options: dict[str, Any] = {
            "prefix": "billing",
            "default_country": str(tenant.country),
            "optional": stored is None,
        }
        self.is_bound = data is not None
        self.changes_country = bool(data and data.get("change_country"))
        if data is not None and self.changes_country:
            self.address = AddressForm.retyped(data, **options)
            self.form = DetailsForm(customer=customer, country=self.address.rules.country)
            self.form.initial = {name: data.get(name, "") for name in self.form.fields}
        else:
            self.address = AddressForm(data, initial=stored, **options)
            self.form = DetailsForm(data, customer=customer, country=self.address.rules.country)

    def is_valid(self) -> bool:
        """Whether both are; so that both show what is wrong with them."""
        return not self.changes_country and all([self.form.is_valid(), self.address.is_valid()])

    def add_error(self, fields: Mapping[str, Any], message: Any) -> None:
        for name, sentence in fields.items():
            self.form.add_error(name if name in self.form.fields else None, str(sentence))
        if not fields:
            self.form.add_error(None, str(message))

    @property
    def address_values(self) -> AddressValues | None:
        return self.address.values()
