"""The database role that the application runs as."""

from django.core.exceptions import ImproperlyConfigured
from django.db import connection


def role_problems() -> list[str]:
    """What makes the connected role unfit: a role that row-level security does not bind."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        name, is_superuser, bypasses = cursor.fetchone()
    problems = []
    if is_superuser:
        problems.append(f"The database role {name} is a superuser: row-level security would not bind it.")
    if bypasses:
        problems.append(f"The database role {name} has BYPASSRLS: row-level security would not bind it.")
    return problems


def verify_database_role() -> None:
    """Refuse to start (ImproperlyConfigured) as a role that row-level security does not bind."""
    problems = role_problems()
    if problems:
        raise ImproperlyConfigured(" ".join(problems) + " Give DATABASE_URL the application's own role.")
