"""Every kind of mail that customers get: what it is for, what may be written into it, who may switch it off.

Tenants may replace the subject and the text of each by their own words, in each language: see `messaging.own_words`.
Mails to staff are not among them.
"""

from messaging.kinds.account import ACCOUNT_KINDS
from messaging.kinds.billing import BILLING_KINDS
from messaging.kinds.methods import METHOD_KINDS
from messaging.kinds.parts import BUTTON, DETAILS, Context, Field, Kind
from messaging.kinds.subscriptions import SUBSCRIPTION_KINDS

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (*METHOD_KINDS, *BILLING_KINDS, *SUBSCRIPTION_KINDS, *ACCOUNT_KINDS)
}

__all__ = ["BUTTON", "DETAILS", "KINDS", "Context", "Field", "Kind"]
