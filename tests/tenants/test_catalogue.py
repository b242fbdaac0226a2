"""What the database itself says about tenancy: read from PostgreSQL's catalogue, not from our models."""

from collections import defaultdict
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import connection

from tenants.checks import OUTSIDE_TENANTS
from tenants.fields import TenantForeignKey, TenantModel

pytestmark = pytest.mark.django_db

TENANT_MODELS = sorted(
    (model for model in apps.get_models() if issubclass(model, TenantModel)), key=lambda model: model._meta.db_table
)
TABLES = {model._meta.db_table for model in TENANT_MODELS}
#: These refer to users, who belong to no tenant, and Django indexes such a column alone.
REFER_TO_USERS = {"tenants_membership", "tenants_staffinvitation", "invitations_invitation"}
SCOPE = "(NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid"
ISOLATION = ("tenant_isolation", "*", f"(tenant_id = {SCOPE})", f"(tenant_id = {SCOPE})")
OWN_MEMBERSHIPS = (
    "own_memberships",
    "r",
    "(user_id = (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid)",
    None,
)
REGISTER = {
    ("anyone_reads", "r", "true", None),
    ("anyone_adds", "a", None, "true"),
    ("own_scope_changes", "w", f"(id = {SCOPE})", f"(id = {SCOPE})"),
    ("own_scope_removes", "d", f"(id = {SCOPE})", None),
}


def ask(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_knows_every_tenant_table() -> None:
    with_tenant = ask(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
        " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
    )
    assert {name for (name,) in with_tenant} == TABLES
    assert len(TABLES) >= 20


def test_every_model_of_ours_is_a_tenants_save_the_allowlist() -> None:
    assert run_checks(tags=["models"]) == []
    assert set(OUTSIDE_TENANTS) == {"tenants.Tenant", "tenants.User"}


def test_every_tenant_column_is_required() -> None:
    nullable = ask("SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'tenant_id' AND NOT attnotnull")
    assert TABLES.isdisjoint(name for (name,) in nullable)


def test_every_tenant_table_forces_row_level_security() -> None:
    secured = ask("SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity")
    assert {name for (name,) in secured} == {*TABLES, "tenants_tenant"}


def test_every_tenant_table_has_exactly_its_policies() -> None:
    policies: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for table, name, command, permissive, roles, using, check in ask(
        "SELECT polrelid::regclass::text, polname, polcmd::text, polpermissive, polroles::oid[]::text,"
        " pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid) FROM pg_policy"
    ):
        assert permissive
        assert roles == "{0}", "a policy must bind every role"
        policies[table].add((name, command, using, check))
    expected = {table: {ISOLATION} for table in TABLES}
    expected["tenants_membership"].add(OWN_MEMBERSHIPS)
    expected["tenants_tenant"] = REGISTER
    assert policies == expected


def test_every_unique_index_of_a_tenant_table_holds_the_tenant() -> None:
    keys: dict[str, list[list[str]]] = defaultdict(list)
    for table, is_primary, columns in ask(
        "SELECT i.indrelid::regclass::text, i.indisprimary,"
        " array(SELECT coalesce(a.attname, '') FROM unnest(i.indkey::int[]) WITH ORDINALITY k(n, o)"
        "   LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n ORDER BY k.o)::text[]"
        " FROM pg_index i WHERE i.indisunique"
    ):
        if table in TABLES:
            keys[table].append(columns)
            assert columns[0] == "tenant_id", f"{table} has a unique index on {columns}"
            assert not is_primary or columns == ["tenant_id", "id"]
    assert set(keys) == TABLES


FOREIGN_KEYS = """
    SELECT c.conrelid::regclass::text, c.confrelid::regclass::text,
           array(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY k(n, o)
                 JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.o)::text[],
           array(SELECT a.attname FROM unnest(c.confkey) WITH ORDINALITY k(n, o)
                 JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.o)::text[]
    FROM pg_constraint c WHERE c.contype = 'f'
"""


def foreign_keys() -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    """(table, target, its columns, the target's columns) of every foreign key."""
    return [(table, target, tuple(own), tuple(theirs)) for table, target, own, theirs in ask(FOREIGN_KEYS)]


def test_every_reference_between_tenant_tables_holds_the_tenant() -> None:
    between = {key for key in foreign_keys() if key[0] in TABLES and key[1] in TABLES}
    declared = {
        (model._meta.db_table, field.related_model._meta.db_table, ("tenant_id", field.column), ("tenant_id", "id"))
        for model in TENANT_MODELS
        for field in model._meta.local_fields
        if isinstance(field, TenantForeignKey)
    }
    assert between == declared
    assert len(declared) > 20


def test_no_other_reference_leads_into_a_tenant_table() -> None:
    assert not [key for key in foreign_keys() if key[0] not in TABLES and key[1] in TABLES]


def test_every_index_of_a_tenant_table_starts_with_the_tenant() -> None:
    first_columns = ask(
        "SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, a.attname FROM pg_index i"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
    )
    stray = {table for table, _index, column in first_columns if table in TABLES and column != "tenant_id"}
    assert stray == REFER_TO_USERS
