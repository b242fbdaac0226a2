"""Holding a customer's row, so that what is done to one customer is done one after the other."""

from uuid import UUID

from customers.errors import CustomerDeleted
from customers.models import Customer


def lock_customer(customer_id: UUID, *, for_deletion: bool = False) -> Customer:
    """The customer as stored, held until the transaction ends; in the open scope.

    What only refers to the customer goes on meanwhile, unless the customer is held `for_deletion`; a deletion waits,
    and one that was quicker is waited for.
    Raises CustomerDeleted.
    """
    customer = Customer.objects.select_for_update(no_key=not for_deletion).filter(pk=customer_id).first()
    if customer is None:
        raise CustomerDeleted
    return customer
