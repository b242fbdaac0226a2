"""Test databases: migrated once by the owner into a template, cloned for each test process.

The template's name carries a fingerprint of every migration, so a run with nothing new only clones (0.1 s).
"""

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

import django
import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from tools.services import BASE_DIR, SQL_DIR, psql
from tools.testservices import process_is_alive

TEMPLATE_LOCK = 7_260_001
ALIASES = ("default", "owner")
#: Filled by migrations, not by tests.
KEPT_TABLES = ("django_migrations", "django_content_type", "auth_permission")


def admin_connection(database: str = "postgres") -> psycopg.Connection:
    """A superuser's connection; for making, cleaning and dropping databases, never for what is tested."""
    url = urlsplit(os.environ["TEST_POSTGRES_ADMIN_URL"])._replace(path=f"/{database}").geturl()
    return psycopg.connect(url, autocommit=True)


def migrations_fingerprint() -> str:
    """Changes whenever a migration, the grants or Django does."""
    digest = hashlib.sha256(django.__version__.encode())
    files = [*BASE_DIR.glob("*/migrations/*.py"), *BASE_DIR.glob("*/*/migrations/*.py"), SQL_DIR / "grants.sql"]
    for file in sorted(file for file in files if ".venv" not in file.parts):
        digest.update(str(file.relative_to(BASE_DIR)).encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def connect_django_to(database: str) -> None:
    for alias in ALIASES:
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = database


def ensure_template() -> str:
    """The name of a database with every migration applied; made by whichever process comes first."""
    name = f"template_{migrations_fingerprint()}"
    with admin_connection() as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        if admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            drop_leftovers(admin)
            build_template(admin, f"{name}_draft")
            admin.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(f"{name}_draft"), sql.Identifier(name))
            )
    return name


def build_template(admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    admin.execute(sql.SQL("CREATE DATABASE {} OWNER billing_owner").format(sql.Identifier(name)))
    psql(
        Path(SQL_DIR / "grants.sql"),
        urlsplit(os.environ["TEST_POSTGRES_ADMIN_URL"])._replace(path=f"/{name}").geturl(),
    )
    connect_django_to(name)
    call_command("migrate", database="owner", verbosity=0)
    for alias in ALIASES:
        connections[alias].close()


def drop_leftovers(admin: psycopg.Connection) -> None:
    """Drop templates of other migrations and the databases of test processes that are gone."""
    rows = admin.execute(r"SELECT datname FROM pg_database WHERE datname ~ '^(template_[0-9a-f]{12}|test_[0-9]+$)'")
    for (name,) in rows.fetchall():
        if name.startswith("template_") or not process_is_alive(int(name.removeprefix("test_"))):
            drop_database(admin, name)


def drop_database(admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def create_test_database() -> str:
    """A clone of the template for this process; Django's connections lead to it afterwards."""
    name = f"test_{os.getpid()}"
    with admin_connection() as admin:
        while True:
            template = ensure_template()
            try:
                drop_database(admin, name)
                admin.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER billing_owner").format(
                        sql.Identifier(name), sql.Identifier(template)
                    )
                )
                break
            except psycopg.errors.InvalidCatalogName:
                continue  # another process has dropped it for a newer one
    connect_django_to(name)
    return name


def delete_all_rows(database: str) -> None:
    """Empty every table. What is still under way, such as a report of delivery, may stand crosswise: then once more."""
    for _time in range(5):
        try:
            return _delete_all_rows(database)
        except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable) as error:
            refused = error
    raise refused


def _delete_all_rows(database: str) -> None:
    """Deleting from small tables is many times quicker than TRUNCATE, and triggers stay silent."""
    with admin_connection(database) as admin:
        tables = admin.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL (%s)", [list(KEPT_TABLES)]
        ).fetchall()
        admin.execute("SET session_replication_role = replica")
        admin.execute("SET lock_timeout = '20s'")
        with admin.transaction():
            for (table,) in tables:
                admin.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("public", table)))
