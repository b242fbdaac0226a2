"""What stands in the way of deleting a customer. Packages above register what they know of."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.utils.functional import Promise

from customers.models import Customer


@dataclass(frozen=True)
class DeletionBlocker:
    """One thing that depends on the customer: `kind` ("subscription", "invoice", ...), its id, and a sentence."""

    kind: str
    object_id: UUID
    sentence: str | Promise


type Guard = Callable[[Customer], list[DeletionBlocker]]
_guards: list[Guard] = []


def register_deletion_guard(guard: Guard) -> Guard:
    """Have `guard` asked before a customer is deleted. Call it from an app's ready(); usable as a decorator."""
    if guard not in _guards:
        _guards.append(guard)
    return guard


def deletion_blockers(customer: Customer) -> list[DeletionBlocker]:
    """Everything that stands in the way, in the order of registration."""
    return [blocker for guard in _guards for blocker in guard(customer)]
