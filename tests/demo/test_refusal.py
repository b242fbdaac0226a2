"""Demonstration data, with its public passwords, never goes beside a real gateway."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tenants.models import Tenant


def test_refuses_a_gateway_that_is_not_a_sandbox(db: None, settings: Any) -> None:
    settings.STRIPE_API_BASE = "https://8.8.8.8"
    with pytest.raises(CommandError, match="not a sandbox"):
        call_command("load_demo")
    assert not Tenant.objects.exists()
