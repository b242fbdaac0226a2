"""Mails about payment methods."""

from collections.abc import Iterable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from messaging.kinds.parts import CUSTOMER_NAME, LINK, Context, Field, Kind, method, time
from messaging.templatetags.mail import done_of_kind, method_words
from tenants.templatetags.ui import money_text


def _invitation_sample(link: str) -> Context:
    return {
        "customer_name": gettext("Camille"),
        "method": {"brand": "visa", "last4": "4242"},
        "unpaid": [],
        "link": link,
        "expires_at": timezone.now() + timedelta(days=3),
    }


def _updated_sample(link: str) -> Context:
    customer = SimpleNamespace(first_name=gettext("Camille"), name=gettext("Camille"))
    product = SimpleNamespace(name=gettext("Daily paper"))
    change = SimpleNamespace(
        new_profile=SimpleNamespace(brand="amex", last4="8431"), old_profile=SimpleNamespace(brand="visa", last4="4242")
    )
    subscription = SimpleNamespace(price=SimpleNamespace(product=product))
    return {
        "customer": customer,
        "change": change,
        "steps": [SimpleNamespace(kind="subscription", state="done", subscription=subscription)],
    }


def _moved(steps: Iterable[Any]) -> str:
    return ", ".join(step.subscription.price.product.name for step in done_of_kind(steps, "subscription"))


def _collected(steps: Iterable[Any]) -> str:
    return ", ".join(step.invoice.short_number for step in done_of_kind(steps, "invoice_collect"))


def _unpaid(invoices: Iterable[Any]) -> str:
    return ", ".join(f"{one.short_number} ({money_text(one.amount_due_minor, one.currency)})" for one in invoices)


METHOD_KINDS = (
    Kind(
        name="invitation",
        group="methods",
        title=_("Invitation"),
        about=_("A customer is asked for a new payment method: their personal link, and which card it is about."),
        needs=frozenset({"customer_name", "method", "unpaid", "link", "expires_at"}),
        sample=_invitation_sample,
        fields=(
            CUSTOMER_NAME,
            method("method", _("the payment method to be replaced; empty when the first one is asked for")),
            Field(
                "unpaid",
                _("the invoices that are late, with their amounts; empty when there are none"),
                lambda c: _unpaid(c["unpaid"]),
            ),
            time("expires", _("until when the link works"), "expires_at"),
            LINK,
        ),
        label=lambda c: gettext("Update payment method") if c["method"] else gettext("Add payment method"),
        own_template=True,
        subject=_("{{ company }}: update your payment method"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "Please enter the card that we are to charge from now on. It takes a minute. "
            "You need no account and no password.\n\n"
            "{{ button }}\n\n"
            "This link is only for you and works once, until {{ expires }}."
        ),
    ),
    Kind(
        name="payment_method_updated",
        group="methods",
        title=_("Payment method saved"),
        about=_("A customer has changed their payment method: what it pays for from now on, what was paid with it."),
        needs=frozenset({"change", "customer", "steps"}),
        sample=_updated_sample,
        fields=(
            Field("customer_name", CUSTOMER_NAME.about, lambda c: c["customer"].first_name or c["customer"].name),
            Field("method", _("the new payment method"), lambda c: method_words(c["change"].new_profile)),
            Field(
                "old_method",
                _("the one that it took the place of; empty when there was none"),
                lambda c: method_words(c["change"].old_profile),
            ),
            Field("subscriptions", _("what it pays for from now on"), lambda c: _moved(c["steps"])),
            Field("invoices", _("the invoices that were paid with it"), lambda c: _collected(c["steps"])),
        ),
        muted_by="method_updates",
        own_template=True,
        subject=_("{{ company }}: your {{ method }} is saved"),
        body=_(
            "Hello {{ customer_name }},\n\nYour {{ method }} is saved. If this was not you, please tell us at once."
        ),
    ),
)
