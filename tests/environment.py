"""A pytest plugin, loaded before Django: the environment that every test runs in.

Servers that `python -m tools.testservices start` left running are reused, else this process starts its own. What an
exported variable or a `.env` says is overruled, so that a test run never touches anything but its own servers.
"""

import atexit
import os
import socket
from contextlib import ExitStack
from typing import Any

import pytest
import redis

from tools.services import HOST
from tools.testservices import VALKEY_DATABASES, own_services, running_services

SERVICE_VARIABLE = "TEST_POSTGRES_ADMIN_URL"
_held: dict[int, socket.socket] = {}


def held_port() -> int:
    """A TCP port that no other process is given while this one lives. It is bound and not listened on, so a server that
    reuses addresses, as ours do, may take it whenever it starts."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((HOST, 0))
    port = int(holder.getsockname()[1])
    _held[port] = holder
    return port


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Django's live server does not reuse addresses: its port is held until the moment in which it starts."""
    if fixturedef.argname == "live_server":
        port = int(os.environ["DJANGO_LIVE_TEST_SERVER_ADDRESS"].rpartition(":")[2])
        _held.pop(port).close()


def find_services() -> None:
    """Put TEST_* addresses into the environment; workers of pytest-xdist inherit them from the controller."""
    if SERVICE_VARIABLE in os.environ:
        return
    addresses = None if os.environ.get("TEST_SERVICES") == "own" else running_services()
    if addresses is None:
        stack = ExitStack()
        addresses = stack.enter_context(own_services())
        controller = os.getpid()
        atexit.register(lambda: stack.close() if os.getpid() == controller else None)
    os.environ.update(addresses)


def valkey_url() -> str:
    """A Valkey database that no other test process uses."""
    base = os.environ["TEST_VALKEY_URL"]
    with redis.Redis.from_url(base) as client:
        number = 1 + int(client.incr("test-processes")) % (VALKEY_DATABASES - 1)
    return f"{base.rsplit('/', 1)[0]}/{number}"


def set_environment() -> None:
    """Everything that settings read; the ports are for the sandbox and the live server of this process."""
    # Django's live server does not reuse addresses, so its port cannot be held.
    sandbox, smtp, site = f"http://{HOST}:{held_port()}", held_port(), f"{HOST}:{held_port()}"
    for name in list(os.environ):
        if name.startswith(("ANYMAIL_", "STRIPE_", "SMS_", "SENTRY_")):
            del os.environ[name]
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "billing_project.settings",
            "DJANGO_LIVE_TEST_SERVER_ADDRESS": site,
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright's synchronous API runs an event loop
            "ENV_FILES": "",
            "DEBUG": "false",
            "SECRET_KEY": "for-tests-only-for-tests-only-for-tests-only-for-tests-only-0123456789",
            "SECRET_KEY_FALLBACKS": "",
            "ENCRYPTION_KEYS": "Zm9yLXRlc3RzLW9ubHktZm9yLXRlc3RzLW9ubHktMDA=",
            "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
            "BASE_URL": f"http://{site}",
            "CSRF_TRUSTED_ORIGINS": f"http://{site}",
            "DATABASE_URL": os.environ["TEST_POSTGRES_APP_URL"],
            "DATABASE_OWNER_URL": os.environ["TEST_POSTGRES_OWNER_URL"],
            "DATABASE_POOL_SIZE": "0",
            "REDIS_URL": valkey_url(),
            "DEFAULT_FROM_EMAIL": "billing@example.com",
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp}",
            "ANYMAIL_WEBHOOK_SECRET": "mail:for-tests-only",
            "SANDBOX_URL": sandbox,
            "STRIPE_API_BASE": sandbox,
            "STRIPE_JS_URL": f"{sandbox}/js/stripe.js",
            "STRIPE_DASHBOARD_BASE": sandbox,
            "STRIPE_FRAME_ORIGINS": sandbox,
            "STRIPE_WEBHOOK_BASE_URL": f"http://{site}",
            "SMS_API_BASE": sandbox,
            "SMS_ACCOUNT_SID": "AC00000000000000000000000000000000",
            "SMS_AUTH_TOKEN": "for-tests-only",
            "SMS_FROM": "+15005550006",
            "LOG_LEVEL": "WARNING",
        }
    )


find_services()
set_environment()
