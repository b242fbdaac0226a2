"""One log line per event, as JSON (or for people, in development), without secrets.

`request_id`, `tenant`, `actor` and `task` come from structlog's context variables, bound at the edges.
"""

import logging.config
import re
import sys
from typing import Any, TextIO

import structlog
from django.http import HttpRequest
from structlog.typing import EventDict, Processor, WrappedLogger

REMOVED = "[removed]"
SECRET_KEYS = frozenset(
    {
        "api_key",
        "authorization",
        "card",
        "client_secret",
        "code",
        "cookie",
        "cookies",
        "csrfmiddlewaretoken",
        "current",
        "cvc",
        "encryption_keys",
        "number",
        "password",
        "portal_session",
        "secret",
        "secret_key",
        "session",
        "set_cookie",
        "signature",
        "token",
        "webhook_secret",
    }
)
_SECRETS = re.compile(
    r"\b(?:sk|rk)_(?:test|live)_\w+|\bwhsec_\w+|\b(?:seti|pi)_\w+_secret_\w+"  # the gateway's
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"  # user and password in an address
    r"|\b(?:\d[ -]?){12,18}\d\b"  # a card's number
)
#: What opens doors in an address: an invitation's token, a staff invitation's, the key of a password reset, and the
#: portal's links to sign in, to confirm an address, to pay.
_LINK = re.compile(
    r"(/i/[^/\s]+/|/team/join/|/password/reset/key/|/portal/[^/\s]+/(?:pay|sign-in/link|sign-in/email)/)"
    r"(?!v/|invoices/)[^/\s?\"']+"
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def redact_path(path: str) -> str:
    """An URL's path without what opens doors: the token of an invitation link, keys of password resets."""
    path = _LINK.sub(rf"\1{REMOVED}", path)
    return "/".join(REMOVED if len(part) >= 32 and not _UUID.fullmatch(part) else part for part in path.split("/"))


def redact(value: Any) -> Any:
    """`value` without secrets: known keys at any depth, and whatever looks like a key or a card number in text."""
    if isinstance(value, dict):
        return {
            key: REMOVED if str(key).lower().replace("-", "_") in SECRET_KEYS else redact(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    if isinstance(value, HttpRequest):  # as Django's own loggers hand it over: its address tells too much
        return f"{value.method} {redact_path(value.path)}"
    if isinstance(value, str):
        return _LINK.sub(rf"\1{REMOVED}", _SECRETS.sub(REMOVED, value))
    return value


def remove_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A structlog processor; see `redact`. Keys that structlog itself needs begin with an underscore."""
    kept = {key: value for key, value in event.items() if key.startswith("_")}
    return redact({key: value for key, value in event.items() if key not in kept}) | kept


def scrub_report(report: Any, hint: Any) -> Any:
    """The same for what is reported to Sentry; its `before_send`."""
    return redact(report)


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what stderr is when the line is written, not when logging was configured."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def configure_logging(*, level: str, human: bool) -> None:
    """Send both structlog's and the standard library's records to stderr, in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        remove_secrets,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if human else structlog.processors.JSONRenderer()
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": [structlog.stdlib.ExtraAdder(), *shared],
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                }
            },
            "handlers": {"stderr": {"()": StderrHandler, "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "django.request": {"level": "ERROR"},  # RequestLogMiddleware tells of the others
                "httpx": {"level": "WARNING"},  # logs whole addresses
                "stripe": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
