"""The form by which staff send an invitation."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from messaging.models import Channel
from payments.models import PaymentProfile
from tenants.models import InvitationLifetime, Tenant


class ChooseForm(forms.Form):
    """Which one of several methods the invitation is to replace."""

    profile = forms.UUIDField(error_messages={"required": _("Choose the payment method to be replaced.")})

    def __init__(self, *args: Any, profiles: Sequence[PaymentProfile], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.profiles = {profile.pk: profile for profile in profiles}

    def clean_profile(self) -> PaymentProfile:
        profile = self.profiles.get(self.cleaned_data["profile"])
        if profile is None:
            raise forms.ValidationError(_("This payment method can no longer be replaced. Choose another one."))
        return profile


class InvitationForm(forms.Form):
    """Lifetime, where to, by which channel and in which language. Whether it can be sent is the service's rule."""

    lifetime_hours = forms.TypedChoiceField(
        label=_("The link works for"), choices=InvitationLifetime.choices, coerce=int, widget=forms.RadioSelect
    )
    channels = forms.MultipleChoiceField(
        label=_("Send by"), choices=Channel.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    email = forms.CharField(
        label=_("E-mail"),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text=_("A corrected address is kept with the customer."),
    )
    phone = forms.CharField(
        label=_("Phone"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)

    def __init__(self, *args: Any, can_text: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.can_text = can_text

    def clean_channels(self) -> list[str]:
        chosen = self.cleaned_data["channels"]
        if Channel.SMS in chosen and not self.can_text:
            raise forms.ValidationError(_("Text messages are not set up yet. Send an e-mail."))
        return chosen


def can_send_texts() -> bool:
    """Whether an SMS provider is set up."""
    return bool(settings.SMS_ACCOUNT_SID)


def starting_values(customer: Customer, tenant: Tenant, *, can_text: bool) -> dict[str, Any]:
    """The tenant's defaults, with the customer's own address, number and language."""
    by_text = tenant.invite_by_sms and can_text and bool(customer.phone)
    channels = [Channel.SMS] if by_text else []
    if tenant.invite_by_email or not channels:
        channels.append(Channel.EMAIL)
    return {
        "lifetime_hours": tenant.invitation_lifetime,
        "channels": channels,
        "email": customer.email,
        "phone": customer.phone.as_international if customer.phone else "",
        "language": customer.language or tenant.language,
    }
