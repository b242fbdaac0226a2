"""Where an invitation may be sent: an e-mail address, and a phone that receives text messages."""

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _
from phonenumbers import PhoneNumberType

from customers.validation import parse_phone
from invitations.errors import InvitationError

#: Kinds of number that never receive text messages. "Fixed line or mobile" (North America) may.
NOT_FOR_TEXTS = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PAGER,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)


def check_email(typed: str) -> str:
    """The address to write to. Raises InvitationError `no_email` or `bad_email`."""
    email = typed.strip()
    if not email:
        message = _("This customer has no e-mail address. Add one to invite them.")
        raise InvitationError("no_email", message, {"email": message})
    try:
        validate_email(email)
    except ValidationError as error:
        message = _("This is not an e-mail address. Check it.")
        raise InvitationError("bad_email", message, {"email": message}) from error
    return email


def check_phone(typed: str, region: str, *, for_text_message: bool) -> str:
    """The number in E.164, or "" when there is none and none is needed. `region` is where numbers without + are from.

    Raises InvitationError `bad_phone` or `landline`.
    """
    try:
        phone = parse_phone(typed, region)
    except ValidationError as error:
        sentence = " ".join(error.messages)
        raise InvitationError("bad_phone", sentence, {"phone": sentence}) from error
    if not for_text_message:
        return phone
    if not phone:
        message = _("There is no phone number to send a text message to. Add one, or send an e-mail only.")
        raise InvitationError("bad_phone", message, {"phone": message})
    if phonenumbers.number_type(phonenumbers.parse(phone)) in NOT_FOR_TEXTS:
        message = _("This number cannot receive text messages. Use a mobile number, or send an e-mail only.")
        raise InvitationError("landline", message, {"phone": message})
    return phone
