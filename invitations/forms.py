"""What the customer types beside the card: the holder's name and the billing address. Nothing of the card itself."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.addresses import AddressValues
from customers.forms import AddressForm
from customers.models import Address, AddressKind, Customer
from payments.forms import HolderForm
from tenants.models import MethodKind, Tenant


class BillingForm:
    """Both forms as one: `errors()` maps input names to sentences, `details()` is what is kept."""

    def __init__(
        self,
        customer: Customer,
        tenant: Tenant,
        data: Mapping[str, Any] | None = None,
        *,
        address_is_optional: bool = False,
    ) -> None:
        stored = Address.objects.filter(customer=customer, kind=AddressKind.BILLING).first()
        self.holder = HolderForm(
            data,
            initial={"holder_name": f"{customer.first_name} {customer.last_name}".strip() or customer.organisation},
        )
        if list(tenant.method_kinds) != [MethodKind.CARD]:
            self.holder.fields["holder_name"].label = _("Name of the card or account holder")
        self.address = AddressForm(
            data, initial=stored, default_country=str(tenant.country), optional=address_is_optional
        )

    def errors(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for form in (self.holder, self.address):
            for name, messages in form.errors.items():
                found[form.add_prefix(name)] = " ".join(str(message) for message in messages)
        return found

    def details(self) -> dict[str, Any]:
        """`holder_name` and `address`, valid. The address has the parts of `customers.addresses.AddressValues`."""
        address = self.address.values() or AddressValues()
        return {"holder_name": self.holder.cleaned_data["holder_name"], "address": address.as_dict()}


def for_browser(details: Mapping[str, Any], *, customer: Customer, email: str) -> dict[str, Any]:
    """The same as Stripe.js takes it (https://docs.stripe.com/js/setup_intents/confirm_setup); null where nothing is
    known, as the gateway refuses an empty name, phone number or country."""
    address = details["address"]
    names = {part: part for part in ("line1", "line2", "city", "postal_code", "country")} | {"region": "state"}
    return {
        "name": details["holder_name"] or None,
        "email": email or None,
        "phone": customer.phone.as_e164 if customer.phone else None,
        "address": {theirs: address.get(ours) or None for ours, theirs in names.items()},
    }
