"""Real processes that tests talk to: the sandbox gateway with its inbox, and Celery workers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import redis
from django.conf import settings
from django.db import connection

from tools.services import launch, stop, tail

#: What is waited for mostly takes seconds; a machine that is busy with something else may take many times as long.
PATIENCE_SECONDS = 120.0


def wait_until[T](ask: Callable[[], T], *, what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """The first true answer of `ask`; AssertionError naming `what` when none came in time."""
    deadline = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() >= deadline  # looked at before it asks: this process may have been held up
        if answer := ask():
            return answer
        assert not is_last, f"Waited {seconds:.0f} s in vain for {what}."
        time.sleep(0.05)


class RealProcess:
    """Something started for a test, with a log that explains a failure."""

    name = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.told_before = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def is_ready(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.told_before = self.log.stat().st_size if self.log.exists() else 0
        self.process = launch(self.command(), log=self.log, environment=self.environment())
        wait_until(self._ready_or_dead, what=f"{self.name} to start")

    def _ready_or_dead(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended:\n{tail(self.log, 40)}"
        return self.is_ready()

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None:
            stop(self.process)

    def kill(self) -> None:
        """End it at once, as a power cut would (SIGKILL to its whole group)."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Sandbox(RealProcess):
    """`python -m sandbox`, and its control API; see sandbox/README.md."""

    name = "sandbox"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = os.environ["SANDBOX_URL"]
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def command(self) -> list[str]:
        site = urlsplit(settings.BASE_URL).netloc
        secret = os.environ["ANYMAIL_WEBHOOK_SECRET"]
        options = {
            "--port": urlsplit(self.url).port,
            "--data": self.folder / "data",
            "--smtp-port": urlsplit(os.environ["EMAIL_URL"]).port,
            "--mail-webhook-url": f"http://{secret}@{site}/anymail/postmark/tracking/",
        }
        return [sys.executable, "-m", "sandbox", *(str(part) for option in options.items() for part in option)]

    def is_ready(self) -> bool:
        try:
            return self.http.get("/healthz").is_success
        except httpx.TransportError:
            return False

    def control(self, method: str, path: str, **arguments: Any) -> Any:
        """Call `/_control/<path>`; the JSON answer. Raises httpx.HTTPStatusError on a refusal."""
        response = self.http.request(method, f"/_control/{path}", **arguments)
        response.raise_for_status()
        return response.json() if response.content else None

    def reset(self) -> None:
        """Forget every account, request, fault and message."""
        self.control("POST", "reset", json={})
        self.control("DELETE", "faults")
        self.control("DELETE", "requests")
        self.control("DELETE", "inbox/messages")

    def create_account(self, slug: str, name: str = "", country: str = "CA", **more: Any) -> dict[str, Any]:
        """A gateway account; answers with its `secret_key` and `publishable_key`."""
        account = {"slug": slug, "name": name or slug.title(), "country": country, **more}
        return dict(self.control("POST", "accounts", json=account))

    def seed(self, **data: Any) -> dict[str, Any]:
        """Many objects at once, with ids of the caller's choice."""
        return dict(self.control("POST", "seed", json=data))

    def set_faults(self, *rules: dict[str, Any]) -> None:
        self.control("POST", "faults", json=list(rules))

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def clear_requests(self) -> None:
        self.control("DELETE", "requests")

    def requests(self, **filters: Any) -> list[dict[str, Any]]:
        """Every request so far, oldest first; filters: account, path, since, limit."""
        answer = self.control("GET", "requests", params=filters)
        return list(answer["data"] if isinstance(answer, dict) else answer)

    def messages(self, **filters: Any) -> list[dict[str, Any]]:
        """What arrived by mail and SMS; filters: channel, to, since."""
        answer = self.control("GET", "inbox/messages", params=filters)
        return list(answer["data"] if isinstance(answer, dict) else answer)

    def wait_for_message(self, **filters: Any) -> dict[str, Any]:
        return wait_until(lambda: self.messages(**filters), what=f"a message {filters}")[0]


class CeleryWorker(RealProcess):
    """`celery worker` with beat inside, on the calling test's database and Valkey."""

    name = "worker"

    def command(self) -> list[str]:
        schedule = ["--beat", "--schedule", str(self.folder / "beat-schedule")]
        pool = ["--pool", "threads", "--concurrency", "8", "--without-gossip", "--without-mingle"]
        return [sys.executable, "-m", "celery", "-A", "billing_project", "worker", *pool, *schedule]

    def environment(self) -> dict[str, str]:
        url = urlsplit(os.environ["DATABASE_URL"])
        name = connection.settings_dict["NAME"]
        return os.environ | {"DATABASE_URL": url._replace(path=f"/{name}").geturl(), "LOG_LEVEL": "INFO"}

    def is_ready(self) -> bool:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            told = self.log.read_bytes()[self.told_before :]
            return bool(client.exists("_kombu.binding.celery")) and b" ready." in told

    def stop(self) -> None:
        """A warm shutdown: running tasks end first. The test's rows are removed only afterwards."""
        super().stop()
