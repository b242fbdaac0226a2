"""How often something may be tried, counted in Valkey."""

import hashlib

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def _key(what: str, whose: str) -> str:
    return f"tries:{what}:{hashlib.sha256(whose.encode()).hexdigest()[:32]}"


def is_used_up(what: str, whose: str, *, limit: int) -> bool:
    """Whether `limit` have been counted by `is_over`; counts none. False when Valkey is away."""
    try:
        return int(cache.get(_key(what, whose), 0)) >= limit
    except RedisError as error:
        log.warning("tries_not_counted", what=what, error=type(error).__name__)
        return False


def is_over(what: str, whose: str, *, limit: int, seconds: int, without_count: bool) -> bool:
    """Count one more, and say whether there were more than `limit` within `seconds`.

    `whose` is kept hashed. `without_count` is the answer when Valkey is away.
    """
    key = _key(what, whose)
    try:
        cache.add(key, 0, timeout=seconds)
        return cache.incr(key) > limit
    except (RedisError, ValueError) as error:
        log.warning("tries_not_counted", what=what, error=type(error).__name__)
        return without_count
