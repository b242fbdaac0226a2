"""Forms about a saved method. No card number is ever typed into a page of ours."""

from django import forms
from django.utils.translation import gettext_lazy as _

from payments.forms import MethodForm


class EditProfileForm(MethodForm):
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=300, help_text=_("Kept with the change, for your colleagues.")
    )
