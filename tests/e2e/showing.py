"""``sorgente demo`` as people start it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import psutil

from tests.support.origin import Site, until

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/watch/live\n")


class Showing(Site):
    """A running demo; what it says is in a file. In the end, not one process of it is left."""

    def __init__(
        self, log: Path, *options: str, port: int = 0, env: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self._log = log
        command = [str(Path(sys.executable).with_name("sorgente")), "demo", *options]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [*command, "--host", self.host, "--port", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=env,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def page(self) -> str:
        """The address it prints."""
        return f"{self.url}/watch/live"

    async def says(self, text: str) -> None:
        """Wait for ``text``."""
        await until(lambda: text in self.log or self.process.poll() is not None)
        assert text in self.log, self.log

    async def on_air(self, tracks: int = 2) -> Showing:
        """Wait for the address, and for all uploads."""
        await until(lambda: bool(ADDRESS.search(self.log)) or self.process.poll() is not None)
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

    async def interrupted(self) -> int:
        """Ctrl-C; its exit code."""
        self.process.send_signal(signal.SIGINT)
        await until(lambda: self.process.poll() is not None)
        assert "Traceback" not in self.log, self.log
        return int(self.process.returncode)

    def __enter__(self) -> Showing:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: object, ___: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            family = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            self.process.wait()
            for child in family:
                child.kill()
        self.hang_up()
