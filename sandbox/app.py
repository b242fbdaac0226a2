"""The ASGI application: Stripe's API under /v1/, the browser script under /js/, control and pages beside them."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import browser, control, pages
from .api.server import Gateway
from .faults import Faults
from .inbox import control as inbox
from .inbox import sms, smtp
from .store import Store
from .webhooks import Dispatcher
from .world import World


async def healthz(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def explain(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if request.url.path.startswith("/_control/"):
        return JSONResponse({"error": error.detail}, status_code=error.status_code)
    return PlainTextResponse(error.detail, status_code=error.status_code)


class Sandbox:
    """Requests to /v1/ go straight to the gateway; all others through Starlette."""

    def __init__(
        self, data: Path, *, smtp: tuple[str, int] | None = None, public_url: str | None = None, **options: Any
    ):
        self.smtp = smtp
        store = Store(data)
        faults = Faults(store)
        dispatcher = Dispatcher(store, faults)
        self.world = World(store, faults, dispatcher, public_url=public_url, **options)
        self.gateway = Gateway(store, faults, dispatcher, public_url)
        routes = [
            Route("/healthz", healthz),
            *control.ROUTES,
            *browser.ROUTES,
            *inbox.ROUTES,
            *sms.ROUTES,
            *pages.ROUTES,
        ]
        self.site = Starlette(routes=routes, lifespan=self.lifespan, exception_handlers={HTTPException: explain})
        self.site.state.world = self.world

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            await self.gateway(scope, receive, send)
        elif scope["type"] == "http" and (refusal := self.refusal(Request(scope))):
            await PlainTextResponse(refusal, status_code=403)(scope, receive, send)
        else:
            await self.site(scope, receive, send)

    def refusal(self, request: Request) -> str | None:
        """Control and buttons are for this machine alone, and for no page of another site open in its browser."""
        if request.url.path.startswith(("/js/", "/2010-04-01/")):
            return None
        if request.method in ("GET", "HEAD") and not request.url.path.startswith("/_control/"):
            return None
        origin = request.headers.get("origin")
        if origin and urlsplit(origin).netloc != request.headers.get("host"):
            return "Not from another site's page."
        here = request.client is None or ipaddress.ip_address(request.client.host).is_loopback
        return None if here or self.world.open_control else "Only from this machine; see --open-control."

    @contextlib.asynccontextmanager
    async def lifespan(self, site: Starlette) -> AsyncIterator[None]:
        dispatching = asyncio.create_task(self.world.dispatcher.run())
        mail = await smtp.listen(self.world, *self.smtp) if self.smtp else None
        try:
            yield
        finally:
            if mail:
                mail.close()
            dispatching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await dispatching
            self.world.store.close()
