"""A tenant may have so many wake-ups queued or running, and another tenant as many again."""

from uuid import uuid4

import redis

from tenants.lanes import SEATS_PER_TENANT, Lane

LANE = Lane("tests.work")


def test_one_tenant_has_so_many_seats_and_another_has_its_own() -> None:
    busy, other = uuid4(), uuid4()
    seats = [LANE.take_seat(busy) for _ in range(SEATS_PER_TENANT)]
    assert all(seats)
    assert LANE.take_seat(busy) is None
    assert LANE.take_seat(other)
    LANE.leave_seat(busy, str(seats[0]))
    assert LANE.take_seat(busy)


def test_a_seat_that_is_kept_is_not_counted_twice() -> None:
    tenant = uuid4()
    seat = LANE.take_seat(tenant)
    assert seat
    for _ in range(SEATS_PER_TENANT):
        LANE.keep_seat(tenant, seat)
    assert LANE.take_seat(tenant)


def test_an_emptied_valkey_only_forgets_the_limit(valkey: redis.Redis) -> None:
    tenant = uuid4()
    for _ in range(SEATS_PER_TENANT):
        LANE.take_seat(tenant)
    valkey.flushdb()
    assert LANE.take_seat(tenant)
