"""Who is given a free trial."""

from collections.abc import Set as AbstractSet
from uuid import UUID


def free_days(trial_days: int, product_id: UUID, tried: AbstractSet[UUID]) -> int:
    """The days for which a price of this product is free to a customer who has tried those products before: a product
    is tried once, whichever of its prices it was, and whether or not the trial was used to its end.
    """
    return 0 if product_id in tried else trial_days
