"""Mails about subscriptions."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from messaging.kinds.parts import CUSTOMER_NAME, LINK, Context, Field, Kind, day, method, plain
from messaging.templatetags.mail import every, long_day
from tenants.templatetags.ui import money_text

_PRODUCT = plain("product", _("what is subscribed to"))
_NUMBER = plain("number", _("the subscription’s number"))
_SUBSCRIPTION = frozenset(
    {"customer_name", "number", "product", "amount_minor", "currency", "interval", "interval_count", "quantity", "link"}
)


def price_words(context: Context) -> str:
    """The price before tax: "CA$19.99 every month"."""
    words = f"{money_text(context['amount_minor'], context['currency'])} "
    return (words + every(context["interval"], context["interval_count"])).strip()


_PRICE = Field("price", _("what it costs before tax, and how often"), price_words)


def _sample(link: str, **more: Any) -> Context:
    return {
        "customer_name": gettext("Camille"),
        "number": "S-1042",
        "product": gettext("Daily paper"),
        "amount_minor": 1999,
        "currency": "CAD",
        "interval": "month",
        "interval_count": 1,
        "quantity": 1,
        "link": link,
        **more,
    }


def _started_sample(link: str) -> Context:
    paying = {"kind": "card", "brand": "visa", "last4": "4242"}
    return _sample(link, starts_at=None, trial_end=timezone.now() + timedelta(days=14), method=paying)


def _changed_sample(link: str) -> Context:
    resumes_at = timezone.now() + timedelta(days=30)
    return _sample(link, what="paused", resumes_at=resumes_at, next_at=resumes_at)


def _cancelled_sample(link: str) -> Context:
    return _sample(link, has_ended=False, ends_at=timezone.now() + timedelta(days=20), is_unpaid=False)


def change_words(context: Context) -> str:
    """What has happened to the subscription, and when it is charged next."""
    what, resumes_at, next_at = context["what"], context["resumes_at"], context["next_at"]
    if what == "paused" and resumes_at:
        return gettext("It is paused until %(day)s. Until then nothing is charged.") % {"day": long_day(resumes_at)}
    if what == "paused":
        return gettext("It is paused, and nothing is charged until it is resumed.")
    if what == "quantity":
        count = context["quantity"]
        return ngettext(
            "From the next period on it is for %(count)s unit.",
            "From the next period on it is for %(count)s units.",
            count,
        ) % {"count": count}
    first = gettext("It goes on.") if what == "resumed" else gettext("It goes on: the cancellation is undone.")
    return f"{first} {_charged_next(next_at)}".strip()


def _charged_next(next_at: Any) -> str:
    return gettext("The next charge is on %(day)s.") % {"day": long_day(next_at)} if next_at else ""


def end_words(context: Context) -> str:
    """That it has ended, and why; or when it will."""
    on = {"day": long_day(context["ends_at"])}
    if not context["has_ended"]:
        return gettext("It ends on %(day)s, and nothing more is charged. Until then everything stays as it is.") % on
    if context["is_unpaid"]:
        return gettext("It has ended on %(day)s, since it was not paid.") % on
    return gettext("It has ended on %(day)s. Nothing more is charged.") % on


SUBSCRIPTION_KINDS = (
    Kind(
        name="subscription_started",
        group="subscriptions",
        title=_("Subscription started"),
        about=_("A subscription has begun, perhaps with a trial, or will on a day to come."),
        needs=_SUBSCRIPTION | {"starts_at", "trial_end", "method"},
        sample=_started_sample,
        fields=(
            CUSTOMER_NAME,
            _PRODUCT,
            _NUMBER,
            _PRICE,
            day("starts_on", _("the day on which it begins; empty when it has begun"), "starts_at"),
            day("trial_until", _("when the trial ends; empty without one"), "trial_end"),
            method("method", _("the payment method, such as “Visa ending in 4242”")),
            LINK,
        ),
        details=("product", "price", "starts_on", "trial_until", "method"),
        label=lambda c: gettext("See your subscription"),
        subject=_("{{ company }}: {{ product }} has begun"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "Your subscription to {{ product }} has begun. Thank you!\n\n"
            "{{ details }}\n\n"
            "{{ button }}"
        ),
    ),
    Kind(
        name="subscription_changed",
        group="subscriptions",
        title=_("Subscription changed"),
        about=_("A subscription was paused or resumed, continues after all, or changed in quantity."),
        needs=_SUBSCRIPTION | {"what", "resumes_at", "next_at"},
        sample=_changed_sample,
        fields=(
            CUSTOMER_NAME,
            _PRODUCT,
            _NUMBER,
            _PRICE,
            Field("what_happened", _("what happened, in a sentence"), change_words),
            LINK,
        ),
        details=("product", "number", "price"),
        label=lambda c: gettext("See your subscription"),
        muted_by="subscription_changes",
        subject=_("{{ company }}: a change to {{ product }}"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "There is a change to your subscription. {{ what_happened }}\n\n"
            "{{ details }}\n\n"
            "{{ button }}"
        ),
    ),
    Kind(
        name="subscription_cancelled",
        group="subscriptions",
        title=_("Subscription cancelled"),
        about=_("A subscription ends with its period, which can still be undone, or has ended."),
        needs=_SUBSCRIPTION | {"has_ended", "ends_at", "is_unpaid"},
        sample=_cancelled_sample,
        fields=(
            CUSTOMER_NAME,
            _PRODUCT,
            _NUMBER,
            day("ends_on", _("the day on which it ends, or has ended"), "ends_at"),
            Field("what_happened", _("what happened, in a sentence"), end_words),
            LINK,
        ),
        details=("product", "number", "ends_on"),
        label=lambda c: gettext("See your subscription") if c["has_ended"] else gettext("Keep the subscription"),
        subject=_("{{ company }}: {{ product }} is cancelled"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "Your subscription to {{ product }} is cancelled. {{ what_happened }}\n\n"
            "{{ details }}\n\n"
            "{{ button }}"
        ),
    ),
)
