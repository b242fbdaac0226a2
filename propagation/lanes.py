"""How many workers one tenant may occupy at once, so that a mass change leaves room for another tenant's single one.

Kept in Valkey; when it is emptied or away the limit lapses for a moment, which harms nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

LANES_PER_TENANT = 16
#: A lane whose worker died is free again after this many seconds.
LANE_LIFETIME = 120

_ENTER = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], 600)
return 1
"""


def _client() -> redis.Redis:
    global _shared
    if _shared is None:
        _shared = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2)
    return _shared


_shared: redis.Redis | None = None


@contextmanager
def lane(tenant_id: UUID) -> Iterator[bool]:
    """Hold one of the tenant's lanes; yields False when all are taken."""
    key, member, now = f"lanes:{tenant_id}", uuid4().hex, time.time()
    try:
        entered = bool(_client().eval(_ENTER, 1, key, now, now + LANE_LIFETIME, member, LANES_PER_TENANT))
    except redis.RedisError as error:
        log.warning("lanes_unavailable", error=type(error).__name__)
        entered = True
    try:
        yield entered
    finally:
        if entered:
            try:
                _client().zrem(key, member)
            except redis.RedisError:
                log.warning("lane_not_left")
