"""The pages' own files, as they are in the package: ``/``, ``/watch/{channel}`` and ``/static/…``.

What may be asked for is what was there when the origin began: no path of a request is ever joined
to a directory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

WEB: Final = Path(__file__).parents[1] / "web"
"""Beside them, in ``vendor``, what ``scripts/players`` packs in."""

KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served, and as what; anything else in the directory is not."""

POLICY: Final = "; ".join([
    "default-src 'self'",
    "script-src 'self'",
    "media-src 'self' blob:",  # Media Source Extensions
    "img-src 'self' data: blob:",  # thumbnails
    "worker-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
])  # fmt: skip
"""Nothing of others, nothing inline (CSP 3)."""

REVALIDATED: Final = "no-cache"
"""The names stay when the files change: browsers ask, and mostly hear 304."""

PIECE: Final = 64 << 10
"""Bytes that are handed on at a time: who reads slowly has no more than that waiting."""


def static_routes(directory: Path = WEB) -> list[Route]:
    """The routes of what is in ``directory``."""
    files = {path.relative_to(directory).as_posix(): path for path in _shown(directory)}

    async def dashboard(request: Request) -> Response:
        return await _file(request, files["dashboard/index.html"])

    async def watch(request: Request) -> Response:
        return await _file(request, files["watch.html"])

    async def static(request: Request) -> Response:
        path = files.get(request.path_params["name"])
        if path is None:
            return PlainTextResponse("there is nothing at this path\n", 404)
        return await _file(request, path)

    return [
        Route("/", dashboard),
        Route("/watch/{channel}", watch),
        Route("/static/{name:path}", static),
    ]


def _shown(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.rglob("*")) if path.suffix in KINDS)


async def _file(request: Request, path: Path) -> Response:
    content = await asyncio.to_thread(path.read_bytes)
    tag = f'"{sha256(content).hexdigest()[:16]}"'
    headers = {"Cache-Control": REVALIDATED, "ETag": tag}
    if path.suffix == ".html":
        headers["Content-Security-Policy"] = POLICY
        headers["Referrer-Policy"] = "no-referrer"  # an address may hold a key
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(len(content))
    pieces = (content[at : at + PIECE] for at in range(0, len(content), PIECE))
    return StreamingResponse(_each(pieces), headers=headers, media_type=KINDS[path.suffix])


async def _each(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
