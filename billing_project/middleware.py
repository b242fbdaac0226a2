"""Health answers, the request log, and what is refused in words."""

import re
import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from billing_project.logging import redact_path

GetResponse = Callable[[HttpRequest], HttpResponseBase]
log = structlog.get_logger("billing.request")


class HealthCheckMiddleware:
    """`/healthz`: this process answers. `/readyz`: so do PostgreSQL and Valkey (503 when not).

    Comes first, so that a load balancer may ask by address, whatever ALLOWED_HOSTS says.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == "/healthz":
            return HttpResponse("ok\n", content_type="text/plain")
        if request.path == "/readyz":
            return self.readiness()
        return self.get_response(request)

    @staticmethod
    def readiness() -> JsonResponse:
        parts = {"database": ask_database, "cache": ask_cache}
        answers = {name: answers_well(ask) for name, ask in parts.items()}
        return JsonResponse(answers, status=200 if all(answers.values()) else 503)


def answers_well(ask: Callable[[], object]) -> bool:
    """Whether a part answers. Whatever it raises means no, and is logged."""
    try:
        ask()
    except Exception:
        log.exception("not_ready", part=ask.__name__)
        return False
    return True


def ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def ask_cache() -> None:
    cache.get("readyz")


class CookieMiddleware:
    """Forgets cookies with NUL in them, which quoting can smuggle in and PostgreSQL takes in no text."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        for name in [name for name, value in request.COOKIES.items() if "\x00" in value]:
            del request.COOKIES[name]
        return self.get_response(request)


class FormAddressMiddleware:
    """A page in words for whoever opens an address that only takes forms, as a bookmark or the address bar may: 405."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code != 405 or not request.accepts("text/html") or "HX-Request" in request.headers:
            return response
        page = render(request, "405.html", status=405)
        page.headers["Allow"] = response.headers.get("Allow", "")
        return page


class RequestLogMiddleware:
    """One line per request, without query strings; a request id in and out (`X-Request-ID`)."""

    _sound_id = re.compile(r"[A-Za-z0-9_-]{8,64}")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if self._sound_id.fullmatch(given) else uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        match = request.resolver_match
        log.log(
            40 if response.status_code >= 500 else 20,
            "request",
            method=request.method,
            path=redact_path(request.path),
            view=match.view_name if match else None,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
        structlog.contextvars.clear_contextvars()
        return response
