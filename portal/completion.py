"""What a method entered in the portal, at a checkout or on a pay page does once the gateway has confirmed it."""

from payments.models import CardSetup
from portal.methods.views import SOURCE
from portal.offers import checkouts
from portal.pay import entry
from propagation.card_setups import register_purpose
from propagation.models import Change
from tenants.actors import Actor


def claim_method(setup: CardSetup, actor: Actor) -> bool:
    """A method that a customer adds to their own is always kept."""
    return True


def nothing_more(setup: CardSetup, change: Change) -> None:
    """The change moves what it is to pay for."""


def register_purposes() -> None:
    register_purpose(SOURCE, claim=claim_method, link=nothing_more)
    register_purpose(checkouts.PURPOSE, claim=checkouts.claim_checkout, link=checkouts.finish_with_new_method)
    for purpose in (entry.PURPOSE, entry.SIGNED_IN_PURPOSE):
        register_purpose(purpose, claim=entry.claim_invoice, link=entry.charge_invoice)
