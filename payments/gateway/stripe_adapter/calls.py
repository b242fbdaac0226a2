"""What every call to Stripe has in common: the client, the guard, the errors, the idempotency key."""

import os
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Concatenate

import httpx
import stripe
from django.conf import settings

from payments.gateway.stripe_adapter.failures import translate
from tenants.scope import forbid_open_transaction

stripe.enable_telemetry = False


def gateway_call[Self, **P, T](method: Callable[Concatenate[Self, P], T]) -> Callable[Concatenate[Self, P], T]:
    """Refuses to run inside a transaction, and turns Stripe's errors into ours."""

    @wraps(method)
    def call(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> T:
        forbid_open_transaction()
        try:
            return method(self, *args, **kwargs)
        except stripe.StripeError as error:
            raise translate(error) from error

    return call


@cache
def _http_client(timeout: float) -> stripe.HTTPXClient:
    """One pool of connections for all accounts of this process. It is thread-safe, and made after the fork."""
    return stripe.HTTPXClient(timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)), allow_sync_methods=True)


os.register_at_fork(after_in_child=_http_client.cache_clear)


def stripe_client(api_key: str) -> stripe.StripeClient:
    """Retries nothing by itself: whoever calls owns the key and decides."""
    base = settings.STRIPE_API_BASE
    return stripe.StripeClient(
        api_key,
        max_network_retries=0,
        base_addresses={"api": base, "connect": base, "files": base, "meter_events": base},
        http_client=_http_client(settings.STRIPE_TIMEOUT_SECONDS),
    )


def under(key: str) -> Any:
    """Request options with the idempotency key: https://docs.stripe.com/api/idempotent_requests"""
    return {"idempotency_key": key}
