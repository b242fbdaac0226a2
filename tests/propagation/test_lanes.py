"""A tenant's mass change occupies so many workers and no more; another tenant's single change gets through."""

from contextlib import ExitStack
from uuid import uuid4

import redis

from propagation.lanes import LANES_PER_TENANT, lane


def test_one_tenant_has_so_many_lanes_and_another_has_its_own() -> None:
    busy, other = uuid4(), uuid4()
    with ExitStack() as stack:
        taken = [stack.enter_context(lane(busy)) for _ in range(LANES_PER_TENANT)]
        assert all(taken)
        with lane(busy) as one_more, lane(other) as free:
            assert (one_more, free) == (False, True)
    with lane(busy) as again:
        assert again


def test_an_emptied_valkey_only_forgets_the_limit(valkey: redis.Redis) -> None:
    tenant = uuid4()
    with ExitStack() as stack:
        for _ in range(LANES_PER_TENANT):
            stack.enter_context(lane(tenant))
        valkey.flushdb()
        assert stack.enter_context(lane(tenant))
