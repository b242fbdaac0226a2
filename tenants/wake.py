"""Wake a worker after the transaction commits. A lost wake-up only delays: the sweeps find the work."""

from typing import Any

import structlog
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def wake(task: Any, *args: Any) -> None:
    """Send the Celery task once the open transaction has committed (at once when none is open)."""

    def send() -> None:
        try:
            task.apply_async(args=[str(arg) for arg in args])
        except (OperationalError, RedisError, OSError) as error:
            log.warning("wake_up_lost", task=task.name, error=type(error).__name__)

    transaction.on_commit(send)
