"""Events carried to the registered endpoints, signed as https://docs.stripe.com/webhooks#verify-manually describes."""

import asyncio
import contextlib
import hashlib
import heapq
import hmac
import itertools
import json
import time

import httpx

from .faults import Faults
from .store import Account, Json, Store

# Seconds until the next attempt, by attempts made. Stripe goes on for three days; a development tool stops sooner.
DELAYS = (1, 3, 10, 30, 60, 60, 120, 120, 300, 300, 600, 600, 1800, 3600)
AT_ONCE = 16


def sign(body: bytes, secret: str, timestamp: int) -> str:
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def wants(endpoint: Json, event_type: str) -> bool:
    enabled = endpoint["status"] == "enabled"
    return enabled and not {"*", event_type}.isdisjoint(endpoint["enabled_events"])


class Dispatcher:
    def __init__(self, store: Store, faults: Faults):
        self.store = store
        self.faults = faults
        self.due: list[tuple[float, int, str, str, str, int]] = []
        self.awake = asyncio.Event()
        self.running: set[asyncio.Task[None]] = set()
        (last,) = store.rows("SELECT coalesce(max(id), 0) FROM deliveries")[0]
        self.numbers = itertools.count(last + 1)
        waiting = "SELECT next_at, id, account, event, endpoint, attempts FROM deliveries WHERE state = 'pending'"
        for row in store.rows(waiting):
            heapq.heappush(self.due, row)

    def notify(self, account: Account, event: Json) -> int:
        """Schedule an event for every endpoint that wants it; part of the commit that stores the event."""
        count = 0
        for endpoint in list(account.shelf("webhook_endpoint").items.values()):
            if not wants(endpoint, event["type"]):
                continue
            count += 1
            rule = self.faults.pick_for_event(account, event["type"])
            if rule is not None and rule.kind == "webhook_drop":
                continue
            delay = (rule.latency_seconds or 5) if rule is not None and rule.kind == "webhook_delay" else 0
            self.schedule(account, event["id"], endpoint["id"], delay=delay)
            if rule is not None and rule.kind == "webhook_double":
                self.schedule(account, event["id"], endpoint["id"])
        return count

    def schedule(self, account: Account, event_id: str, endpoint_id: str, *, delay: float = 0) -> None:
        number, at = next(self.numbers), time.time() + delay
        self.store.queue(
            "INSERT INTO deliveries (id, account, event, endpoint, state, attempts, next_at) VALUES (?, ?, ?, ?, "
            "'pending', 0, ?)",
            number,
            account.slug,
            event_id,
            endpoint_id,
            at,
        )
        heapq.heappush(self.due, (at, number, account.slug, event_id, endpoint_id, 0))
        self.awake.set()

    async def run(self) -> None:
        slots = asyncio.Semaphore(AT_ONCE)
        async with httpx.AsyncClient(timeout=10, trust_env=False, follow_redirects=False) as client:
            while True:
                self.awake.clear()
                pause = self.due[0][0] - time.time() if self.due else None
                if pause is None or pause > 0:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.awake.wait(), pause)
                    continue
                await slots.acquire()
                job = heapq.heappop(self.due)
                task = asyncio.create_task(self.deliver(client, job))
                self.running.add(task)
                task.add_done_callback(self.running.discard)
                task.add_done_callback(lambda done: slots.release())

    async def deliver(self, client: httpx.AsyncClient, job: tuple[float, int, str, str, str, int]) -> None:
        _, number, slug, event_id, endpoint_id, attempts = job
        account = self.store.accounts.get(slug)
        event = account.shelf("event").items.get(event_id) if account else None
        endpoint = account.shelf("webhook_endpoint").items.get(endpoint_id) if account else None
        if account is None or event is None or endpoint is None:
            self.record(number, "canceled", attempts, None, "the event or the endpoint is gone")
            return
        body = json.dumps(event, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, endpoint["_secret"], int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        status, error = None, None
        try:
            response = await client.post(endpoint["url"], content=body, headers=headers)
            status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as caught:
            error = f"{type(caught).__name__}: {caught}"
        attempts += 1
        if status is not None and 200 <= status < 300:
            event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
            self.store.save(account, event)
            self.record(number, "delivered", attempts, status, None)
        elif attempts > len(DELAYS):
            self.record(number, "failed", attempts, status, error)
        else:
            at = time.time() + DELAYS[attempts - 1]
            self.record(number, "pending", attempts, status, error, at)
            heapq.heappush(self.due, (at, number, slug, event_id, endpoint_id, attempts))
            self.awake.set()

    def record(
        self, number: int, state: str, attempts: int, status: int | None, error: str | None, next_at: float = 0
    ) -> None:
        sql = "UPDATE deliveries SET state = ?, attempts = ?, last_status = ?, last_error = ?, next_at = ? WHERE id = ?"
        self.store.queue(sql, state, attempts, status, error, next_at, number)
        self.store.commit()
