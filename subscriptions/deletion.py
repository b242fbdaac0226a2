"""Customers with subscriptions, invoices or a balance are not deleted."""

from django.utils.translation import gettext as _

from customers.deletion import DeletionBlocker
from customers.models import Customer
from subscriptions.models import BalanceEntry, Invoice, Subscription, SubscriptionState

SHOWN_INVOICES = 3


def subscriptions_keep(customer: Customer) -> list[DeletionBlocker]:
    """Each subscription, also an ended one, since what was billed must be kept."""
    subscriptions = Subscription.objects.filter(customer=customer).select_related("price__product").order_by("number")
    return [DeletionBlocker("subscription", item.pk, _subscription_sentence(item)) for item in subscriptions]


def _subscription_sentence(subscription: Subscription) -> str:
    about = {
        "number": subscription.short_number,
        "product": subscription.price.product.name,
        "state": subscription.get_state_display().lower(),
    }
    if subscription.state == SubscriptionState.CANCELLED:
        return _("Subscription %(number)s (%(product)s) is cancelled, but what was billed must be kept.") % about
    return _("Subscription %(number)s (%(product)s) is %(state)s. Cancel it first.") % about


def invoices_keep(customer: Customer) -> list[DeletionBlocker]:
    """The first few invoices: the law wants them kept."""
    invoices = Invoice.objects.filter(customer=customer).order_by("number")[:SHOWN_INVOICES]
    return [
        DeletionBlocker("invoice", item.pk, _("Invoice %(number)s must be kept.") % {"number": item.short_number})
        for item in invoices
    ]


def balance_keeps(customer: Customer) -> list[DeletionBlocker]:
    """The ledger of a balance is never changed, even one that has come to nothing."""
    entry = BalanceEntry.objects.filter(customer=customer).order_by("-created_at").first()
    if entry is None:
        return []
    return [DeletionBlocker("balance", entry.pk, _("What was credited to or taken from their balance must be kept."))]
