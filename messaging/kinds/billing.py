"""Mails about invoices and money."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from messaging.kinds.parts import CUSTOMER_NAME, LINK, Context, Field, Kind, amount, day, method, plain, time
from messaging.templatetags.mail import long_day
from tenants.templatetags.ui import money_text

_NUMBER = plain("number", _("the invoice’s number"))
_PRODUCT = plain("product", _("what it is for"))
_DUE = day("due", _("the day on which it is due"), "due_at")
_METHOD = method("method", _("the payment method, such as “Visa ending in 4242”"))
_INVOICE = frozenset({"customer_name", "number", "product", "amount_minor", "currency", "link"})


def _invoice_sample(link: str, **more: Any) -> Context:
    return {
        "customer_name": gettext("Camille"),
        "number": "INV-1042",
        "product": gettext("Daily paper"),
        "amount_minor": 5749,
        "currency": "CAD",
        "due_at": timezone.now() + timedelta(days=14),
        "method": {"kind": "card", "brand": "visa", "last4": "4242"},
        "link": link,
        **more,
    }


def _open_sample(link: str) -> Context:
    return _invoice_sample(link, charged_at=None)


def _paid_sample(link: str) -> Context:
    return _invoice_sample(link, paid_at=timezone.now(), balance_minor=0)


def _failed_sample(link: str) -> Context:
    next_attempt_at = timezone.now() + timedelta(days=3)
    return _invoice_sample(link, reason="insufficient_funds", next_attempt_at=next_attempt_at, outcome="")


def _credit_sample(link: str) -> Context:
    return {
        "customer_name": gettext("Camille"),
        "number": "CN-1003",
        "invoice_number": "INV-1042",
        "amount_minor": 1999,
        "currency": "CAD",
        "destination": "refund",
        "reason": gettext("Delivered late"),
        "link": link,
    }


#: Why the bank refused, where a customer can do something about it. The code is the gateway's:
#: https://docs.stripe.com/declines/codes
_REASONS = {
    "insufficient_funds": _("The bank says that there are not enough funds."),
    "expired_card": _("The card has expired."),
    "incorrect_cvc": _("The bank did not accept the card’s security code."),
    "invalid_cvc": _("The bank did not accept the card’s security code."),
    "incorrect_zip": _("The postal code does not match the card."),
    "card_velocity_exceeded": _("The card has reached its limit."),
    "withdrawal_count_limit_exceeded": _("The card has reached its limit."),
    "card_not_supported": _("The card cannot be used for this kind of payment."),
    "currency_not_supported": _("The card cannot be charged in this currency."),
    "processing_error": _("The bank could not process the payment just then."),
    "issuer_not_available": _("The bank could not be reached just then."),
    "authentication_required": _("The bank wants you to confirm the payment."),
    "payment_intent_authentication_failure": _("The bank could not confirm that it was you."),
    "no_payment_method": _("There is no payment method that we can charge."),
    "debit_not_authorized": _("The bank says that the debit was not authorised."),
}


def reason_words(code: str) -> str:
    """Why a charge failed, in words for the customer; what they need not know is a plain refusal."""
    return str(_REASONS.get(code) or _("The bank refused the payment."))


def what_next(context: Context) -> str:
    """What happens after a failed charge, unless the customer does something."""
    if context["next_attempt_at"]:
        return gettext("We try again on %(day)s.") % {"day": long_day(context["next_attempt_at"])}
    if context["outcome"] == "cancel":
        return gettext("We do not try again, and the subscription has ended.")
    if context["outcome"] == "unpaid":
        return gettext("We do not try again by ourselves. The subscription waits until it is paid.")
    return gettext("We do not try again by ourselves.")


def destination_words(context: Context) -> str:
    if context["destination"] == "refund":
        return gettext("Goes back to the payment method that you paid with; banks take a few days to show it.")
    return gettext("Is kept to your credit, and taken off your next invoices.")


BILLING_KINDS = (
    Kind(
        name="invoice_open",
        group="billing",
        title=_("New invoice"),
        about=_(
            "An invoice that waits to be paid, or is charged later. One that is charged at once is told of by the "
            "receipt instead. The PDF is attached."
        ),
        needs=_INVOICE | {"due_at", "charged_at"},
        sample=_open_sample,
        fields=(
            CUSTOMER_NAME,
            _NUMBER,
            amount("amount", _("what is to be paid")),
            _DUE,
            day("charged_on", _("the day on which we charge it; empty when we do not"), "charged_at"),
            _PRODUCT,
            LINK,
        ),
        figure="amount",
        details=("number", "product", "due"),
        label=lambda c: gettext("See and pay"),
        subject=_("{{ company }}: invoice {{ number }}"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "Here is your invoice {{ number }} for {{ product }}. It is due on {{ due }}.\n\n"
            "{{ details }}\n\n"
            "{{ button }}"
        ),
    ),
    Kind(
        name="invoice_paid",
        group="billing",
        title=_("Receipt"),
        about=_("An invoice was paid. The receipt and the invoice are attached as PDF."),
        needs=_INVOICE | {"paid_at", "method", "balance_minor"},
        sample=_paid_sample,
        fields=(
            CUSTOMER_NAME,
            _NUMBER,
            amount("amount", _("what was paid")),
            day("paid_on", _("the day on which it was paid"), "paid_at"),
            _METHOD,
            Field(
                "from_balance",
                _("what the customer’s credit paid of it; empty when nothing"),
                lambda c: money_text(c["balance_minor"], c["currency"]) if c["balance_minor"] else "",
            ),
            _PRODUCT,
            LINK,
        ),
        figure="amount",
        details=("number", "product", "paid_on", "method", "from_balance"),
        label=lambda c: gettext("See your purchases"),
        muted_by="receipts",
        subject=_("{{ company }}: receipt for {{ amount }}"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "Thank you. We have received {{ amount }} for {{ product }}; your receipt is attached.\n\n"
            "{{ details }}\n\n"
            "{{ button }}"
        ),
    ),
    Kind(
        name="payment_failed",
        group="billing",
        title=_("Payment failed"),
        about=_("An invoice could not be charged: why, when we try again, and a link to pay it."),
        needs=_INVOICE | {"method", "reason", "next_attempt_at", "outcome"},
        sample=_failed_sample,
        fields=(
            CUSTOMER_NAME,
            _NUMBER,
            amount("amount", _("what is to be paid")),
            _METHOD,
            Field("reason", _("why it failed, in a sentence"), lambda c: reason_words(c["reason"])),
            Field("what_next", _("what happens next, in a sentence"), what_next),
            time("next_attempt", _("when we try again; empty when we do not"), "next_attempt_at"),
            _PRODUCT,
            LINK,
        ),
        figure="amount",
        details=("number", "product", "method"),
        label=lambda c: gettext("Pay now"),
        subject=_("{{ company }}: we could not charge {{ amount }}"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "We could not charge {{ amount }} for {{ product }}. {{ reason }}\n\n"
            "{{ details }}\n\n"
            "{{ what_next }} You can pay it yourself, with this or another payment method:\n\n"
            "{{ button }}"
        ),
    ),
    Kind(
        name="payment_confirm",
        group="billing",
        title=_("Payment to confirm"),
        about=_("The bank wants the customer to confirm a payment: a link to the page where they do."),
        needs=_INVOICE | {"method"},
        sample=_invoice_sample,
        fields=(CUSTOMER_NAME, _NUMBER, amount("amount", _("what is to be paid")), _METHOD, _PRODUCT, LINK),
        figure="amount",
        details=("number", "product", "method"),
        label=lambda c: gettext("Confirm the payment"),
        subject=_("{{ company }}: please confirm a payment of {{ amount }}"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "Your bank wants you to confirm this payment yourself.\n\n"
            "{{ details }}\n\n"
            "{{ button }}"
        ),
    ),
    Kind(
        name="credit_note",
        group="billing",
        title=_("Credit note"),
        about=_("Something of a paid invoice is given back. The credit note is attached as PDF."),
        needs=frozenset(
            {"customer_name", "number", "invoice_number", "amount_minor", "currency", "destination", "reason", "link"}
        ),
        sample=_credit_sample,
        fields=(
            CUSTOMER_NAME,
            plain("number", _("the credit note’s number")),
            plain("invoice_number", _("the invoice’s number")),
            amount("amount", _("what is given back")),
            plain("reason", _("why")),
            Field("where_to", _("where the money goes, in a sentence"), destination_words),
            LINK,
        ),
        figure="amount",
        details=("number", "invoice_number", "reason"),
        label=lambda c: gettext("See your purchases"),
        subject=_("{{ company }}: credit note for {{ amount }}"),
        body=_(
            "Hello {{ customer_name }},\n\n"
            "We give you back {{ amount }} of invoice {{ invoice_number }}. {{ where_to }}\n\n"
            "{{ details }}\n\n"
            "{{ button }}"
        ),
    ),
)
