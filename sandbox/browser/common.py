"""What the pages for browsers share: files, headers, policy, forms."""

from pathlib import Path
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

FILES = Path(__file__).parent / "files"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
SHARED = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src http: https:; base-uri 'none'"
)


def file_answer(name: str, **headers: str) -> Response:
    path = FILES / name
    return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers={**SHARED, **headers})


async def fields_of(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
