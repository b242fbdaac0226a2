"""PostgreSQL and Valkey from wheels: whoever runs them, and across restarts."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.processes import wait_until
from tools.services import BASE_DIR, Postgres, ServiceError, Valkey, free_port

#: As on a system that forbids user namespaces.
WITHOUT_NAMESPACES = """
import sys
from tools import launch
launch.enter_user_namespace = lambda: False
launch.main(sys.argv[1:])
"""


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    with Postgres(tmp_path / "postgres", log=tmp_path / "postgres.log", durable=False) as server:
        yield server


def test_makes_two_roles_of_which_neither_escapes_row_level_security(postgres: Postgres) -> None:
    for _ in range(2):
        postgres.ensure_roles()
    with psycopg.connect(postgres.url("billing_app", "billing")) as connection:
        roles = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname LIKE 'billing%' ORDER BY 1"
        ).fetchall()
    assert roles == [("billing_app", False, False, False), ("billing_owner", False, False, True)]


def test_the_application_may_use_rows_but_not_change_tables(postgres: Postgres) -> None:
    postgres.ensure_roles()
    with psycopg.connect(postgres.url("billing_owner", "billing")) as owner:
        owner.execute("CREATE TABLE thing (id int)")
    with psycopg.connect(postgres.url("billing_app", "billing"), autocommit=True) as application:
        application.execute("INSERT INTO thing VALUES (1)")
        for statement in ("DROP TABLE thing", "TRUNCATE thing", "ALTER TABLE thing ADD x int", "CREATE TABLE other ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute(statement)


def test_keeps_data_and_address_across_restarts(tmp_path: Path) -> None:
    addresses = []
    for attempt in range(2):
        with Valkey(tmp_path / "valkey", log=tmp_path / "valkey.log") as server:
            addresses.append(server.url())
            with redis.Redis.from_url(server.url()) as client:
                assert client.get("kept") == (b"yes" if attempt else None)
                client.set("kept", "yes")
    assert addresses[0] == addresses[1]


def test_says_why_a_server_did_not_start(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", log=tmp_path / "postgres.log", durable=False)
    with server:
        pass
    (server.data / "postgresql.conf").write_text("nonsense")
    with pytest.raises(ServiceError, match="syntax error"):
        server.start()


def test_starts_without_user_namespaces(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", log=tmp_path / "postgres.log", durable=False)
    with server:
        pass  # makes the data folder
    program = [*server.command(port := free_port())]
    launcher = [sys.executable, "-c", WITHOUT_NAMESPACES, "--not-root", str(server.data), "--", *map(str, program)]
    with server.log.open("ab") as log:
        process = subprocess.Popen(launcher, cwd=BASE_DIR, stdout=log, stderr=log)
    try:
        server.port = port
        wait_until(server.answers, what="PostgreSQL as nobody, or as whoever runs this")
    finally:
        process.terminate()
        process.wait()
