"""What ``push`` tells a program that runs it, instead of a person: a JSON object a line.

An origin that runs the source of a channel reads them: what happened for its log, and the state for
its page and its metrics.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import Final

from msgspec import DecodeError, Struct
from msgspec.json import Decoder, Encoder

from sorgente.tools.console import Console
from sorgente.tools.errors import ToolError

MAX_LINE: Final = 600
"""Characters of what is told; the rest is cut. With every one of them escaped (``\\u0001``) it is
still less than ``lines`` would cut in the middle."""


class State(Enum):
    """How it goes with a source."""

    STARTING = "starting"
    WAITING = "waiting"
    """For a caller, or for the origin."""
    RUNNING = "running"
    RESTARTING = "restarting"
    """It failed, and is begun again by itself."""
    FAILED = "failed"
    """It gave up."""
    ENDED = "ended"
    """A file, at its end."""


class Report(Struct, frozen=True, omit_defaults=True):
    """One line."""

    line: str
    """For people."""
    state: State | None = None
    """None: as it was."""
    wait: float = 0.0
    """Seconds until it begins again, when it is restarting."""


class Reports(Console):
    """Says it all to that program."""

    def say(self, line: str) -> None:
        """Something happened."""
        self._report(line)

    def retry(self, why: str, wait: float, what: str = "") -> None:
        """Something failed, and is done again in ``wait`` seconds."""
        self._report(why, State.RESTARTING, wait)

    def refuse(self, error: ToolError) -> None:
        """There is no use in going on."""
        self._report(str(error), State.FAILED)

    def finish(self, line: str) -> None:
        """All is done that there was to do."""
        self._report(line, State.ENDED)

    def wait(self, line: str) -> None:
        """It goes on when somebody else does something."""
        self._report(line, State.WAITING)

    def status(self, name: str, line: str) -> None:
        """How it goes; the program knows of what."""
        self._report(line, State.RUNNING)

    def _report(self, line: str, state: State | None = None, wait: float = 0.0) -> None:
        report = Report(line[:MAX_LINE], state, wait)
        with suppress(BrokenPipeError):  # nobody reads: the end of standard input says so too
            self._write(_encoder.encode(report).decode() + "\n")


def parse_report(line: str) -> Report | None:
    """A line that was read; None if it is no report."""
    try:
        return _decoder.decode(line)
    except DecodeError:  # of which a report that is none is one too (ValidationError)
        return None


_encoder: Final = Encoder()
_decoder: Final = Decoder(Report)
