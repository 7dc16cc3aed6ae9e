"""What ffmpeg reports of its work with ``-progress``, and what that says about its pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MAX_LINE_BYTES: Final = 4096
"""Its lines have 40; more without an end is not it."""

PACE_SECONDS: Final = 5.0
"""How far back frame rate and speed are measured: long enough to be calm, short enough to show what
is going on."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One report."""

    frames: int | None = None
    """Frames of the first picture since the beginning; None without a picture."""
    seconds: float | None = None
    """Media time of what is written, since some beginning; None before the first packet."""
    last: bool = False
    """ffmpeg is done."""


class ProgressParser:
    """Bytes of the report in, a :class:`Progress` for each whole one out. Rubbish is skipped."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[bytes, bytes] = {}

    def feed(self, data: bytes) -> list[Progress]:
        """Take what came; a report ends with its ``progress`` line."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-MAX_LINE_BYTES:]
        reports = []
        for line in lines:
            key, _, value = line.strip().partition(b"=")
            if key == b"progress":
                reports.append(self._report(last=value == b"end"))
                self._fields.clear()
            elif key in (b"frame", b"out_time_us"):
                self._fields[key] = value.strip()
        return reports

    def _report(self, *, last: bool) -> Progress:
        frames, microseconds = (_integer(self._fields.get(k)) for k in (b"frame", b"out_time_us"))
        return Progress(
            None if frames is None or frames < 0 else frames,
            None if microseconds is None else microseconds / 1_000_000,
            last,
        )


def _integer(value: bytes | None) -> int | None:
    """None for ``N/A``, and for what is no number of 64 bits."""
    if value is None or len(value) > 20:
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if -(1 << 63) < number < 1 << 63 else None


class Pace:
    """How fast it goes, against a clock."""

    def __init__(self) -> None:
        self._reports: deque[_Moment] = deque()
        self._first: _Moment | None = None

    def note(self, progress: Progress, bytes_sent: int, now: float) -> None:
        """A report that came at ``now`` (seconds, of a clock that only grows), when so many bytes
        had been sent."""
        if not progress.seconds:  # nothing is written yet
            return
        moment = _Moment(now, progress.seconds, progress.frames, bytes_sent)
        self._first = self._first or moment
        self._reports.append(moment)
        while len(self._reports) > 2 and now - self._reports[1].now >= PACE_SECONDS:
            self._reports.popleft()

    @property
    def speed(self) -> float | None:
        """Seconds of media a second; 1 is live."""
        return self._slope(lambda moment: moment.seconds)

    @property
    def frame_rate(self) -> float | None:
        """Frames per second."""
        return self._slope(lambda moment: moment.frames)

    @property
    def bit_rate(self) -> float | None:
        """Bits per second."""
        bytes_per_second = self._slope(lambda moment: moment.bytes_sent)
        return None if bytes_per_second is None else bytes_per_second * 8

    @property
    def drift(self) -> float | None:
        """Seconds the media have gone ahead of the clock since the first report; negative:
        behind."""
        if self._first is None:
            return None
        last = self._reports[-1]
        return (last.seconds - self._first.seconds) - (last.now - self._first.now)

    def _slope(self, value: Callable[[_Moment], float | None]) -> float | None:
        if len(self._reports) < 2:
            return None
        old, new = self._reports[0], self._reports[-1]
        before, after = value(old), value(new)
        if before is None or after is None or new.now <= old.now:
            return None
        return (after - before) / (new.now - old.now)


@dataclass(frozen=True, slots=True)
class _Moment:
    now: float
    seconds: float
    frames: int | None
    bytes_sent: int
