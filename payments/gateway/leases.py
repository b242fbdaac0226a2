"""What all work at the gateway that may be taken over from a dead worker has in common.

A worker holds its piece of work under a lease, begins no call when the lease is nearly over, and repeats a call under
the same idempotency key for as long as the gateway remembers it.
"""

import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings

from payments.gateway.errors import BadKeys, GatewayError, RateLimited, UnknownOutcome
from payments.gateway.port import Gateway

log = structlog.get_logger(__name__)

#: No call is begun with less than this left of the lease: the gateway's time-out, and time to record the outcome.
CALL_SECONDS = settings.STRIPE_TIMEOUT_SECONDS + 5.0
#: How long a worker holds its piece of work: more than its calls take, so that only a dead worker loses it.
LEASE = timedelta(seconds=3 * CALL_SECONDS)
#: A key older than this may be forgotten at the gateway (24 hours, https://docs.stripe.com/api/idempotent_requests).
KEY_LIFETIME = timedelta(hours=23)
LONGEST_PAUSE_SECONDS = 900.0


class LeaseLost(Exception):
    """This worker was held up for so long that another may have the work before a further call has ended."""


def unknown_after(error: Exception) -> UnknownOutcome:
    """What a worker records that could not go on, by losing its lease or by a fault of ours: perhaps it was done."""
    if isinstance(error, LeaseLost):
        return UnknownOutcome(code="unknown_outcome", gateway_message="It took too long.")
    return UnknownOutcome(code="internal_error", gateway_message=type(error).__name__)


def says_nothing(error: GatewayError) -> bool:
    """Whether it tells nothing of the payment or refund itself, so that the same is asked again."""
    return error.transient or isinstance(error, BadKeys) or error.code == "key_reused"


def needs_new_key(error: GatewayError) -> bool:
    """The gateway replays what it has stored, a server error too, for ever under its key."""
    return error.code == "key_reused" or (isinstance(error, UnknownOutcome) and error.answered)


class Fenced:
    """A gateway that refuses to be called by a worker whose lease is about to run out.

    `deadline` is when it does, in seconds of `time.monotonic()`.
    """

    def __init__(self, gateway: Any, deadline: float) -> None:
        self._gateway = gateway
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._gateway, name)

        def fenced(*args: Any, **kwargs: Any) -> Any:
            if time.monotonic() >= self._deadline - CALL_SECONDS:
                raise LeaseLost
            return call(*args, **kwargs)

        return fenced


def call_under_lease(
    gateway: Gateway | None,
    deadline: float,
    *,
    work: Callable[[Gateway], None],
    record_error: Callable[[GatewayError], None],
    crash_event: str,
) -> None:
    """Do the work with a fenced gateway; whatever stops it is recorded. `gateway` None: no account is connected.

    An error of our own is logged as `crash_event` and recorded too.
    """
    try:
        if gateway is None:
            raise BadKeys(code="no_gateway_account")
        fenced: Gateway = Fenced(gateway, deadline)
        work(fenced)
    except LeaseLost as lost:
        log.warning("lease_lost")
        record_error(unknown_after(lost))
    except GatewayError as error:
        record_error(error)
    except Exception as error:
        log.exception(crash_event)
        record_error(unknown_after(error))


def pause_after(attempts: int, error: GatewayError) -> timedelta:
    """Exponential from one second, with jitter; never before the gateway said (https://docs.stripe.com/rate-limits)."""
    jitter = 0.5 + secrets.randbelow(500) / 1000
    seconds = 1.0 if isinstance(error, RateLimited) else min(2.0 ** min(attempts - 1, 12), LONGEST_PAUSE_SECONDS)
    seconds *= jitter
    return timedelta(seconds=max(seconds, error.retry_after or 0.0))
