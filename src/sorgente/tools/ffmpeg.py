"""Which ffmpeg there is, what it can do, and what of its many words matters."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sorgente.ffmpeg import find_program, program_of_the_wheel
from sorgente.tools.errors import FfmpegMissing
from sorgente.tools.leash import find_leash
from sorgente.tools.redact import without_secrets

HOW_TO_GET_ONE: Final = (
    "ffmpeg is missing: `pip install imageio-ffmpeg` brings one, "
    "or `apt install ffmpeg`, `brew install ffmpeg`"
)
ASK_SECONDS: Final = 20
"""For ffmpeg to say what it can do; it takes 0.05 s, on a machine that swaps more."""

ENCODER: Final = re.compile(r"^ [A-Z.]{6} (\w\S*)", re.MULTILINE)
"""A line of ``-encoders``."""

TEXT: Final = "color=size=64x64:duration=0.04,drawtext=text=0"
"""A picture with text in it: ``drawtext`` may be there and find no font, so it is tried."""

PREFIX: Final = re.compile(r"^(?:\[[^\]]* @ 0x[0-9a-f]+\] )*(?:\[(?P<level>[a-z]+)\] )?")
"""What ``-loglevel level+…`` puts before a line: the part of ffmpeg that speaks, and how bad it is.
"""
BAD: Final = frozenset({"error", "fatal", "panic"})
UNKNOWN: Final = ("Protocol not found", "Unknown input format")
"""What it says of an input that it was not built for (``AVERROR_PROTOCOL_NOT_FOUND``)."""


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """An ffmpeg, and what of it differs from one to the next.

    It is asked what it can do, not which version it is: forks, snapshots and distributions all
    write that differently.
    """

    path: str
    encoders: frozenset[str] = frozenset({"libx264", "aac"})
    bursts: bool = True
    """Reads ahead when it begins to read at native speed, and has an option against it (6.1)."""
    writes_text: bool = False
    """``drawtext`` is there and finds a font."""
    leash: tuple[str, ...] = ()
    """Stands before it in a command: see ``find_leash``."""

    @property
    def program(self) -> tuple[str, ...]:
        """How a command begins."""
        return (*self.leash, self.path)

    def need_encoder(self, name: str) -> None:
        """Raise FfmpegMissing if it cannot encode with ``name``."""
        if name not in self.encoders:
            raise FfmpegMissing(f"{self.path} has no {name}; {HOW_TO_GET_ONE.partition(': ')[2]}")


def find_ffmpeg() -> Ffmpeg:
    """The ffmpeg on the ``PATH``, else that of the ``imageio-ffmpeg`` wheel.

    Raises FfmpegMissing.
    """
    found = find_program()
    if found is None:
        raise FfmpegMissing(HOW_TO_GET_ONE)
    return examined(found)


def find_prompt_ffmpeg() -> Ffmpeg:
    """The same, but that of the wheel if the one on the ``PATH`` is older than 6.1: with a second
    input for the sound, that holds pictures back for 60 ms (5.1, measured; 9.0: none).

    Raises FfmpegMissing.
    """
    found = find_ffmpeg()
    other = None if found.bursts else program_of_the_wheel()
    return found if other in (None, found.path) else examined(other)


def examined(path: str) -> Ffmpeg:
    """What the ffmpeg at ``path`` can do.

    Raises FfmpegMissing if it does not run.
    """
    return Ffmpeg(
        path,
        encoders=frozenset(ENCODER.findall(_run(path, "-encoders").stdout)),
        bursts="-readrate_initial_burst" in _run(path, "-h", "long").stdout,
        writes_text=_run(path, "-f", "lavfi", "-i", TEXT, "-f", "null", "-").returncode == 0,
        leash=find_leash(),
    )


def _run(path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [path, "-hide_banner", "-nostdin", "-v", "error", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FfmpegMissing(f"{path} does not run: {error}") from error


def said(line: str) -> str:
    """A line of ffmpeg's without what stands before it, and without secrets."""
    return without_secrets(PREFIX.sub("", line, count=1).strip())


def complaint(lines: Iterable[str]) -> str | None:
    """The first line that is an error: the later ones follow from it."""
    for line in lines:
        match = PREFIX.match(line)
        if match is not None and match["level"] in BAD:
            return said(line)
    return None


def never_reads(complaint: str) -> bool:
    """Whether this ffmpeg will say the same next time: it does not know the protocol, which may be
    misspelt, or the device."""
    return any(each in complaint for each in UNKNOWN)
