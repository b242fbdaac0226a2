"""Fields that every tenant-owned table is built from."""

from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models.functions import UUID7

from tenants.scope import current_tenant_id


class TenantForeignKey(models.ForeignKey):
    """A reference within one tenant.

    Django knows it by `<name>_id`; the database's constraint is composite, (tenant_id, <name>_id), laid by
    `tenants.migration_operations.SecureTenantTables` together with its index.
    """

    def __init__(self, to: Any, on_delete: Any, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        kwargs["db_index"] = False
        super().__init__(to, on_delete, **kwargs)


class OwnerForeignKey(models.ForeignKey):
    """The tenant that a row belongs to: the open scope's, unless said otherwise."""

    def __init__(self, to: Any = "tenants.Tenant", on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        kwargs |= {"db_index": False, "related_name": "+", "editable": False}
        super().__init__(to, on_delete, **kwargs)

    def get_default(self) -> UUID:
        return current_tenant_id()


class StoredField(models.GeneratedField):
    """A column that the database computes and stores.

    Every PostgreSQL that is served here can, so the check does not connect to ask: the code is checked without servers.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**(kwargs | {"db_persist": True}))

    def _check_supported(self, databases: Any) -> list[Any]:
        return []

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.GeneratedField", args, kwargs


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


class EncryptedTextField(models.TextField):
    """Text that is encrypted at rest with the newest of ENCRYPTION_KEYS and read with any of them."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return _cipher().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return _cipher().decrypt(value.encode()).decode() if value else value


class TenantModel(models.Model):
    """A row that belongs to one tenant; `tenant` is filled from the open scope."""

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)
    tenant = OwnerForeignKey("tenants.Tenant", on_delete=models.PROTECT)

    class Meta:
        abstract = True
