"""The one path that looks across tenants: which of them have work waiting. It yields tenant ids only."""

from uuid import UUID

import structlog
from django.db import connection

log = structlog.get_logger(__name__)


def tenants_with_due(name: str) -> list[UUID]:
    """Ids of tenants for which the database function `due_tenants_<name>` finds a due row, in random order.

    `name` is one of those laid by `FindDueTenants` in a migration; it never comes from a request.
    """
    if not name.isidentifier():
        raise ValueError(name)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT due_tenants_{name}()")
        found = [row[0] for row in cursor.fetchall()]
    if found:
        log.info("tenants_with_due_work", work=name, tenants=len(found))
    return found
