"""The ASGI application: Stripe's API under /v1/, the browser script under /js/, control and pages beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import browser, control
from .api.server import Gateway
from .faults import Faults
from .store import Store
from .webhooks import Dispatcher
from .world import World


async def healthz(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def explain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/_control/"):
        return JSONResponse({"error": error.detail}, status_code=error.status_code)
    return PlainTextResponse(error.detail, status_code=error.status_code)


class Sandbox:
    """Requests to /v1/ go straight to the gateway; all others through Starlette."""

    def __init__(self, data: Path, *, public_url: str | None = None, **options: Any):
        store = Store(data)
        faults = Faults(store)
        dispatcher = Dispatcher(store, faults)
        self.world = World(store, faults, dispatcher, public_url=public_url, **options)
        self.gateway = Gateway(store, faults, dispatcher, public_url)
        routes = [Route("/healthz", healthz), *control.ROUTES, *browser.ROUTES]
        self.site = Starlette(routes=routes, lifespan=self.lifespan, exception_handlers={HTTPException: explain})
        self.site.state.world = self.world

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            await self.gateway(scope, receive, send)
        else:
            await self.site(scope, receive, send)

    @contextlib.asynccontextmanager
    async def lifespan(self, site: Starlette) -> AsyncIterator[None]:
        dispatching = asyncio.create_task(self.world.dispatcher.run())
        try:
            yield
        finally:
            dispatching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await dispatching
            self.world.store.close()
