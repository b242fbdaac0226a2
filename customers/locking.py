"""Holding a customer's row, so that what is done to one customer is done one after the other."""

from typing import Literal
from uuid import UUID

from django.db import connection

from customers.errors import CustomerDeleted
from customers.models import Customer
from tenants.scope import current_tenant_id


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


def lock_row(customer_id: UUID, strength: Literal["KEY SHARE", "NO KEY UPDATE", "NO KEY UPDATE SKIP LOCKED"]) -> bool:
    """Hold the row as strongly as https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS says, in
    the open scope; False when it is not there or, with SKIP LOCKED, held by someone else. Django knows no KEY SHARE.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM customers_customer WHERE tenant_id = %s AND id = %s FOR {strength}",  # noqa: S608
            [current_tenant_id(), customer_id],
        )
        return cursor.fetchone() is not None
