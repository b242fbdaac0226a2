"""What customers decide about their account. The forms clean what was typed and save nothing."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from customers.models import Customer, Notification, SocialProfile
from customers.sign_in.passwords import MAX_LENGTH
from customers.social import NETWORKS, parse_username
from tenants.models import Tenant

#: What each mail that can be switched off tells.
NOTIFICATION_HINTS = {
    Notification.RECEIPTS: _("After every payment, with the receipt as PDF."),
    Notification.METHOD_UPDATES: _("When a card or bank account is added, replaced or removed."),
    Notification.SUBSCRIPTION_CHANGES: _("When a subscription is paused, resumed or changed."),
}


@lru_cache(maxsize=1)
def zones_by_region() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """("America", (("America/Toronto", "Toronto"), ...)), ..."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(available_timezones()):
        region, slash, place = name.partition("/")
        if slash and region not in {"Etc", "SystemV", "posix", "right"}:
            regions.setdefault(region, []).append((name, place.replace("_", " ").replace("/", ", ")))
    return tuple((region, tuple(places)) for region, places in regions.items())


class PreferencesForm(forms.Form):
    language = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, widget=forms.Select(attrs={"class": "form-select"})
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"), required=False, widget=forms.Select(attrs={"class": "form-select"})
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, customer: Customer, tenant: Tenant) -> None:
        language = customer.language or tenant.language
        super().__init__(data, initial={"language": language, "time_zone": customer.time_zone})
        own = _("Like %(tenant)s (%(zone)s)") % {"tenant": tenant.name, "zone": tenant.time_zone.replace("_", " ")}
        field: Any = self.fields["time_zone"]
        field.choices = [("", own), ("UTC", "UTC"), *zones_by_region()]


class NotificationsForm(forms.Form):
    """Checked: sent. What is kept are those that are not."""

    def __init__(self, data: Mapping[str, Any] | None = None, *, customer: Customer) -> None:
        super().__init__(data, prefix="mail")
        for kind in Notification:
            self.fields[kind] = forms.BooleanField(
                label=kind.label,
                required=False,
                initial=kind not in customer.muted_mails,
                help_text=NOTIFICATION_HINTS[kind],
                widget=forms.CheckboxInput(attrs={"class": "form-check-input", "role": "switch"}),
            )

    def muted(self) -> list[str]:
        return [str(kind) for kind in Notification if not self.cleaned_data[kind]]


class AvatarForm(forms.Form):
    avatar = forms.FileField(
        label=_("Choose a picture"),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif", "class": "form-control"}),
        help_text=_("PNG, JPEG, WebP or GIF, at most 8 MB. It is cut to a square."),
        error_messages={
            "required": _("Choose a picture first."),
            "empty": _("This file is empty."),
            "invalid": _("Choose a picture first."),
        },
    )


class CurrentPasswordForm(forms.Form):
    """Asks for the password that there is, where `needs_current`."""

    current = forms.CharField(
        label=_("Current password"),
        max_length=MAX_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "form-control"}),
        error_messages={"required": _("Enter your current password.")},
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, needs_current: bool, prefix: str = "") -> None:
        super().__init__(data, prefix=prefix or None)
        if not needs_current:
            del self.fields["current"]


class PasswordForm(CurrentPasswordForm):
    password = forms.CharField(
        label=_("New password"),
        max_length=MAX_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "form-control"}),
        help_text=_("At least 8 characters. A few words in a row are easy to keep and hard to guess."),
        error_messages={"required": _("Enter a password.")},
    )


class RemovePasswordForm(CurrentPasswordForm):
    def __init__(self, data: Mapping[str, Any] | None = None, *, needs_current: bool) -> None:
        super().__init__(data, needs_current=needs_current, prefix="remove")


class SocialForm(forms.Form):
    bio = forms.CharField(
        label=_("About you"),
        max_length=600,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "form-control"}),
        help_text=_("At most 600 characters."),
    )
    location = forms.CharField(
        label=_("Where you are"),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, profile: SocialProfile | None) -> None:
        initial = {"bio": profile.bio, "location": profile.location, **profile.usernames} if profile else {}
        super().__init__(data, initial=initial)
        for network in NETWORKS:
            self.fields[network.key] = forms.CharField(
                label=network.label,
                max_length=200,
                required=False,
                widget=forms.TextInput(
                    attrs={"class": "form-control", "autocomplete": "off", "spellcheck": "false", "placeholder": "@"}
                ),
            )

    def networks(self) -> list[forms.BoundField]:
        return [self[network.key] for network in NETWORKS]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for network in NETWORKS:
            try:
                cleaned[network.key] = parse_username(network, cleaned.get(network.key, ""))
            except forms.ValidationError as error:
                self.add_error(network.key, error)
        return cleaned

    def usernames(self) -> dict[str, str]:
        return {network.key: self.cleaned_data[network.key] for network in NETWORKS}
