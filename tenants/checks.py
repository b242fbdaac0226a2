"""System checks of tenancy."""

from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks

from tenants.database import role_problems
from tenants.fields import TenantModel

#: Tables of the project's own that belong to no tenant, and why.
OUTSIDE_TENANTS = {
    "tenants.Tenant": "the register of tenants itself",
    "tenants.User": "a person may work for several tenants",
}


@checks.register(checks.Tags.models)
def every_model_has_a_tenant(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each of our models is a TenantModel, save the allowlist; each unique constraint starts with the tenant."""
    problems: list[checks.CheckMessage] = []
    ours = [config for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR]
    for model in (model for config in ours for model in config.get_models()):
        if model._meta.label in OUTSIDE_TENANTS:
            continue
        if not issubclass(model, TenantModel):
            problems.append(checks.Error("must be a TenantModel", obj=model, id="tenants.E001"))
        for constraint in model._meta.total_unique_constraints + [
            c for c in model._meta.constraints if hasattr(c, "fields") and getattr(c, "condition", None)
        ]:
            if "tenant" not in constraint.fields:
                problems.append(checks.Error(f"{constraint.name} lacks the tenant", obj=model, id="tenants.E002"))
        for field in model._meta.local_fields:
            if field.unique and not field.primary_key:
                problems.append(checks.Error(f"{field.name} is unique across tenants", obj=model, id="tenants.E003"))
    return problems


@checks.register(checks.Tags.database)
def role_obeys_row_level_security(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The application's role is neither superuser nor BYPASSRLS."""
    if "default" not in (databases or []):
        return []
    return [checks.Error(problem, id="tenants.E004") for problem in role_problems()]
