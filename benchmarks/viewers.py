"""Virtual low-latency DASH players: the program that plays them, and who reads the MPD to it.

The players themselves ask for the MPD once a second, as real ones do; but what is in it is the same
for all, so it is read once, here, and they are told (``native/audience.h``).
"""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from benchmarks.generator import Generator, LoadFailed
from sorgente.tools.mpd.presentation import read_mpd
from sorgente.tools.mpd.segments import Addressing
from sorgente.tools.mpd.tree import UnreadableManifest

_NS: Final = 1_000_000_000
_LOOK_SECONDS: Final = 1.0
_TELL_SECONDS: Final = 0.25
_AHEAD_NS: Final = 1_500_000_000
"""How far ahead of its time a segment is told: what a player with an MPD a second old knows."""

_ANSWER_SECONDS: Final = 10
_CLOCK_READINGS: Final = 5
_JOIN_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One track in one period."""

    track: int
    """Index among the adaptation sets."""
    segments: Addressing

    def first(self, count: int = 1) -> list[str]:
        """URLs of the oldest segments there may be."""
        number = self.segments.start_number
        made = (self.segments.numbered(each) for each in range(number, number + count))
        return [each.url for each in made if each is not None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a channel's manifest is."""

    host: str
    port: int
    target: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Take a URL apart.

        Raises:
            ValueError: it is not one of http.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"not an http:// address: {url}")
        return cls(parts.hostname, parts.port or 80, parts.path or "/")

    def at(self, relative: str) -> str:
        """The request target of a URL in the manifest."""
        return urlsplit(urljoin(f"http://host{self.target}", relative)).path

    def fetch(self, target: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of one GET, on a connection of its own.

        Raises:
            OSError, http.client.HTTPException
        """
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_ANSWER_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", target, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()

    def manifest(self) -> list[Line]:
        """Read the manifest.

        Raises:
            UnreadableManifest, OSError, http.client.HTTPException
        """
        status, body = self.fetch(self.target)
        if status != 200:
            raise UnreadableManifest(f"{self.target}: status {status}")
        return read_lines(body, f"http://{self.host}:{self.port}{self.target}")

    def wait_for_manifest(self, tracks: int = 1, seconds: float = 30) -> list[Line]:
        """Read it as soon as there are so many tracks in it.

        Raises:
            LoadFailed: there were not.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                lines = self.manifest()
                if len({line.track for line in lines}) >= tracks:
                    return lines
                why = "too few tracks"
            except (UnreadableManifest, OSError, http.client.HTTPException) as error:
                why = str(error)
            if time.monotonic() > deadline:
                raise LoadFailed(f"no manifest of {tracks} track(s) at {self.target}: {why}")
            time.sleep(0.1)

    def clock_ahead_ns(self) -> int:
        """The server's UTC − this machine's ``CLOCK_MONOTONIC``, by ``/time``: its milliseconds are
        cut off, so half of one is added. The quickest of a few readings counts."""
        best: tuple[int, int] | None = None
        for _ in range(_CLOCK_READINGS):
            before = time.monotonic_ns()
            _, body = self.fetch("/time")
            after = time.monotonic_ns()
            utc = int(datetime.fromisoformat(body.decode().strip()).timestamp() * 1e6) * 1000
            reading = (after - before, utc + 500_000 - (before + after) // 2)
            best = min(best or reading, reading)
        assert best is not None
        return best[1]


def read_lines(body: bytes, url: str) -> list[Line]:
    """Every track of every period of a live MPD, in order. Of an adaptation set the first
    representation is taken: the audience does not adapt.

    Raises:
        UnreadableManifest
    """
    mpd = read_mpd(body, url)
    if not mpd.live:
        raise UnreadableManifest("the event is over, or was never live")
    lines = []
    for period in mpd.periods:
        for track, (first, *_) in enumerate(period.sets):
            if first.addressing is None or "$Number" not in first.addressing.media:
                raise UnreadableManifest("only SegmentTemplate with $Number$ is understood")
            lines.append(Line(track, first.addressing))
    if not lines:
        raise UnreadableManifest("no period with a track in it")
    return lines


class Guide:
    """Reads the manifest once a second, and tells a generator what is due next."""

    def __init__(self, address: Address, generator: Generator, tracks: int = 1) -> None:
        """Raises LoadFailed: there is no manifest that can be read."""
        self._address = address
        self._generator = generator
        self._lines = address.wait_for_manifest(tracks)
        self._ahead_ns = address.clock_ahead_ns()
        self._told: set[tuple[int, str]] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_round, daemon=True)
        generator.tell(f"manifest {address.target}")
        # The segments that are growing now are for those who join; they began before now.
        self._tell(_longest_ns(self._lines))
        self._thread.start()

    def end(self) -> None:
        """Tell nothing more."""
        self._over.set()
        self._thread.join(_ANSWER_SECONDS)

    def _go_round(self) -> None:
        look_at = time.monotonic() + _LOOK_SECONDS
        while not self._over.wait(_TELL_SECONDS):
            if time.monotonic() >= look_at:
                look_at += _LOOK_SECONDS
                # What cannot be read now, players cannot read either: they go on as they know.
                with contextlib.suppress(UnreadableManifest, OSError, http.client.HTTPException):
                    self._lines = self._address.manifest()
            self._tell(_LOOK_SECONDS * 2 * _NS)

    def _tell(self, back_ns: float) -> None:
        now = time.monotonic_ns() + self._ahead_ns
        since, until = Fraction(now - int(back_ns), _NS), Fraction(now + _AHEAD_NS, _NS)
        words = []
        for line in self._lines:
            how = line.segments
            init = self._address.at(how.init)
            if self._is_news(line.track, init):
                words.append(f"init {line.track} {init}")
            for made in takewhile(lambda made: made.available <= until, how.available_from(since)):
                target = self._address.at(made.url)
                if self._is_news(line.track, target):
                    words.append(
                        f"segment {line.track} {made.number} {self._here(made.available)} "
                        f"{how.timescale} {self._here(how.zero())} {target}"
                    )
        if words:
            self._generator.tell(*words)

    def _here(self, utc: Fraction) -> int:
        """A moment by this machine's clock, in nanoseconds."""
        return int(utc * _NS) - self._ahead_ns

    def _is_news(self, track: int, target: str) -> bool:
        news = (track, target) not in self._told
        self._told.add((track, target))
        return news


def _longest_ns(lines: list[Line]) -> int:
    """Of all segments, and of the time they are asked for ahead of their end."""
    return int(max(2 * line.segments.longest for line in lines) * _NS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many viewers, and how they ask."""

    viewers: int
    early_ms: float = 25
    """The first ones ask so much before a segment is due: clocks are never quite right."""

    spread_ms: float = 50
    """All of them ask within this time."""

    manifest_seconds: float = 1
    """Between two looks at the manifest; 0: only when joining."""

    ramp_rate: float = 500
    sources: int = 64
    """Addresses 127.0.0.1 … they come from; 1: the system's choice."""

    tracks: int = 1
    """That the manifest must have before anybody joins."""

    @property
    def options(self) -> dict[str, object]:
        """For the generator."""
        return {
            "viewers": self.viewers,
            "early-ms": self.early_ms,
            "spread-ms": self.spread_ms,
            "manifest-seconds": self.manifest_seconds,
            "ramp-rate": self.ramp_rate,
            "sources": self.sources,
        }


class Audience:
    """The viewers of one channel, step by step."""

    def __init__(self, program: Path, address: Address, crowd: Crowd, core: int | None) -> None:
        """``core`` to pin the viewers to, if any."""
        self._crowd = crowd
        self._guide: Guide | None = None
        self._address = address
        options = {"port": address.port, "address": address.host, **crowd.options}
        self._generator = Generator(program, options, core)

    def __enter__(self) -> Audience:
        return self

    def __exit__(self, *_: object) -> None:
        if self._guide is not None:
            self._guide.end()
        self._generator.end()

    def join(self) -> None:
        """Let the viewers in; return when all of them have media, or are given up.

        Raises:
            LoadFailed: there is nothing to watch.
        """
        self._generator.expect("ready")
        self._guide = Guide(self._address, self._generator, self._crowd.tracks)
        self._generator.tell("ramp")
        self._generator.expect(
            "joined", _JOIN_SECONDS + self._crowd.viewers / self._crowd.ramp_rate
        )

    def measure(self, start_ns: int, end_ns: int) -> None:
        """Fix the measured window."""
        self._generator.tell(f"go {start_ns} {end_ns}")

    def hear(self, seconds: float) -> str | None:
        """The next line about the course."""
        return self._generator.hear(seconds)

    def result(self) -> dict[str, Any]:
        """Wait for the end of the window, and read the result.

        Raises:
            LoadFailed: there is none.
        """
        return self._generator.result()
