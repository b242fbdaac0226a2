"""A tenant may have so many wake-ups queued or running, and another tenant as many again."""

from uuid import uuid4

import redis

from propagation.lanes import SEATS_PER_TENANT, keep_seat, leave_seat, take_seat


def test_one_tenant_has_so_many_seats_and_another_has_its_own() -> None:
    busy, other = uuid4(), uuid4()
    seats = [take_seat(busy) for _ in range(SEATS_PER_TENANT)]
    assert all(seats)
    assert take_seat(busy) is None
    assert take_seat(other)
    leave_seat(busy, str(seats[0]))
    assert take_seat(busy)


def test_a_seat_that_is_kept_is_not_counted_twice() -> None:
    tenant = uuid4()
    seat = take_seat(tenant)
    assert seat
    for _ in range(SEATS_PER_TENANT):
        keep_seat(tenant, seat)
    assert take_seat(tenant)


def test_an_emptied_valkey_only_forgets_the_limit(valkey: redis.Redis) -> None:
    tenant = uuid4()
    for _ in range(SEATS_PER_TENANT):
        take_seat(tenant)
    valkey.flushdb()
    assert take_seat(tenant)
