"""What can go wrong at the gateway, in our own terms.

The question that matters to callers is whether the call may have had its effect: see `UnknownOutcome`.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(eq=False)
class GatewayError(Exception):
    """`code` is stable; `gateway_message` is the gateway's own words, for staff; `request_id` finds it in its log.

    `retry_after` is in seconds, when the gateway asked for a pause. `param` is the parameter that the gateway names.
    """

    code: str = "gateway_error"
    gateway_message: str = ""
    request_id: str = ""
    retry_after: float | None = None
    param: str = ""

    #: Whether the same request, under the same key, is worth sending again.
    transient = False

    def __str__(self) -> str:
        return f"{self.code}: {self.gateway_message}"

    @property
    def message(self) -> str | Promise:
        """One sentence that a person can be shown."""
        return explain(self.code)


class Declined(GatewayError):
    """The card's issuer said no; `code` is Stripe's decline code."""


class NeedsAuthentication(GatewayError):
    """The issuer wants the customer present."""


class Gone(GatewayError):
    """The gateway does not know, or no longer knows, the thing."""


class Refused(GatewayError):
    """The gateway will not do this, whenever asked."""


class BadKeys(GatewayError):
    """The account's keys are wrong, revoked, or lack the right."""


class RateLimited(GatewayError):
    """Too many calls; nothing happened."""

    transient = True


class Busy(GatewayError):
    """Another call holds the object, or the same key is in use; nothing more happened."""

    transient = True


class Unavailable(GatewayError):
    """The gateway could not be reached; nothing happened."""

    transient = True


@dataclass(eq=False)
class UnknownOutcome(GatewayError):
    """The call was sent and no usable answer came: it may or may not have had its effect.

    `answered` is true when an answer (a 5xx) was stored under the key at the gateway, so that the same key would only
    replay it: read the state, then use a new key.
    """

    answered: bool = False

    transient = True


#: What a step fails with until an owner connects keys that the gateway accepts.
KEY_ERRORS = ("bad_keys", "no_gateway_account")

_EXPLANATIONS = {
    "generic_decline": _("The card was declined. Ask the bank why, or use another card."),
    "insufficient_funds": _("There are not enough funds. Use another payment method, or try again later."),
    "lost_card": _("The bank declined the card. Use another card."),
    "stolen_card": _("The bank declined the card. Use another card."),
    "expired_card": _("The card has expired. Check the date, or use another card."),
    "incorrect_cvc": _("The security code (CVC) is not right. Check it and try again."),
    "invalid_cvc": _("The security code (CVC) is not right. Check it and try again."),
    "incorrect_number": _("The card number is not right. Check it and try again."),
    "invalid_number": _("The card number is not right. Check it and try again."),
    "invalid_expiry_month": _("The expiry month is not right. Check it and try again."),
    "invalid_expiry_year": _("The expiry year is not right. Check it and try again."),
    "incorrect_zip": _("The postal code does not match the card. Check it and try again."),
    "processing_error": _("The bank could not process the card just now. Try again in a moment."),
    "card_velocity_exceeded": _("The card has reached its limit. Use another card, or try again later."),
    "do_not_honor": _("The card was declined. Ask the bank why, or use another card."),
    "card_not_supported": _("This card cannot be used for this kind of payment. Use another card."),
    "fraudulent": _("The card was declined. Ask the bank why, or use another card."),
    "authentication_required": _("The bank wants the customer to confirm this payment in person."),
    "setup_intent_authentication_failure": _(
        "The bank could not confirm that it was you. Try again, or use another card."
    ),
    "payment_intent_authentication_failure": _(
        "The bank could not confirm the payment. Try again, or use another card."
    ),
    "account_closed": _("The bank account has been closed. Use another payment method."),
    "no_account": _("The bank does not know this account. Check the number, or use another payment method."),
    "debit_not_authorized": _("The bank was told not to let this account be debited. Use another payment method."),
    "generic_could_not_process": _("The bank could not process the debit. Ask the bank why, or use another account."),
    "charge_exceeds_source_limit": _("The account has reached its limit. Try again later, or use another one."),
    "charge_exceeds_weekly_limit": _("The account has reached its limit. Try again later, or use another one."),
    "invalid_bank_account_iban": _("The IBAN is not right. Check it and try again."),
    "routing_number_invalid": _("The routing number is not right. Check it and try again."),
    "account_number_invalid": _("The account number is not right. Check it and try again."),
    "payment_intent_incompatible_payment_method": _("This kind of payment method cannot pay in this currency."),
    "payment_method_microdeposit_failed": _(
        "The small deposit could not be sent to this account. Check its numbers, or use another payment method."
    ),
    "payment_method_microdeposit_verification_attempts_exceeded": _(
        "The bank account was not verified: too many wrong answers. Enter it again, or use another payment method."
    ),
    "payment_method_microdeposit_verification_timeout": _(
        "The bank account was not verified in time. Enter it again, or use another payment method."
    ),
    "no_payment_method": _("There is no payment method to charge."),
    "amount_too_small": _("The amount is less than the payment gateway charges."),
    "resource_missing": _("The payment gateway no longer knows this."),
    "rate_limited": _("The payment gateway asked us to slow down. We try again by ourselves."),
    "busy": _("The payment gateway is still busy with this. We try again by ourselves."),
    "unavailable": _("The payment gateway cannot be reached. We try again by ourselves."),
    "unknown_outcome": _("The payment gateway did not answer in time. We check what happened before trying again."),
    "bad_keys": _("The payment gateway does not accept this account's keys. An owner can set them in the settings."),
    "no_gateway_account": _("No payment gateway is connected yet. An owner can connect one in the settings."),
}


def explain(code: str) -> str | Promise:
    """One sentence for a gateway error code or decline code (https://docs.stripe.com/declines/codes)."""
    return _EXPLANATIONS.get(code, _("The payment gateway refused this."))


#: What only staff can mend, or what mends itself, says little to the person who pays.
_FOR_CUSTOMERS = {
    "authentication_required": _("Your bank wants you to confirm this payment."),
    "payment_intent_incompatible_payment_method": _(
        "This payment method cannot pay in this currency. Use another one."
    ),
} | dict.fromkeys(
    ("rate_limited", "busy", "unavailable", "unknown_outcome"),
    _("This could not be completed just then. Try again in a moment."),
)
_NOT_THEIRS = ("amount_too_small", "resource_missing", *KEY_ERRORS)


def explain_to_customer(code: str) -> str | Promise:
    """The same for whoever pays: what they can do about it, and nothing of how we are connected."""
    known = _FOR_CUSTOMERS.get(code) or (None if code in _NOT_THEIRS else _EXPLANATIONS.get(code))
    return known or _("This did not work. Use another payment method, or try again later.")
