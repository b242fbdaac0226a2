"""Wake a worker after the transaction commits. A lost wake-up only delays: the sweeps find the work."""

from typing import Any

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def wake(task: Any, *args: Any, times: int = 1, after_seconds: float = 0.0) -> None:
    """Send the Celery task (or the one of that name) after the open transaction's commit; at once when none is open."""
    name = task if isinstance(task, str) else task.name

    def send() -> None:
        try:
            for _ in range(times):
                current_app.send_task(name, args=[str(arg) for arg in args], countdown=after_seconds or None)
        except (OperationalError, RedisError, OSError) as error:
            log.warning("wake_up_lost", task=name, error=type(error).__name__)

    transaction.on_commit(send)
