"""The page with the player, served from a port of its own: another origin than the media's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import urlencode

from sorgente.control.static import WEB
from tests.support.npm import package_file

Name = Literal["dash", "shaka"]
NAMES: Final[tuple[Name, ...]] = get_args(Name)

SCRIPTS: Final[Mapping[Name, str]] = {
    "dash": "dashjs/dist/modern/umd/dash.all.min.js",
    "shaka": "shaka-player/dist/shaka-player.compiled.js",
}
OF_OURS: Final = ("clock.js", "site.js")
"""Modules of the watch page that read the clock in the picture."""
HERE: Final = Path(__file__).parent
Files = Mapping[str, tuple[str, bytes]]
"""Path to content type and bytes."""


def files(name: Name) -> Files:
    """The page, its script, and the player as npm has it."""
    javascript = "text/javascript; charset=utf-8"
    return {
        "/": ("text/html; charset=utf-8", (HERE / "page.html").read_bytes()),
        "/watch.js": (javascript, (HERE / "watch.js").read_bytes()),
        **{f"/{each}": (javascript, (WEB / each).read_bytes()) for each in OF_OURS},
        "/player.js": (javascript, package_file(SCRIPTS[name])),
    }


@asynccontextmanager
async def serving(served: Files) -> AsyncIterator[str]:
    """Serve files; yields where."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode().partition("?")[0]
            kind, body = served.get(path, ("text/plain", b""))
            status = "200 OK" if path in served else "404 Not Found"
            lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
            lines += ["Cache-Control: no-store", "Connection: close", "", ""]
            writer.write("\r\n".join(lines).encode() + body)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the browser opens connections ahead, and drops them
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def address(site: str, name: Name, manifest: str, setup: str = "") -> str:
    """Of the page with a player of a manifest; ``setup``: JavaScript that sets ``player`` up."""
    return f"{site}?{urlencode({'player': name, 'url': manifest, 'setup': setup})}"
