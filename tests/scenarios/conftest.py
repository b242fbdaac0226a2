"""Stories with a real worker, broker and gateway, all of which may be killed, emptied or made to fail."""

from collections.abc import Callable

import pytest

from tests.processes import Sandbox
from tests.scenarios.mass import MassChange


@pytest.fixture(autouse=True)
def unhurried_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is what happens, not how fast: the worker's own pace is lifted (it has tests of its own)."""
    monkeypatch.setenv("GATEWAY_CALLS_PER_SECOND", "1000")


@pytest.fixture
def measured_gateway(unhurried_gateway: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is looked at, or killed, in the middle: however slow this test is, many seconds of work are left."""
    monkeypatch.setenv("GATEWAY_CALLS_PER_SECOND", "40")


@pytest.fixture
def mass_change(transactional_db: None, sandbox: Sandbox) -> Callable[[int], MassChange]:
    """That many customers, each with everything that a change may move, alike here and at the sandbox."""
    return lambda customers: MassChange(sandbox, customers=customers)
