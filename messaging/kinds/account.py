"""Mails about a customer's way into the portal and their address."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from messaging.kinds.parts import CUSTOMER_NAME, LINK, Context, Field, Kind, plain, time
from messaging.templatetags.mail import clock_time

#: What `password_changed` may tell.
PASSWORD_SET, PASSWORD_REMOVED = "set", "removed"

_EXPIRES = time("expires", _("until when it works"), "expires_at")


def _sign_in_sample(link: str) -> Context:
    return {
        "customer_name": gettext("Camille"),
        "code": "482 913",
        "link": link,
        "expires_at": timezone.now() + timedelta(minutes=10),
    }


def _confirm_sample(link: str) -> Context:
    return {
        "customer_name": gettext("Camille"),
        "new_email": "camille@example.com",
        "link": link,
        "expires_at": timezone.now() + timedelta(hours=24),
    }


def _told_sample(link: str) -> Context:
    return {"customer_name": gettext("Camille"), "new_email": "camille@example.com", "link": link}


def _password_sample(link: str) -> Context:
    return {"customer_name": gettext("Camille"), "what": PASSWORD_SET, "link": link}


def password_words(context: Context) -> str:
    if context["what"] == PASSWORD_REMOVED:
        return gettext(
            "The password of your account was removed. From now on you sign in by a code that we send you. "
            "Wherever else you were signed in, you have been signed out."
        )
    return gettext(
        "A password was set for your account. You can still sign in by a code that we send you. "
        "Wherever else you were signed in, you have been signed out."
    )


ACCOUNT_KINDS = (
    Kind(
        name="portal_sign_in",
        group="account",
        title=_("Sign-in code"),
        about=_("A customer signs in to the portal: the code to type, and a link that does the same."),
        needs=frozenset({"customer_name", "code", "link", "expires_at"}),
        sample=_sign_in_sample,
        fields=(
            CUSTOMER_NAME,
            plain("code", _("the code to type"), is_secret=True, is_required=True),
            Field("expires", _("until when it works, by the clock"), lambda c: clock_time(c["expires_at"])),
            LINK,
        ),
        figure="code",
        label=lambda c: gettext("Sign in"),
        keeps_no_text=True,
        subject=_("{{ company }}: your sign-in code"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "Type this code, or press the button:\n\n"
            "**{{ code }}**\n\n"
            "{{ button }}\n\n"
            "It works until {{ expires }}. If you did not ask for it, ignore this mail."
        ),
    ),
    Kind(
        name="email_change_confirm",
        group="account",
        title=_("Confirm a new address"),
        about=_("A customer changes their e-mail address: sent to the new one, which counts once it is confirmed."),
        needs=frozenset({"customer_name", "new_email", "link", "expires_at"}),
        sample=_confirm_sample,
        fields=(CUSTOMER_NAME, plain("new_email", _("the new address")), _EXPIRES, LINK),
        label=lambda c: gettext("Confirm this address"),
        subject=_("{{ company }}: confirm your new e-mail address"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "Please confirm that **{{ new_email }}** is yours. Until then your mail goes to the address that you had."
            "\n\n{{ button }}\n\n"
            "The link works until {{ expires }}."
        ),
    ),
    Kind(
        name="email_change_told",
        group="account",
        title=_("Address changed"),
        about=_("A customer’s e-mail address has changed: sent to the old one, so that nobody takes over an account."),
        needs=frozenset({"customer_name", "new_email", "link"}),
        sample=_told_sample,
        fields=(CUSTOMER_NAME, plain("new_email", _("the new address")), LINK),
        label=lambda c: gettext("Open your account"),
        subject=_("{{ company }}: your e-mail address has changed"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "From now on your mail goes to **{{ new_email }}**. If this was not you, please tell us at once."
            "\n\n{{ button }}"
        ),
    ),
    Kind(
        name="password_changed",
        group="account",
        title=_("Password changed"),
        about=_("A customer has set, changed or removed the password of their account."),
        needs=frozenset({"customer_name", "what", "link"}),
        sample=_password_sample,
        fields=(
            CUSTOMER_NAME,
            Field("what_happened", _("what happened, in a sentence"), password_words),
            LINK,
        ),
        label=lambda c: gettext("Open your account"),
        subject=_("{{ company }}: your password"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "{{ what_happened }} If this was not you, please tell us at once.\n\n"
            "{{ button }}"
        ),
    ),
)
