"""``sorgente demo`` as people start it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import psutil

from tests.support.command import Command
from tests.support.origin import Site

ADDRESS = re.compile(r"\bhttps?://127\.0\.0\.1:(\d+)/watch/live\n")


class Showing(Command, Site):
    """A running demo."""

    def __init__(
        self, log: Path, *options: str, port: int = 0, env: Mapping[str, str] | None = None
    ) -> None:
        Site.__init__(self)
        place = ("--host", self.host, "--port", str(port))
        Command.__init__(self, log, "demo", *options, *place, env=env)

    @property
    def page(self) -> str:
        """The address it prints."""
        return f"{self.url}/watch/live"

    async def on_air(self, tracks: int = 2) -> Showing:
        """Wait for the address, and for all uploads."""
        await self.logged("/watch/live\n")
        address = ADDRESS.search(self.log)
        assert address is not None, self.log
        self.port = int(address[1])
        await self.until_metric("sorgente_publishers", tracks)
        return self

    @property
    def ffmpeg(self) -> psutil.Process:
        """The one it runs."""
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self.hang_up()
