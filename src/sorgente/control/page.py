"""``GET /`` and ``/static/…``: pages, and what they load.

All of it is read once, from the directory ``web``: it is small, and while players are served no
disk is waited for and no thread started.
"""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

import sorgente

PACKAGE: Final = Path(sorgente.__file__).parent

WEB: Final = next(
    directory for directory in (PACKAGE / "web", PACKAGE.parents[1] / "web") if directory.is_dir()
)
"""In the wheel, or in the working tree."""

PAGE: Final = {
    # Everything a page needs comes from here, and nothing of it stands in the page itself (CSP 3).
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class Files:
    """The files of a directory, by their paths in it."""

    def __init__(self, directory: Path) -> None:
        self._files = {
            str(file.relative_to(directory)): file.read_bytes()
            for file in sorted(directory.rglob("*"))
            if file.is_file()
        }

    def answer(self, request: Request, path: str) -> Response:
        """The file at ``path``, unless whoever asks has it."""
        content = self._files.get(path)
        if content is None:
            return PlainTextResponse("there is nothing at this path\n", 404)
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {"Cache-Control": "no-cache", "ETag": tag}
        if path.endswith(".html"):
            headers |= PAGE
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        return Response(content, headers=headers, media_type=kind)


FILES: Final = Files(WEB)


async def static(request: Request) -> Response:
    """``/static/{path}``."""
    return FILES.answer(request, request.path_params["path"])


async def dashboard(request: Request) -> Response:
    """The channels. What they are it asks ``/api/v1/events``, which may ask it for a key."""
    return FILES.answer(request, "dashboard/index.html")
