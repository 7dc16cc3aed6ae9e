"""``sorgente push`` as people start it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import imageio_ffmpeg
import psutil

from tests.support.origin import until

FFMPEGS: dict[str, str] = {"wheel": imageio_ffmpeg.get_ffmpeg_exe()}
"""The newest, and Debian's where it is installed."""
if (installed := shutil.which("ffmpeg")) is not None:
    FFMPEGS["path"] = installed


class Pushing:
    """A running push with an ffmpeg of the test's choice. What it says is in a file."""

    def __init__(
        self, directory: Path, ffmpeg: str, *arguments: str, env: Mapping[str, str] | None = None
    ) -> None:
        path = directory / "bin"
        path.mkdir()
        (path / "ffmpeg").symlink_to(ffmpeg)
        self._log = directory / "push.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name("sorgente")), "push", *arguments],
                env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def ffmpeg(self) -> psutil.Process | None:
        """The ffmpeg it runs."""
        children = psutil.Process(self.process.pid).children()
        return next((child for child in children if "-progress" in child.cmdline()), None)

    async def says(self, text: str) -> None:
        """Wait for ``text``."""
        await until(lambda: text in self.log or self.process.poll() is not None)
        assert text in self.log, self.log

    async def ended(self) -> int:
        """Wait for its exit code."""
        await until(lambda: self.process.poll() is not None)
        assert "Traceback" not in self.log, self.log
        return int(self.process.returncode)

    async def interrupted(self) -> int:
        """Ctrl-C, and its exit code."""
        self.process.send_signal(signal.SIGINT)
        return await self.ended()

    def __enter__(self) -> Pushing:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: object, ___: TracebackType | None
    ) -> None:
        """Not one process is left."""
        if self.process.poll() is None:
            family = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            self.process.wait()
            for child in family:
                child.kill()
