"""What a web process makes sure of before it serves anybody."""

from django.db import connections

from tenants.database import verify_database_role


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured when the database's row-level security would not bind us."""
    try:
        verify_database_role()
    finally:
        connections.close_all()
