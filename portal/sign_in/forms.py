"""What is typed at the door."""

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.sign_in.passwords import MAX_LENGTH


class EmailForm(forms.Form):
    email = forms.EmailField(
        label=_("Your e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "class": "form-control"}),
        error_messages={"required": _("Enter your e-mail address.")},
    )


class PasswordForm(EmailForm):
    password = forms.CharField(
        label=_("Password"),
        max_length=MAX_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "form-control"}),
        error_messages={"required": _("Enter your password.")},
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "spellcheck": "false",
                "class": "form-control",
            }
        ),
        error_messages={"required": _("Enter the code from our message.")},
    )

    def clean_code(self) -> str:
        digits = "".join(character for character in self.cleaned_data["code"] if character.isdecimal())
        if len(digits) != 6:
            raise forms.ValidationError(_("The code has six digits."), code="length")
        return digits
