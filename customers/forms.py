"""Forms that any door may show: the address in its country's own form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from customers.addresses import PARTS, AddressRules, AddressValues, check_address, rules_for
from customers.models import Address

_AUTOCOMPLETE = {
    "line1": "address-line1",
    "line2": "address-line2",
    "city": "address-level2",
    "region": "address-level1",
    "postal_code": "postal-code",
    "country": "country",
}
_WIDTHS = {"line1": "col-12", "line2": "col-12", "postal_code": "col-sm-4"}


@dataclass(frozen=True)
class AddressRow:
    """One field with its place in the grid, and whether it must be filled."""

    field: forms.BoundField
    width: str
    is_needed: bool

    @property
    def errors_id(self) -> str:
        return f"{self.field.id_for_label}_error"

    def widget(self) -> SafeString:
        kind = "form-select" if isinstance(self.field.field.widget, forms.Select) else "form-control"
        attributes: dict[str, Any] = {"class": f"{kind} is-invalid" if self.field.errors else kind}
        if self.field.errors:
            attributes |= {"aria-invalid": "true", "aria-describedby": self.errors_id}
        return self.field.as_widget(attrs=attributes)


class AddressForm(forms.Form):
    """A postal address whose fields, labels and rules follow the chosen country. It saves nothing.

    `prefix` tells two addresses on a page apart. With `optional=True` an address of which only the country is filled
    counts as none: `values()` is None. Show it inside a fieldset with a legend, by
    `{% include "customers/address_fields.html" with form=... %}`; it fetches itself anew when the country changes, with
    what was typed. Without JavaScript a button sends `change_country`: show the page again with `retyped()`. Parts that
    a country lacks stay as hidden fields, so that coming back to the first one loses nothing.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        initial: AddressValues | Address | Mapping[str, Any] | None = None,
        prefix: str = "billing",
        default_country: str = "CA",
        optional: bool = False,
    ) -> None:
        values = AddressValues.of(initial) if not isinstance(initial, AddressValues) else initial
        super().__init__(data, prefix=prefix, initial=values.as_dict() if values else {})
        self.optional = optional
        self.initial["country"] = self.initial.get("country") or default_country
        self.rules = rules_for(self._chosen_country())
        self._add_fields(self.rules)

    @classmethod
    def retyped(cls, data: Mapping[str, Any], *, prefix: str, **options: Any) -> "AddressForm":
        """The form for another country, holding what was typed so far and finding no fault with it yet."""
        typed = {name: data.get(f"{prefix}-{name}", "") for name in (*PARTS, "country")}
        return cls(initial=typed, prefix=prefix, **options)

    def _chosen_country(self) -> str:
        chosen = str(self.data.get(self.add_prefix("country"), "")) if self.is_bound else ""
        return chosen if chosen in dict(countries) else str(self.initial["country"])

    def _add_fields(self, rules: AddressRules) -> None:
        self.fields["country"] = forms.ChoiceField(
            label=_("Country"),
            choices=list(countries),
            widget=forms.Select(attrs=self._country_attributes()),
            required=False,
        )
        for part in (*rules.parts, *(part for part in PARTS if part not in rules.parts)):
            self.fields[part] = self._part_field(part, rules)

    def _part_field(self, part: str, rules: AddressRules) -> forms.Field:
        if part not in rules.parts:
            return forms.CharField(required=False, widget=forms.HiddenInput)
        attributes: dict[str, Any] = {"autocomplete": self._autocomplete(part)}
        if part in rules.required and not self.optional:
            attributes["required"] = True
        widget: forms.Widget = forms.TextInput(attrs=attributes)
        if part == "region" and rules.regions:
            choices = [("", _("Choose…")), *rules.regions]
            widget = forms.Select(attrs=attributes, choices=choices)
            if self.initial.get("region") not in dict(rules.regions):
                self.initial["region"] = ""
        label: Any = rules.labels[part]
        stored: Any = Address._meta.get_field(part)
        return forms.CharField(label=label, required=False, max_length=stored.max_length, widget=widget)

    def _country_attributes(self) -> dict[str, str]:
        """Another country fetches its form, with all that was typed."""
        return {
            "autocomplete": self._autocomplete("country"),
            "hx-post": reverse("address_fields", args=[self.prefix]),
            "hx-trigger": "change",
            "hx-include": "closest .address-fields",
            "hx-target": "closest .address-fields",
            "hx-swap": "outerHTML",
        }

    def _autocomplete(self, part: str) -> str:
        return f"{'shipping' if self.prefix == 'shipping' else 'billing'} {_AUTOCOMPLETE[part]}"

    @property
    def rows(self) -> list[AddressRow]:
        """Each part that the country has, in the country's order."""
        short = sum(part not in _WIDTHS for part in self.rules.parts)
        fill = "col-sm-4" if short == 2 else "col-sm-8" if "postal_code" in self.rules.parts else "col-12"
        return [
            AddressRow(self[part], _WIDTHS.get(part, fill), part in self.rules.required and not self.optional)
            for part in self.rules.parts
        ]

    @property
    def country_row(self) -> AddressRow:
        return AddressRow(self["country"], "col-12", True)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.optional and not any(cleaned.get(part) for part in self.rules.parts):
            self._values = None
            return cleaned
        self._values, errors = check_address({**cleaned, "country": cleaned.get("country") or self._chosen_country()})
        for part, message in errors.items():
            if part not in self.errors:
                self.add_error(part, str(message))
        return cleaned

    def values(self) -> AddressValues | None:
        """The valid address; None when it is optional and was left empty."""
        if not self.is_valid():
            raise ValueError("The address has errors.")
        return self._values
