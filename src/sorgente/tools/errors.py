"""What ends a tool, each with the one line that the person who runs it is told.

ToolError
├── FfmpegMissing     there is no ffmpeg, or not one that can do what is asked
├── UnusableArgument  an argument means nothing
├── InputRefused      ffmpeg could not open or read the input
├── OriginRefused     the origin said no, and would say no again
├── OriginLost        the origin is not there, or not now: worth another try
└── NothingToWatch    there is nothing live at the address
"""

from __future__ import annotations

from typing import Final

TRY_AGAIN: Final = frozenset({408, 409, 425, 429})
"""Statuses below 500 that may be another one soon: silence, another publisher, too many."""


class ToolError(Exception):
    """Something the person who runs the tool should know; ``str()`` is the line."""


class FfmpegMissing(ToolError):
    """There is no ffmpeg, or not one that can do what is asked."""


class UnusableArgument(ToolError):
    """An argument of the command line means nothing."""


class InputRefused(ToolError):
    """ffmpeg could not open or read the input; the line is ffmpeg's own."""


class OriginRefused(ToolError):
    """The origin answered with a status that will not change by asking again."""


class OriginLost(ToolError):
    """The origin is not there, or answered what it may not answer next time."""

    def __init__(self, line: str, status: int | None = None) -> None:
        super().__init__(line)
        self.status = status
        """What it answered, if it did."""


class NothingToWatch(ToolError):
    """There is nothing live at the address, for whoever only looks."""


def refusal(status: int, line: str) -> ToolError:
    """The error for an answer that is not 2xx; ``line`` is the first line of its body."""
    told = f"the origin answers {status}: {line}" if line else f"the origin answers {status}"
    if status in TRY_AGAIN or status >= 500:
        return OriginLost(told, status)
    return OriginRefused(told)
