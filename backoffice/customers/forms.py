"""The customer form. It cleans what was typed and saves nothing."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.functional import lazy
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from backoffice.billing.subscription_forms import SubscribeForm
from backoffice.customers.queries import CustomerFilters
from backoffice.filters import FilterForm, choice, set_choices
from backoffice.organisation.forms import time_zones
from customers.addresses import AddressValues
from customers.forms import AddressForm
from customers.models import Address, AddressKind, Customer
from customers.services import CUSTOMER_FIELDS
from customers.validation import format_phone, parse_cc_emails, parse_phone, parse_vat_number

_capitalised = lazy(capfirst, str)


def _text(name: str, **options: Any) -> forms.CharField:
    """A text field with the model field's label and length."""
    field: Any = Customer._meta.get_field(name)
    return forms.CharField(
        label=_capitalised(field.verbose_name), max_length=field.max_length, required=False, **options
    )


class CustomerForm(forms.Form):
    """Who the customer is. `country` decides how a national phone or VAT number is read."""

    first_name = _text("first_name")
    last_name = _text("last_name")
    organisation = _text("organisation")
    email = forms.EmailField(label=_("E-mail"), max_length=254, required=False)
    cc_emails = forms.CharField(
        label=_("CC e-mails"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("They receive a copy of every message. One per line, or between commas."),
    )
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
        help_text=_("With + and the country's code, or as it is written in the customer's country."),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("The organisation's")), *settings.LANGUAGES],
        help_text=_("For messages, links and invoices."),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        choices=lambda: [("", _("The organisation's")), *time_zones()],
        help_text=_("For dates in messages and in the portal."),
    )
    reference = _text("reference", help_text=_("Your own number for this customer; no two may share one."))
    external_user_id = _text("external_user_id", help_text=_("The customer's ID in another system of yours."))
    vat_number = _text("vat_number", help_text=_("Checked by the rules of the billing address's country."))
    tax_exempt = forms.BooleanField(
        label=_("Tax exempt"), required=False, help_text=_("No tax on any invoice, whatever the product says.")
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, customer: Customer | None = None, country: str
    ) -> None:
        initial = {name: getattr(customer, name) for name in CUSTOMER_FIELDS} if customer else {}
        if customer:
            initial |= {"cc_emails": "\n".join(customer.cc_emails), "phone": format_phone(customer.phone)}
        super().__init__(data, initial=initial)
        self.country = country

    def clean_phone(self) -> str:
        return parse_phone(self.cleaned_data["phone"], self.country)

    def clean_cc_emails(self) -> list[str]:
        return parse_cc_emails(self.cleaned_data["cc_emails"])

    def clean_vat_number(self) -> str:
        return parse_vat_number(self.cleaned_data["vat_number"], self.country)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("organisation"):
            for name, message in (("first_name", _("Enter a first name.")), ("last_name", _("Enter a last name."))):
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, message)
        return cleaned


class FirstSubscriptionForm(SubscribeForm):
    """A subscription to start together with the customer; none when no price is chosen."""

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, prefix="subscription")
        price: Any = self.fields["price"]
        price.required, price.empty_label = False, _("None for now")
        self.fields["quantity"].required = False

    def clean_quantity(self) -> int:
        return self.cleaned_data["quantity"] or 1


class CustomerEntry:
    """The customer form with both addresses, as one page shows them; for a new one also a first subscription."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        customer: Customer | None = None,
        addresses: Mapping[str, AddressValues | None] | None = None,
        default_country: str,
    ) -> None:
        addresses = addresses or {}
        self.is_bound = data is not None
        self.changes_country = bool(data and data.get("change_country"))
        self.billing = self._address(AddressKind.BILLING, data, addresses, default_country)
        self.shipping = self._address(AddressKind.SHIPPING, data, addresses, default_country)
        self.form = CustomerForm(data, customer=customer, country=self.billing.rules.country)
        self.subscription = None if customer else FirstSubscriptionForm(data)
        if self.changes_country and data is not None:
            self.form = CustomerForm(customer=customer, country=self.billing.rules.country)
            self.form.initial = {name: data.get(name, "") for name in self.form.fields}
            if self.subscription is not None:
                self.subscription = FirstSubscriptionForm()
                self.subscription.initial = {
                    name: data.get(self.subscription.add_prefix(name), "") for name in self.subscription.fields
                }

    def _address(
        self, kind: str, data: Mapping[str, Any] | None, stored: Mapping[str, AddressValues | None], country: str
    ) -> AddressForm:
        if self.changes_country and data is not None:
            return AddressForm.retyped(data, prefix=kind, default_country=country, optional=True)
        return AddressForm(data, initial=stored.get(kind), prefix=kind, default_country=country, optional=True)

    @property
    def forms(self) -> list[forms.Form]:
        return [form for form in (self.form, self.billing, self.shipping, self.subscription) if form is not None]

    def is_valid(self) -> bool:
        """All are checked, so that every error shows at once."""
        return not self.changes_country and {True} == {form.is_valid() for form in self.forms}

    @property
    def error_list(self) -> list[tuple[str, str, str]]:
        """(field id, label, sentence) of everything that is wrong, for the summary on top."""
        found: list[tuple[str, str, str]] = []
        for form in self.forms:
            if not form.is_bound:
                continue
            for name, errors in form.errors.items():
                field = form[name] if name in form.fields else None
                label, target = (str(field.label), field.id_for_label) if field else ("", "")
                found.extend((target, label, str(error)) for error in errors)
        return found


class CustomerFilterForm(FilterForm):
    """The list's filters beside the status, which has chips."""

    placeholder = _("Name, e-mail, number, last 4 digits")
    payment = choice(
        _("Any payment method"),
        [
            ("ok", _("Valid card")),
            ("expiring", _("Card expires soon")),
            ("expired", _("Card expired")),
            ("none", _("No payment method")),
            ("ach", _("Verified for ACH")),
        ],
    )
    country = choice(_("Any country"), [])

    def prepare(self) -> None:
        # Only where customers are: 250 options would cost more than all the rows of the page.
        lived_in = Address.objects.filter(kind=AddressKind.BILLING).order_by("country").distinct()
        named = sorted((str(countries.name(code)), str(code)) for code in lived_in.values_list("country", flat=True))
        set_choices(self.fields["country"], [(code, name) for name, code in named])

    def customer_filters(self) -> CustomerFilters:
        return CustomerFilters(
            text=self.text,
            state=self.query.get("state", ""),
            payment=self.value("payment"),
            country=self.value("country"),
        )
