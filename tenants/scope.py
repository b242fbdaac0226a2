"""The tenant scope: which tenant's rows the database lets the current transaction see and write.

PostgreSQL's row-level security compares every row's tenant with the setting `app.tenant_id`, which lives only as long
as the transaction, so that a transaction-pooling proxy may stand between. Without a scope no tenant row exists.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import connection, transaction

_tenant_id: ContextVar[UUID | None] = ContextVar("tenant_id", default=None)


class ScopeRequired(RuntimeError):
    """Tenant data was wanted where no tenant scope is open."""


def current_tenant_id() -> UUID:
    """The open scope's tenant. Raises ScopeRequired outside a scope."""
    tenant_id = _tenant_id.get()
    if tenant_id is None:
        raise ScopeRequired("Open a tenant_scope() first: tenant data exists only inside one.")
    return tenant_id


def _set_local(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


@contextmanager
def tenant_scope(tenant_id: UUID) -> Iterator[None]:
    """Open a transaction in which only this tenant's rows exist; on leaving, an outer scope is restored.

    When the block raises, the savepoint's or transaction's rollback restores the setting, even if the transaction was
    aborted and could take no further statement.
    """
    outer = _tenant_id.get()
    with transaction.atomic():
        nested = len(connection.savepoint_ids) > 0 or outer is not None
        _set_local("app.tenant_id", str(tenant_id))
        token = _tenant_id.set(tenant_id)
        try:
            yield
        finally:
            _tenant_id.reset(token)
        if nested:
            _set_local("app.tenant_id", str(outer) if outer else "")


@contextmanager
def own_memberships_scope(user_id: UUID) -> Iterator[None]:
    """Let a staff member see their own memberships, of whichever tenant, and nothing else."""
    with transaction.atomic():
        _set_local("app.user_id", str(user_id))
        yield
        if not connection.needs_rollback:
            _set_local("app.user_id", "")


class OpenTransaction(RuntimeError):
    """A network call was about to be made while a database transaction is open."""


def forbid_open_transaction() -> None:
    """Raise OpenTransaction when one is open: no gateway, mail or SMS call may hold locks and connections.

    The transaction that a test case wraps around itself does not count.
    """
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        raise OpenTransaction("No network call may be made inside a database transaction.")
