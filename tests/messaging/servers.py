"""Small real servers that answer as a test wants: SMTP, and an SMS provider's HTTP API."""

import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs

from aiosmtpd.controller import Controller

from tests.environment import held_port
from tests.processes import PATIENCE_SECONDS


class MailServer:
    """Accepts mail, or says `answer` to every recipient."""

    def __init__(self) -> None:
        self.answer = "250 OK"
        self.mails: list[EmailMessage] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def __enter__(self) -> Self:
        self.controller = Controller(self, hostname="127.0.0.1", port=held_port(), ready_timeout=PATIENCE_SECONDS)
        self.controller.start()
        self.port = self.controller.port
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if not self.controller.loop.is_closed():
            self.controller.stop()


class SmsServer:
    """Takes messages as Twilio does, or answers (status, body)."""

    def __init__(self) -> None:
        self.answer: tuple[int, dict[str, Any]] = (
            201,
            {"sid": "SM00000000000000000000000000000001", "status": "queued"},
        )
        self.requests: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.requests.append(
                    {name: values[0] for name, values in parse_qs(body).items()} | {"path": self.path}
                )
                status, answer = outer.answer
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
