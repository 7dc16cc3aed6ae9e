"""``sorgente …`` as people start it: a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.support.origin import until


class Command:
    """A running ``sorgente``. What it says is in a file, and must not hold a traceback. In the end,
    not one process of it is left."""

    def __init__(self, log: Path, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """``env``: None for ours."""
        self.log_path = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name("sorgente")), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=env,
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    async def logged(self, text: str) -> None:
        """Wait for ``text`` in the log."""
        await until(lambda: text in self.log or not self.alive)
        assert text in self.log, self.log

    async def exited(self) -> int:
        """Wait for the exit code."""
        await until(lambda: not self.alive)
        assert "Traceback" not in self.log, self.log
        return int(self.process.returncode)

    async def interrupted(self) -> int:
        """Ctrl-C, and its exit code."""
        self.process.send_signal(signal.SIGINT)
        return await self.exited()

    def kill(self) -> None:
        """End it and all that it runs, if it has not ended."""
        if self.alive:
            family = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            self.process.wait()
            for child in family:
                with suppress(psutil.NoSuchProcess):
                    child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: object, ___: TracebackType | None
    ) -> None:
        self.kill()
