"""Migration operations that lay tenancy onto tables: keys that carry the tenant, and row-level security."""

from collections.abc import Iterator
from typing import Any

from django.db.migrations.operations.base import Operation

from tenants.fields import TenantForeignKey

#: The scope's tenant, or NULL, which equals no row's tenant.
SCOPE = "NULLIF(current_setting('app.tenant_id', true), '')::uuid"


class SecureTenantTables(Operation):
    """Turn freshly created tables into tenant tables.

    For each model: PRIMARY KEY (tenant_id, id); for each TenantForeignKey a deferrable composite FOREIGN KEY and an
    index, both starting with tenant_id; row-level security, FORCED, with one policy. Rows in `append_only` models
    can be neither changed nor removed.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, models: list[str], append_only: tuple[str, ...] = ()) -> None:
        self.models = models
        self.append_only = append_only

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__name__, [self.models], {"append_only": self.append_only}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Django's idea of the tables does not change."""

    def describe(self) -> str:
        return f"Row-level security and tenant keys on {', '.join(self.models)}"

    @staticmethod
    def _references(model: Any) -> Iterator[tuple[str, str, str]]:
        for field in model._meta.local_fields:
            if isinstance(field, TenantForeignKey):
                yield field.column, field.remote_field.model._meta.db_table, f"{model._meta.db_table}_{field.column}"

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        tables = [to_state.apps.get_model(app_label, name) for name in self.models]
        for model in tables:
            table = model._meta.db_table
            schema_editor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey"')
            schema_editor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_pkey" PRIMARY KEY (tenant_id, id)')
            schema_editor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY')
            schema_editor.execute(
                f'CREATE POLICY tenant_isolation ON "{table}" '
                f"USING (tenant_id = {SCOPE}) WITH CHECK (tenant_id = {SCOPE})"
            )
        for model in tables:
            table = model._meta.db_table
            for column, target, name in self._references(model):
                schema_editor.execute(
                    f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}_fk" FOREIGN KEY (tenant_id, "{column}") '
                    f'REFERENCES "{target}" (tenant_id, id) DEFERRABLE INITIALLY DEFERRED'
                )
                schema_editor.execute(f'CREATE INDEX "{name}_idx" ON "{table}" (tenant_id, "{column}")')
        for name in self.append_only:
            table = to_state.apps.get_model(app_label, name)._meta.db_table
            schema_editor.execute(
                f"""
                CREATE FUNCTION "{table}_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'rows of this table are never changed or removed'; END $$;
                CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON "{table}"
                FOR EACH ROW EXECUTE FUNCTION "{table}_append_only"()
                """
            )

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        tables = [from_state.apps.get_model(app_label, name) for name in self.models]
        for name in self.append_only:
            table = from_state.apps.get_model(app_label, name)._meta.db_table
            schema_editor.execute(f'DROP FUNCTION "{table}_append_only"() CASCADE')
        for model in tables:
            for _column, _target, name in self._references(model):
                schema_editor.execute(f'ALTER TABLE "{model._meta.db_table}" DROP CONSTRAINT "{name}_fk"')
                schema_editor.execute(f'DROP INDEX "{name}_idx"')
        for model in tables:
            table = model._meta.db_table
            schema_editor.execute(f'DROP POLICY tenant_isolation ON "{table}"')
            schema_editor.execute(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY')
            schema_editor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey"')
            schema_editor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_pkey" PRIMARY KEY (id)')


class FindDueTenants(Operation):
    """Create `due_tenants_<name>()`: the ids of the tenants that have a row of `model` meeting `condition` (SQL).

    It steps from scope to scope inside the database and yields nothing but tenant ids; see `tenants.due`.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, name: str, model: str, condition: str) -> None:
        self.name = name
        self.model = model
        self.condition = condition

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__name__, [self.name, self.model, self.condition], {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Django's idea of the tables does not change."""

    def describe(self) -> str:
        return f"Find tenants with due {self.name}"

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        table = to_state.apps.get_model(app_label, self.model)._meta.db_table
        schema_editor.execute(
            f"""
            CREATE FUNCTION due_tenants_{self.name}() RETURNS SETOF uuid LANGUAGE plpgsql AS $$
            DECLARE
                candidate uuid;
                outer_scope text := current_setting('app.tenant_id', true);
            BEGIN
                FOR candidate IN SELECT id FROM tenants_tenant ORDER BY random() LOOP
                    PERFORM set_config('app.tenant_id', candidate::text, true);
                    IF EXISTS (SELECT 1 FROM "{table}" WHERE {self.condition}) THEN
                        RETURN NEXT candidate;
                    END IF;
                END LOOP;
                PERFORM set_config('app.tenant_id', coalesce(outer_scope, ''), true);
            END $$
            """
        )

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(f"DROP FUNCTION due_tenants_{self.name}()")
