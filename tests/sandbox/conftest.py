"""The sandbox as a process, reached over HTTP with the real stripe package. No database of the product is needed."""

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from tests.environment import held_port
from tests.processes import PATIENCE_SECONDS

numbers = itertools.count(1)


def wait_for(ask: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """The first true answer."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return answer


class Box:
    """One running sandbox."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data, self.options = data, options
        self.port, self.smtp_port = held_port(), held_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox", "--port", str(self.port), "--smtp-port", str(self.smtp_port)]
        self.process = subprocess.Popen([*command, "--data", str(self.data), *self.options])
        wait_for(self.is_up)

    def is_up(self) -> bool:
        try:
            return self.http.get("/healthz").is_success
        except httpx.TransportError:
            return False

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(60)

    def control(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self.http.request(method, f"/_control/{path}", **arguments)
        answer.raise_for_status()
        return answer.json()


def error_of(refused: pytest.ExceptionInfo[stripe.StripeError]) -> Any:
    """The ``error`` of the answer's body."""
    return refused.value.error


@dataclass
class Tenant:
    """An account of the box, and a client with its key."""

    box: Box
    slug: str
    keys: dict[str, Any]
    client: stripe.StripeClient

    @property
    def v1(self) -> Any:
        return self.client.v1

    def control(self, method: str, path: str, **arguments: Any) -> Any:
        parameters = {"account": self.slug, **arguments.pop("params", {})}
        return self.box.control(method, path, params=parameters, **arguments)

    def fault(self, kind: str, **rule: Any) -> None:
        self.box.control("POST", "faults", json={"kind": kind, "account": self.slug, **rule})

    def requests(self, **filters: Any) -> list[Any]:
        return list(self.control("GET", "requests", params=filters))

    def event_types(self) -> list[str]:
        """Oldest first."""
        return [event["type"] for event in reversed(self.control("GET", "objects/event"))]

    def customer(self, **details: Any) -> Any:
        return self.v1.customers.create({"name": "Alice", "email": "alice@example.com", **details})

    def with_card(self, card: str = "pm_card_visa") -> tuple[Any, Any]:
        """A customer and a method of theirs that is their default."""
        customer = self.customer()
        method = self.v1.payment_methods.attach(card, {"customer": customer.id})
        self.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
        return customer, method

    def price(self, amount: int = 1900) -> str:
        product = self.v1.products.create({"name": "Plan"})
        terms = {"product": product.id, "currency": "eur", "unit_amount": amount, "recurring": {"interval": "month"}}
        return str(self.v1.prices.create(terms).id)

    def past_due(self, invoice: str, subscription: str, card: str = "4242424242424242") -> tuple[str, str]:
        """A customer with a past-due subscription, seeded; ids of customer and method."""
        customer, method = f"cus_{subscription}", f"pm_{subscription}"
        seed = {
            "products": [{"id": "prod_a", "name": "Plan"}],
            "prices": [
                {"id": "price_a", "product": "prod_a", "unit_amount": 1900, "currency": "eur", "interval": "month"}
            ],
            "customers": [
                {
                    "id": customer,
                    "name": "Bob",
                    "email": "bob@example.com",
                    "payment_methods": [{"id": method, "number": card, "exp_month": 1, "exp_year": 2025}],
                    "default_payment_method": method,
                    "subscriptions": [
                        {"id": subscription, "price": "price_a", "status": "past_due", "invoice": {"id": invoice}}
                    ],
                }
            ],
        }
        self.box.control("POST", "seed", json={"account": self.slug, **seed})
        return customer, method


@dataclass
class Collector:
    """A server that takes what the sandbox posts; ``answers`` are the statuses of the next answers, then 200."""

    url: str
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def events(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.received]


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            found.received.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.answers.pop(0) if found.answers else 200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    one = Box(tmp_path_factory.mktemp("box"))
    yield one
    one.end()


def open_account(box: Box, **more: Any) -> Tenant:
    slug = f"shop-{next(numbers)}"
    keys = box.control("POST", "accounts", json={"slug": slug, "name": "Shop", "default_currency": "eur", **more})
    client = stripe.StripeClient(keys["secret_key"], base_addresses=dict.fromkeys(ADDRESSES, box.url))
    return Tenant(box, slug, keys, client)


ADDRESSES = ("api", "files", "connect", "meter_events")


@pytest.fixture
def shop(box: Box) -> Iterator[Tenant]:
    yield open_account(box)
    box.control("DELETE", "faults")
