"""Forms about an invoice and a customer's balance. They clean input and save nothing."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backoffice.billing.forms import AmountField, amount_in_minor
from backoffice.organisation.forms import currencies
from payments.models import PaymentProfile
from subscriptions.models import CreditDestination
from tenants.money import minor_digits
from tenants.text import on_one_line


class CollectForm(forms.Form):
    """Which method is charged: radio cards, so the template writes them."""

    profile = forms.ChoiceField(label=_("Charge"), choices=[])

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, profiles: list[PaymentProfile], chosen: PaymentProfile | None
    ) -> None:
        super().__init__(data, initial={"profile": str(chosen.pk) if chosen else ""})
        self.profiles = {str(profile.pk): profile for profile in profiles}
        field: Any = self.fields["profile"]
        field.choices = [(key, str(profile)) for key, profile in self.profiles.items()]
        field.error_messages["required"] = _("Choose the method to charge.")

    def chosen(self) -> PaymentProfile:
        return self.profiles[self.cleaned_data["profile"]]


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))

    def clean_reason(self) -> str:
        return on_one_line(self.cleaned_data["reason"])


class CreditForm(ReasonForm):
    """`amount` is typed in whole units of the invoice's currency; `cleaned_data["amount_minor"]` is what counts."""

    amount = AmountField(label=_("Amount, tax included"))
    destination = forms.ChoiceField(label=_("Where to"), choices=CreditDestination.choices, widget=forms.RadioSelect)
    field_order = ("amount", "destination", "reason")

    def __init__(self, data: Mapping[str, Any] | None = None, *, currency: str, most_minor: int, refundable: int):
        digits = minor_digits(currency)
        self.currency, self.most_minor = currency, most_minor
        super().__init__(
            data,
            initial={
                "amount": f"{most_minor / 10**digits:.{digits}f}",
                "destination": CreditDestination.REFUND if refundable else CreditDestination.BALANCE,
            },
        )
        self.fields["amount"].label = _("Amount in %(currency)s, tax included") % {"currency": currency}

    def clean_amount(self) -> Any:
        amount = self.cleaned_data["amount"]
        self.cleaned_data["amount_minor"] = amount_in_minor(amount, self.currency)
        if self.cleaned_data["amount_minor"] <= 0:
            raise forms.ValidationError(_("Enter an amount above zero."), code="zero")
        return amount


class BalanceForm(ReasonForm):
    """An entry of a customer's balance: a credit, or a debit, with its reason."""

    CREDIT, DEBIT = "credit", "debit"
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[(CREDIT, _("Credit: the customer pays less")), (DEBIT, _("Debit: the customer pays more"))],
        initial=CREDIT,
        widget=forms.RadioSelect,
    )
    amount = AmountField(label=_("Amount"))
    currency = forms.ChoiceField(label=_("Currency"), choices=currencies)
    field_order = ("kind", "amount", "currency", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        amount, currency = cleaned.get("amount"), cleaned.get("currency")
        if amount is not None and currency:
            try:
                minor = amount_in_minor(amount, currency)
            except forms.ValidationError as error:
                self.add_error("amount", error)
            else:
                cleaned["amount_minor"] = -minor if cleaned.get("kind") == self.DEBIT else minor
        return cleaned
