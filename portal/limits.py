"""How often something may be tried, counted in Valkey."""

import hashlib

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

from invitations.link_requests import neighbourhood

__all__ = ["is_over", "neighbourhood"]

log = structlog.get_logger(__name__)


def is_over(what: str, whose: str, *, limit: int, seconds: int, without_count: bool) -> bool:
    """Count one more, and say whether there were more than `limit` within `seconds`.

    `whose` is kept hashed. `without_count` is the answer when Valkey is away.
    """
    key = f"portal:{what}:{hashlib.sha256(whose.encode()).hexdigest()[:32]}"
    try:
        cache.add(key, 0, timeout=seconds)
        return cache.incr(key) > limit
    except (RedisError, ValueError) as error:
        log.warning("portal_tries_not_counted", what=what, error=type(error).__name__)
        return without_count
