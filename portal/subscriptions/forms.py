"""Why a customer leaves."""

from django import forms
from django.utils.translation import gettext_lazy as _

from subscriptions.models import CancelReason

#: What a customer may answer; that it was not paid is for the billing run to say.
REASONS = [(reason.value, reason.label) for reason in CancelReason if reason != CancelReason.UNPAID]


class CancelForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("Why are you leaving?"),
        choices=REASONS,
        widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
        error_messages={"required": _("Choose a reason; it helps us do better.")},
    )
    comment = forms.CharField(
        label=_("Anything you would like to add"),
        required=False,
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control"}),
    )
