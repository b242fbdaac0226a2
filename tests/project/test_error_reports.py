"""What leaves for Sentry when something crashes."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from zlib import decompress

import pytest

from tests.processes import PATIENCE_SECONDS

CRASH = """
import django
django.setup()
import sentry_sdk
from django.core.handlers.wsgi import WSGIHandler
from django.urls import path
from billing_project import urls

def crash(request, token):
    secret_key = "sk_test_in_a_variable"
    raise RuntimeError("whsec_in_a_message")

urls.urlpatterns.insert(0, path("i/acme/<str:token>", crash))
from io import BytesIO
environ = {
    "REQUEST_METHOD": "GET", "PATH_INFO": "/i/acme/the-links-token", "QUERY_STRING": "s=seti_1_secret_2",
    "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.1", "HTTP_COOKIE": "sessionid=the-session",
    "wsgi.input": BytesIO(b""), "wsgi.url_scheme": "http", "REMOTE_ADDR": "198.51.100.7",
}
WSGIHandler()(environ, lambda *told: None)
sentry_sdk.flush(60)
"""


@pytest.fixture
def reports():
    """A server that takes Sentry's reports: its DSN, and what came."""
    came: list[str] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((decompress(body, 31) if self.headers.get("Content-Encoding") == "gzip" else body).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *told: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Taker)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://key@127.0.0.1:{server.server_port}/1", came
    server.shutdown()
    server.server_close()


def test_a_report_tells_of_the_crash_and_of_no_secret(reports: tuple[str, list[str]]) -> None:
    dsn, came = reports
    environment = os.environ | {"SENTRY_DSN": dsn, "SENTRY_ENVIRONMENT": "tests", "ALLOWED_HOSTS": "127.0.0.1"}
    crash = [sys.executable, "-c", CRASH]
    subprocess.run(crash, env=environment, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    told = "\n".join(came)
    assert "RuntimeError" in told, json.dumps(came)
    for secret in ("the-links-token", "sk_test_in_a", "whsec_in_a", "seti_1_secret", "the-session", "198.51.100.7"):
        assert secret not in told
