"""How many wake-ups one tenant may have queued or running at once.

A wake-up holds a seat from when it is sent until its turn has ended, so that a tenant's mass change never fills the
queue, and another tenant's single change is served within a turn or two. Seats are kept in Valkey; when it is emptied
or away the limit lapses for a moment, which harms nothing, and a seat whose worker died is free again by itself.
"""

import os
import time
from functools import cache
from uuid import UUID, uuid4

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

SEATS_PER_TENANT = 16
#: Seconds after which a seat that nobody gave back is free again.
SEAT_LIFETIME = 60

_TAKE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


@cache
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


os.register_at_fork(after_in_child=_valkey.cache_clear)


def _key(tenant_id: UUID) -> str:
    return f"seats:{tenant_id}"


def take_seat(tenant_id: UUID) -> str | None:
    """A seat's name, or None when all of the tenant's are taken."""
    seat, now = uuid4().hex, time.time()
    try:
        free = _valkey().eval(
            _TAKE, 1, _key(tenant_id), now, now + SEAT_LIFETIME, seat, SEATS_PER_TENANT, 2 * SEAT_LIFETIME
        )
    except (redis.RedisError, OSError) as error:
        log.warning("seats_unavailable", error=type(error).__name__)
        return seat
    return seat if free else None


def keep_seat(tenant_id: UUID, seat: str) -> None:
    """Hold on to a seat for another turn."""
    try:
        _valkey().zadd(_key(tenant_id), {seat: time.time() + SEAT_LIFETIME})
    except (redis.RedisError, OSError) as error:
        log.warning("seats_unavailable", error=type(error).__name__)


def leave_seat(tenant_id: UUID, seat: str) -> None:
    try:
        _valkey().zrem(_key(tenant_id), seat)
    except (redis.RedisError, OSError) as error:
        log.warning("seats_unavailable", error=type(error).__name__)
