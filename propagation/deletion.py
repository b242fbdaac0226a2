"""Customers with a change under way are not deleted: its steps would be lost."""

from django.utils.translation import gettext as _

from customers.deletion import DeletionBlocker
from customers.models import Customer
from propagation.models import Change, ChangeState


def open_changes_keep(customer: Customer) -> list[DeletionBlocker]:
    changes = Change.objects.filter(
        customer=customer, state__in=[ChangeState.IN_PROGRESS, ChangeState.NEEDS_ATTENTION]
    ).order_by("number")
    sentence = _("Change %(number)s is not finished.")
    return [DeletionBlocker("change", change.pk, sentence % {"number": change.short_number}) for change in changes]
