"""allauth's forms in the words of the house."""

from typing import Any

from allauth.account import forms as account
from django.utils.translation import gettext_lazy as _


class LoginForm(account.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _say_e_mail(self, "login")


class ResetPasswordForm(account.ResetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _say_e_mail(self, "email")


class AddEmailForm(account.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _say_e_mail(self, "email")


def _say_e_mail(form: Any, name: str) -> None:
    form.fields[name].label = _("E-mail address")
    form.fields[name].widget.attrs.pop("placeholder", None)
