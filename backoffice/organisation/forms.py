"""Forms of the settings pages. They clean input and save nothing."""

import re
from typing import Any, ClassVar
from zoneinfo import available_timezones

from babel import Locale
from babel.numbers import get_currency_name, get_territory_currencies
from django import forms
from django.conf import settings
from django.core.files.base import ContentFile
from django.utils.functional import Promise
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from backoffice.organisation.logo import read_logo
from tenants.models import Role, Tenant
from tenants.services import SETTINGS_FIELDS
from tenants.text import on_one_line


def currencies() -> list[tuple[str, str]]:
    """Every currency in use somewhere today, "CAD – Canadian Dollar", in the active language."""
    locale = to_locale(get_language() or "en")
    territories = [str(territory) for territory in Locale("en").territories]
    codes = {code for territory in territories if len(territory) == 2 for code in get_territory_currencies(territory)}
    return [(code, f"{code} – {get_currency_name(code, locale=locale)}") for code in sorted(codes)]


def time_zones() -> list[tuple[str, str]]:
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class SettingsForm(forms.ModelForm):
    """One page of a tenant's settings; `sections`: which belong together; `values()`: those that were changed."""

    #: (id, title, what it is for, names of its fields)
    SECTIONS: ClassVar[tuple[tuple[str, str | Promise, str | Promise, list[str]], ...]] = ()

    @property
    def sections(self) -> list[dict[str, Any]]:
        return [
            {"id": name, "title": title, "hint": hint, "fields": [self[field] for field in fields]}
            for name, title, hint, fields in self.SECTIONS
        ]

    def values(self) -> dict[str, Any]:
        """What to hand to `update_tenant`: only what differs from what is stored."""
        return {
            name: self.cleaned_data[name]
            for name in self.changed_data
            if name in SETTINGS_FIELDS and self.cleaned_data[name] != self.initial.get(name)
        }


def fields_of(sections: tuple[tuple[str, str | Promise, str | Promise, list[str]], ...]) -> list[str]:
    return [name for _id, _title, _hint, names in sections for name in names]


_ORGANISATION = (
    ("organisation", _("Organisation"), "", ["name", "logo", "primary_colour"]),
    ("defaults", _("Defaults"), "", ["country", "currency", "language", "time_zone"]),
    ("invitations", _("Invitations"), "", ["invitation_lifetime", "invite_by_email", "invite_by_sms"]),
    ("senders", _("Senders"), "", ["sender_name", "sender_email", "reply_to_email", "sms_sender"]),
    ("care", _("Customer care"), "", ["care_email", "care_phone", "care_text"]),
)


class OrganisationForm(SettingsForm):
    """How customers see the organisation, and what new things start with."""

    SECTIONS = _ORGANISATION
    currency = forms.ChoiceField(label=_("Default currency"), choices=currencies)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zones)
    primary_colour = forms.CharField(
        label=_("Main colour"), max_length=7, widget=forms.TextInput(attrs={"type": "color"})
    )
    logo = forms.FileField(
        label=_("Logo"),
        required=False,
        help_text=_("PNG, JPEG, WebP or GIF, up to 2 MB. A square one looks best."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"}),
    )
    remove_logo = forms.BooleanField(label=_("Remove the logo"), required=False)

    class Meta:
        model = Tenant
        fields = fields_of(_ORGANISATION)
        help_texts = {
            "sender_email": _("Leave it empty to send from our own address, in your name."),
            "sms_sender": _("A phone number in international format, or up to 11 letters and digits."),
            "care_text": _("Shown at the foot of pages and mails, such as “Monday to Friday, 9 to 17”."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["care_phone"].region = self.instance.country.code  # type: ignore[attr-defined]

    def clean_logo(self) -> ContentFile | None:
        upload = self.files.get(self.add_prefix("logo"))
        return read_logo(upload) if upload else None

    def clean_name(self) -> str:
        if name := on_one_line(self.cleaned_data["name"]):
            return name
        raise forms.ValidationError(self.fields["name"].error_messages["required"], code="required")

    def clean_sender_name(self) -> str:
        return on_one_line(self.cleaned_data["sender_name"])

    def clean_care_text(self) -> str:
        return on_one_line(self.cleaned_data["care_text"])

    def clean_primary_colour(self) -> str:
        colour = self.cleaned_data["primary_colour"].lower()
        if not re.fullmatch(r"#[0-9a-f]{6}", colour):
            raise forms.ValidationError(_("Give a colour as # and six digits, such as #206bc4."))
        return colour

    def clean_sms_sender(self) -> str:
        sender = re.sub(r"[\s().-]", "", self.cleaned_data["sms_sender"])
        is_name = re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}", sender)
        if sender and not is_name and not re.fullmatch(r"\+[1-9]\d{6,14}", sender):
            raise forms.ValidationError(
                _("Give a phone number such as +1 416 555 0123, or up to 11 letters and digits.")
            )
        return sender

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("invite_by_email") and not cleaned.get("invite_by_sms"):
            self.add_error("invite_by_email", _("Invitations need at least one way to be sent."))
        return cleaned

    def values(self) -> dict[str, Any]:
        """The logo too, when it was given or removed."""
        values = super().values()
        values.pop("logo", None)
        if logo := self.cleaned_data.get("logo"):
            values["logo"] = logo
        elif self.cleaned_data.get("remove_logo"):
            values["logo"] = ""
        return values


class StaffInviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.AGENT)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class GatewayKeysForm(forms.Form):
    """What the keys must look like is the service's rule; the secret one is never sent back to the browser."""

    publishable_key = forms.CharField(
        label=_("Publishable key"), max_length=255, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    secret_key = forms.CharField(
        label=_("Secret key"), max_length=255, widget=forms.PasswordInput(attrs={"autocomplete": "off"})
    )
