"""Slots are counted in the limiter's own time, as reserved; nobody really waits."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import redis
from pytest_django import Settings

from payments.gateway import rate_limit
from payments.gateway.rate_limit import Slot, reserve, reserve_slot

ACCOUNT = "account"


def reserve_many(count: int) -> list[Slot]:
    return [reserve_slot(ACCOUNT) for _ in range(count)]


def busiest_second(slots: list[Slot]) -> int:
    ordered = sorted(slot.at for slot in slots)
    first, most = 0, 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_a_lone_call_does_not_wait() -> None:
    assert reserve(ACCOUNT) == 0
    assert reserve("another account") == 0


def test_whoever_must_wait_gets_the_very_next_slot() -> None:
    slots = reserve_many(200)
    spacing = 1 / 95
    for earlier, later in pairwise(slots):
        assert later.at - earlier.at >= spacing - 1e-6
        if later.wait > 0:
            assert later.at - earlier.at <= spacing + 2e-6


def test_many_threads_and_processes_together_stay_under_the_limit_and_use_it(settings: Settings) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as processes, ThreadPoolExecutor(8) as threads:
        pending = processes.map_async(reserve_many, [200] * 2)
        mine = list(threads.map(reserve_many, [100] * 8))
        slots = [slot for batch in [*mine, *pending.get(timeout=120)] for slot in batch]
    slots.sort(key=lambda slot: slot.at)
    assert len({slot.at for slot in slots}) == 1200
    assert busiest_second(slots) <= settings.GATEWAY_CALLS_PER_SECOND
    # While anyone waits, no slot stays empty.
    waited = [(earlier, later) for earlier, later in pairwise(slots) if later.wait > 0]
    assert len(waited) > 600
    assert all(later.at - earlier.at < 1 / 94.9 for earlier, later in waited)


def test_each_account_has_its_own_slots() -> None:
    for _ in range(50):
        reserve("busy account")
    assert reserve("idle account") == 0


def test_slots_begin_anew_when_valkey_has_forgotten_them(valkey: redis.Redis) -> None:
    reserve_many(200)
    valkey.flushdb()
    after = reserve_many(200)
    assert after[0].wait == 0
    assert all(later.at > earlier.at for earlier, later in pairwise(after))
    assert busiest_second(after) <= 95


def test_what_it_keeps_in_valkey_goes_away_by_itself(valkey: redis.Redis) -> None:
    reserve_many(1000)  # ten and a half seconds of slots
    (key,) = valkey.keys("gateway-slot:*")
    assert 0 < valkey.pttl(key) < 12_000


def test_without_valkey_nobody_waits(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    rate_limit._valkey.cache_clear()
    try:
        assert reserve(ACCOUNT) == 0
    finally:
        rate_limit._valkey.cache_clear()
