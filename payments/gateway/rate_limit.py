"""How fast we call the gateway: one row of evenly spaced slots per account, shared by all processes.

The generic cell rate algorithm with a burst of one, on Valkey's own clock: each call reserves the next free slot and is
told how long to wait for it. Nobody polls, nobody is turned away, and slots are handed out in the order of asking.
"""

import math
import os
from dataclasses import dataclass
from functools import cache

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

#: KEYS[1]: when the account's next slot is free, in microseconds. ARGV[1]: microseconds between two slots.
#: It returns {slot, now}. The key lives a second longer than it says anything.
_RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local slot = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local free = slot + ARGV[1]
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', math.ceil((free - now) / 1000) + 1000)
return {string.format('%.0f', slot), string.format('%.0f', now)}
"""


@dataclass(frozen=True)
class Slot:
    """`at` in epoch seconds of Valkey's clock, `wait` in seconds from now."""

    at: float
    wait: float


@cache
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


os.register_at_fork(after_in_child=_valkey.cache_clear)


def reserve_slot(account_id: str) -> Slot:
    """The account's next free slot. Raises redis.RedisError when Valkey does not answer."""
    spacing = math.ceil(1_000_000 / settings.GATEWAY_CALLS_PER_SECOND)
    slot, now = _valkey().eval(_RESERVE, 1, f"gateway-slot:{account_id}", spacing)
    return Slot(at=int(slot) / 1e6, wait=(int(slot) - int(now)) / 1e6)


def reserve(account_id: str) -> float:
    """Seconds to wait before the next call to this account.

    Without Valkey nobody waits: the gateway's own limit, and our patience with it, are then what holds.
    """
    try:
        return reserve_slot(account_id).wait
    except (redis.RedisError, OSError) as error:
        log.warning("rate_limit_unavailable", account=account_id, error=type(error).__name__)
        return 0.0
