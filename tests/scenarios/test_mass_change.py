"""Many changes at once, while all that can die or fail does: every step is done, and each effect happens once."""

from collections.abc import Callable

import redis

from tests.processes import CeleryWorker
from tests.scenarios.mass import STEPS_EACH, MassChange

type MakeMassChange = Callable[[int], MassChange]


def test_a_killed_worker_and_an_emptied_valkey_only_delay(
    measured_gateway: None, mass_change: MakeMassChange, celery_worker_process: CeleryWorker, valkey: redis.Redis
) -> None:
    change = mass_change(100)
    total = STEPS_EACH * change.count
    change.begin()
    change.wait_for(total // 4)
    celery_worker_process.kill()
    valkey.flushdb()
    assert total // 4 <= change.settled() < total
    change.let_leases_run_out()
    celery_worker_process.start()
    change.wait_for(total)
    change.check_everything_moved()


def test_a_gateway_that_fails_one_call_in_five_only_delays(
    mass_change: MakeMassChange, celery_worker_process: CeleryWorker
) -> None:
    change = mass_change(50)
    kinds = ("rate_limited", "server_error", "drop_before", "drop_after")
    change.sandbox.set_faults(*({"kind": kind, "probability": 0.05, "seed": 7} for kind in kinds))
    change.begin()
    change.wait_for(STEPS_EACH * change.count)
    struck = {line["fault"] for line in change.sandbox.requests(limit=1_000_000)}
    change.sandbox.clear_faults()
    assert set(kinds) <= struck
    change.check_everything_moved()
