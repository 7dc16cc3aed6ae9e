"""``sorgente push`` as people start it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import imageio_ffmpeg
import psutil

from tests.support.command import Command

FFMPEGS: dict[str, str] = {"wheel": imageio_ffmpeg.get_ffmpeg_exe()}
"""The newest, and Debian's where it is installed."""
if (installed := shutil.which("ffmpeg")) is not None:
    FFMPEGS["path"] = installed


class Pushing(Command):
    """A running push with an ffmpeg of the test's choice."""

    def __init__(
        self, directory: Path, ffmpeg: str, *arguments: str, env: Mapping[str, str] | None = None
    ) -> None:
        path = directory / "bin"
        path.mkdir()
        (path / "ffmpeg").symlink_to(ffmpeg)
        theirs = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", **(env or {})}
        super().__init__(directory / "push.log", "push", *arguments, env=theirs)

    @property
    def ffmpeg(self) -> psutil.Process | None:
        """The ffmpeg it runs."""
        children = psutil.Process(self.process.pid).children()
        return next((child for child in children if "-progress" in child.cmdline()), None)
