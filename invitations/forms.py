"""What the customer types beside the card: the holder's name and the billing address. Nothing of the card itself."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.forms import AddressForm
from customers.models import Address, AddressKind, Customer
from tenants.models import MethodKind, Tenant


class HolderForm(forms.Form):
    holder_name = forms.CharField(
        label=_("Name on the card"),
        max_length=160,
        widget=forms.TextInput(attrs={"autocomplete": "cc-name", "class": "form-control"}),
        error_messages={"required": _("Enter the name as it is on the card.")},
    )


class BillingForm:
    """Both forms as one: `errors()` maps input names to sentences, `details()` is what is kept."""

    def __init__(self, customer: Customer, tenant: Tenant, data: Mapping[str, Any] | None = None) -> None:
        stored = Address.objects.filter(customer=customer, kind=AddressKind.BILLING).first()
        self.holder = HolderForm(data, initial={"holder_name": f"{customer.first_name} {customer.last_name}".strip()})
        if list(tenant.method_kinds) != [MethodKind.CARD]:
            self.holder.fields["holder_name"].label = _("Name of the card or account holder")
        self.address = AddressForm(data, initial=stored, default_country=str(tenant.country))

    def errors(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for form in (self.holder, self.address):
            for name, messages in form.errors.items():
                found[form.add_prefix(name)] = " ".join(str(message) for message in messages)
        return found

    def details(self) -> dict[str, Any]:
        """`holder_name` and `address`, valid. The address has the parts of `customers.addresses.AddressValues`."""
        values = self.address.values()
        return {"holder_name": self.holder.cleaned_data["holder_name"], "address": values.as_dict() if values else {}}


def for_browser(details: Mapping[str, Any], *, customer: Customer, email: str) -> dict[str, Any]:
    """The same as Stripe.js takes it (https://docs.stripe.com/js/setup_intents/confirm_setup)."""
    address = details["address"]
    names = {"line1": "line1", "line2": "line2", "city": "city", "region": "state", "postal_code": "postal_code"}
    return {
        "name": details["holder_name"],
        "email": email,
        "phone": customer.phone.as_e164 if customer.phone else "",
        "address": {theirs: address.get(ours, "") for ours, theirs in names.items()}
        | {"country": address.get("country", "")},
    }
