"""How many wake-ups of one kind of work one tenant may have queued or running at once.

A wake-up holds a seat from when it is sent until its turn has ended, so that a tenant's mass change never fills the
queue, and another tenant's single change is served within a turn or two. Seats are kept in Valkey; when it is emptied
or away the limit lapses for a moment, which harms nothing, and a seat whose worker died is free again by itself.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from uuid import UUID, uuid4

import redis
import structlog
from django.conf import settings
from django.db import transaction

from tenants.wake import wake

log = structlog.get_logger(__name__)

SEATS_PER_TENANT = 16
#: Seconds after which a seat that nobody gave back is free again.
SEAT_LIFETIME = 60
#: A wake-up works this long for one tenant, then goes to the end of the queue.
TURN_SECONDS = 0.5
#: What is recorded at once wakes at most this many workers; those that are awake go on until nothing is due.
MOST_WAKE_UPS = 4
#: What is due later than this is left to the sweep.
LONGEST_DELAY_SECONDS = 60.0
#: Seconds after which a sweep's turn that no worker came to is dropped: later sweeps have asked for others.
SWEEP_LIFETIME = 15

#: Works for a tenant for about so many seconds; True when more may be due.
type Work = Callable[[UUID, float], bool]

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


@dataclass(frozen=True)
class Lane:
    """One kind of work, done by the Celery task of this name, which takes a tenant's id and a seat ("": take one)."""

    task: str

    def _key(self, tenant_id: UUID) -> str:
        return f"seats:{self.task}:{tenant_id}"

    def take_seat(self, tenant_id: UUID) -> str | None:
        """A seat's name, or None when all of the tenant's are taken."""
        seat, now = uuid4().hex, time.time()
        try:
            free = _valkey().eval(
                _TAKE, 1, self._key(tenant_id), now, now + SEAT_LIFETIME, seat, SEATS_PER_TENANT, 2 * SEAT_LIFETIME
            )
        except (redis.RedisError, OSError) as error:
            log.warning("seats_unavailable", error=type(error).__name__)
            return seat
        return seat if free else None

    def keep_seat(self, tenant_id: UUID, seat: str) -> None:
        """Hold on to a seat for another turn."""
        try:
            _valkey().zadd(self._key(tenant_id), {seat: time.time() + SEAT_LIFETIME})
        except (redis.RedisError, OSError) as error:
            log.warning("seats_unavailable", error=type(error).__name__)

    def leave_seat(self, tenant_id: UUID, seat: str) -> None:
        try:
            _valkey().zrem(self._key(tenant_id), seat)
        except (redis.RedisError, OSError) as error:
            log.warning("seats_unavailable", error=type(error).__name__)

    def wake_workers(self, tenant_id: UUID, *, wanted: int = 1) -> None:
        """Once the open transaction has committed, wake that many workers, as far as seats are free."""

        def send() -> None:
            for _ in range(min(wanted, MOST_WAKE_UPS)):
                seat = self.take_seat(tenant_id)
                if seat is None:
                    break
                wake(self.task, tenant_id, seat)

        transaction.on_commit(send)

    def wake_later(self, tenant_id: UUID, *, seconds: float) -> None:
        """Wake a worker when something is due again; it takes a seat then."""
        if seconds <= LONGEST_DELAY_SECONDS:
            wake(self.task, tenant_id, after_seconds=seconds)

    def take_turn(self, tenant_id: UUID, seat: str, *, work: Work, anything_due: Callable[[UUID], bool]) -> None:
        """Work for the tenant for one turn, then queue up again while more is due.

        A wake-up that was sent without a seat takes one, or leaves the work to those that have one.
        """
        held = seat or self.take_seat(tenant_id)
        if held is None:
            return
        if work(tenant_id, TURN_SECONDS):
            self.keep_seat(tenant_id, held)
            wake(self.task, tenant_id, held)
            return
        self.leave_seat(tenant_id, held)
        # Whoever found no free seat while this one was being left relied on it.
        if anything_due(tenant_id):
            self.wake_workers(tenant_id)

    def take_swept_turn(self, tenant_id: UUID, *, work: Work) -> None:
        """One turn without a seat: also when every seat is held by workers that are dead."""
        if work(tenant_id, TURN_SECONDS):
            self.wake_workers(tenant_id, wanted=2)
