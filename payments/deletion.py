"""Customers with a card on file, or one being entered, are not deleted, or the gateway would keep it for nobody."""

from django.utils.translation import gettext as _

from customers.deletion import DeletionBlocker
from customers.models import Customer
from payments.models import CardSetup, PaymentProfile, ProfileState, SetupState


def profiles_keep(customer: Customer) -> list[DeletionBlocker]:
    profiles = PaymentProfile.objects.filter(customer=customer, state=ProfileState.ACTIVE).order_by("id")
    sentence = _("%(card)s is still on file at the payment gateway. Delete it first.")
    return [DeletionBlocker("payment_profile", profile.pk, sentence % {"card": profile}) for profile in profiles]


def card_entries_keep(customer: Customer) -> list[DeletionBlocker]:
    entry = CardSetup.objects.filter(customer=customer, state=SetupState.OPEN).first()
    sentence = _("A card is being entered for this customer. Revoke the invitation, or wait until that has ended.")
    return [DeletionBlocker("card_setup", entry.pk, sentence)] if entry else []
