"""Keeps calls to a gateway account under its rate limit, across all workers."""

import time
from typing import Any

from payments.gateway.port import Gateway
from payments.gateway.rate_limit import reserve


class Paced:
    """A gateway whose every call first takes a slot of its account's limit, and waits for it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._gateway, name)
        if name in ("log_url", "account_key"):
            return attribute

        def paced(*args: Any, **kwargs: Any) -> Any:
            wait = reserve(self._gateway.account_key)
            if wait > 0:
                time.sleep(wait)
            return attribute(*args, **kwargs)

        return paced
