"""Customers with a card on file are not deleted, or the gateway would keep it for nobody."""

from django.utils.translation import gettext as _

from customers.deletion import DeletionBlocker
from customers.models import Customer
from payments.models import PaymentProfile, ProfileState


def profiles_keep(customer: Customer) -> list[DeletionBlocker]:
    profiles = PaymentProfile.objects.filter(customer=customer, state=ProfileState.ACTIVE).order_by("id")
    sentence = _("%(card)s is still on file at the payment gateway. Delete it first.")
    return [DeletionBlocker("payment_profile", profile.pk, sentence % {"card": profile}) for profile in profiles]
