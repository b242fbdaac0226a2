"""Forms of the settings about invoices, failed payments and the portal. They clean input and save nothing."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backoffice.organisation.forms import SettingsForm, fields_of
from tenants.form_fields import WholeNumberField
from tenants.models import DunningOutcome, MethodKind, PortalCancellation, Tenant
from tenants.stylesheets import BadCss, sanitise_css
from tenants.text import on_one_line

MOST_RETRIES = 10
LAST_RETRY_DAY = 60
LONGEST_TERMS = 120

_BILLING = (
    (
        "payment",
        _("Payment"),
        _("How customers pay, and how long they may take."),
        ["method_kinds", "payment_terms_days", "ask_consent"],
    ),
    (
        "invoices",
        _("On invoices"),
        _("Printed on every new invoice; invoices already issued keep what they say."),
        ["legal_name", "legal_address", "tax_numbers", "invoice_note_en", "invoice_note_fr"],
    ),
)
_DUNNING = (
    (
        "retries",
        _("When a payment fails"),
        _("We charge again by this schedule, and tell the customer each time."),
        ["dunning_retry_days", "dunning_invites", "dunning_outcome"],
    ),
)
_PORTAL = (
    (
        "sections",
        _("What customers find"),
        "",
        ["portal_shows_payment", "portal_shows_offers", "portal_shows_social"],
    ),
    ("cancelling", _("Cancelling"), "", ["portal_cancellation"]),
    ("style", _("Own style"), "", ["portal_css"]),
)


class BillingSettingsForm(SettingsForm):
    """Payment methods, terms, and what invoices say of the organisation."""

    SECTIONS = _BILLING
    method_kinds = forms.MultipleChoiceField(
        label=_("Customers may pay by"),
        choices=MethodKind.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one way to pay.")},
    )
    payment_terms_days = WholeNumberField(
        label=_("Days to pay"),
        least=0,
        most=LONGEST_TERMS,
        help_text=_("Days between an invoice and its charge. 0 charges it at once."),
    )

    class Meta:
        model = Tenant
        fields = fields_of(_BILLING)
        widgets = {
            "legal_address": forms.Textarea(attrs={"rows": 4}),
        }
        help_texts = {
            "ask_consent": _("They tick which subscriptions and past-due amounts go to the new payment method."),
            "legal_name": _("Left empty, the organisation's name is printed."),
            "tax_numbers": _("Such as GST 123456789 RT0001 · QST 1234567890 TQ0001."),
            "invoice_note_en": _("A sentence at the foot, such as how to reach your accounts department."),
            "invoice_note_fr": _("On invoices in French. Left empty, the English note is printed."),
        }

    def clean_legal_name(self) -> str:
        return on_one_line(self.cleaned_data["legal_name"])

    def clean_legal_address(self) -> str:
        lines = (on_one_line(line) for line in self.cleaned_data["legal_address"].splitlines())
        return "\n".join(line for line in lines if line)

    def clean_tax_numbers(self) -> str:
        return on_one_line(self.cleaned_data["tax_numbers"])

    def clean_invoice_note_en(self) -> str:
        return on_one_line(self.cleaned_data["invoice_note_en"])

    def clean_invoice_note_fr(self) -> str:
        return on_one_line(self.cleaned_data["invoice_note_fr"])


class RetryDaysField(forms.CharField):
    """Days after the first failure, typed as "1, 3, 5, 7"; cleaned to a list of integers, empty for no retry."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(str(day) for day in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        parts = [part for part in re.split(r"[\s,;]+", super().to_python(value) or "") if part]
        if any(not re.fullmatch(r"[0-9]{1,4}", part) for part in parts):
            raise forms.ValidationError(_("Write whole days between commas, such as 1, 3, 5, 7."), code="not_days")
        days = [int(part) for part in parts]
        if any(not 1 <= day <= LAST_RETRY_DAY for day in days):
            message = _("Each day must be between 1 and %(last)s.")
            raise forms.ValidationError(message, code="out_of_range", params={"last": LAST_RETRY_DAY})
        if days != sorted(set(days)):
            raise forms.ValidationError(_("Each day must come after the one before it."), code="not_ascending")
        if len(days) > MOST_RETRIES:
            message = _("At most %(most)s retries: banks refuse a card that is tried again and again.")
            raise forms.ValidationError(message, code="too_many", params={"most": MOST_RETRIES})
        return days

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or []))
        except forms.ValidationError:
            return True


class DunningForm(SettingsForm):
    """What happens when an invoice cannot be collected."""

    SECTIONS = _DUNNING
    dunning_retry_days = RetryDaysField(
        label=_("Charge again on these days"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("Days after the first failure, between commas. Left empty, nothing is charged again."),
    )
    dunning_outcome = forms.ChoiceField(
        label=_("When the last charge fails too"), choices=DunningOutcome.choices, widget=forms.RadioSelect
    )

    class Meta:
        model = Tenant
        fields = fields_of(_DUNNING)
        help_texts = {
            "dunning_invites": _("With a link to put in another card. Otherwise an e-mail tells them what failed."),
        }


class PortalForm(SettingsForm):
    """What customers find and may do in their portal, and how it looks."""

    SECTIONS = _PORTAL
    portal_cancellation = forms.ChoiceField(
        label=_("Customers may cancel a subscription"), choices=PortalCancellation.choices, widget=forms.RadioSelect
    )
    portal_css = forms.CharField(
        label=_("Style sheet (CSS)"),
        max_length=20_000,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "class": "code-area", "spellcheck": "false", "wrap": "off"}),
        help_text=_("Colours, type, spacing, borders. Addresses and imports are refused."),
    )

    class Meta:
        model = Tenant
        fields = fields_of(_PORTAL)
        help_texts = {
            "portal_shows_payment": _("Customers see, add and replace their payment methods."),
            "portal_shows_offers": _("Customers can subscribe to the prices that you offer there."),
            "portal_shows_social": _("Customers can tell a little about themselves, and their names elsewhere."),
        }

    def clean_portal_css(self) -> str:
        try:
            return sanitise_css(self.cleaned_data["portal_css"])
        except BadCss as error:
            self.fields["portal_css"].widget.attrs["data-error-line"] = str(error.line)
            raise forms.ValidationError(str(error), code=error.code) from error
