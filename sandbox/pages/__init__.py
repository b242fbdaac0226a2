"""Pages for people: accounts and what is in them, requests, faults, the inbox."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from . import accounts, customers, inbox, operations, settling


async def style(request: Request) -> Response:
    return FileResponse(Path(__file__).parent / "style.css", headers={"Cache-Control": "no-cache"})


ROUTES = [
    Route("/assets/style.css", style),
    *accounts.ROUTES,
    *customers.ROUTES,
    *operations.ROUTES,
    *settling.ROUTES,
    *inbox.ROUTES,
]
