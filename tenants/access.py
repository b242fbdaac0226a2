"""What a role may do in the back office, and the decorators by which each view says what it needs."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from django.http import HttpRequest

from tenants.actors import Actor
from tenants.models import Membership, Role, Tenant, User

type View = Callable[..., Any]


class Right(IntEnum):
    """Each includes those before it; the value is the least role's rank."""

    VIEW = 0  # see everything of the tenant
    WORK = 1  # customers, payment methods, invitations, retries
    MANAGE = 2  # waive steps, tenant settings, products
    OWN = 3  # staff, gateway keys


class StaffRequest(HttpRequest):
    """A request to a back-office page, as StaffScopeMiddleware completes it."""

    tenant: Tenant
    membership: Membership
    user: User
    user_tenants: list[Tenant]
    actor: Actor
    htmx: Any


def may(membership: Membership, right: Right) -> bool:
    return Role(membership.role).rank >= right


def needs(right: Right, *, gateway: bool = False) -> Callable[[View], View]:
    """Declare the right that a back-office view needs; a view without one is never served.

    A view with `gateway=True` calls the gateway, so no transaction is opened around it: it opens `tenant_scope()`
    itself, before and after the call.
    """

    def mark(view: View) -> View:
        view.needed_right = right  # type: ignore[attr-defined]
        view.opens_own_scope = gateway  # type: ignore[attr-defined]
        return view

    return mark
