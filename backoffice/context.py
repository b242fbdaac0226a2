"""What every back-office page shows beside its own content."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from propagation.selectors import attention_count
from tenants.access import Right, may
from tenants.scope import ScopeRequired, current_tenant_id, tenant_scope


def staff(request: HttpRequest) -> dict[str, Any]:
    """The number of changes that need attention, and what the member's role allows. Empty outside the back office."""
    membership = getattr(request, "membership", None)
    if membership is None:
        return {}

    def count() -> int:
        if scope_is_open():
            return attention_count()
        with tenant_scope(membership.tenant_id):
            return attention_count()

    return {
        "attention_count": SimpleLazyObject(count),
        "may_work": may(membership, Right.WORK),
        "may_manage": may(membership, Right.MANAGE),
        "may_own": may(membership, Right.OWN),
    }


def scope_is_open() -> bool:
    """False in pages that call the gateway and so open their scopes themselves."""
    try:
        current_tenant_id()
    except ScopeRequired:
        return False
    return True
