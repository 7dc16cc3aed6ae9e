"""Hours of objects under ever new names: what is kept of them stays the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction

import pytest

from sorgente.media.addresses import Listed, Posted
from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.shelf import MAX_GONE, Shelf
from tests.support.collector import alive, in_dead_cycles, without_collector
from tests.support.players import player

WALL = 1_795_380_000
WINDOW = 60
TRACKS = ("v", "a")
SIZE = 2000
LISTED = 10
"""Segments an encoder keeps, if it deletes."""


class Encoder:
    """A segment a second of each track, and its manifests; players in between."""

    def __init__(self, *, deletes: bool, restarts: int) -> None:
        """``restarts``: seconds between them."""
        self.shelf = Shelf(WINDOW, 1 << 30, Counters())
        self.deletes = deletes
        self.restarts = restarts
        self.now = 0
        self.number = 0

    def begin(self) -> None:
        for track in TRACKS:
            self.put(f"init-{track}.m4s", is_init=True)

    def put(self, file: str, *, is_init: bool = False) -> None:
        segment = self.shelf.open(file, "video/mp4", WALL + self.now, is_init=is_init)
        assert segment is not None
        for _ in range(2):
            self.shelf.append(file, segment, Chunk.of(bytes(SIZE // 2), self.now))
            subscriber, _sink = player()
            segment.attend(subscriber)
            if self.now % 3:
                segment.leave(subscriber)
        segment.close()

    def run(self, hours: float) -> None:
        for _ in range(round(hours * 3600)):
            self.now += 1
            if self.now % self.restarts == 0:
                self.begin()
            self.number += 1
            self.second()
            self.shelf.expire(self.now)

    def second(self) -> None:
        shelf, number = self.shelf, self.number
        for track in TRACKS:
            waited = f"{track}-{number + 1}.m4s"
            shelf.hold(shelf.editions[-1].id, waited, self, lambda _: None)
            self.put(f"{track}-{number}.m4s")
            shelf.let_go(shelf.editions[-1].id, waited, self)
            if self.deletes:
                shelf.remove(f"{track}-{number - LISTED}.m4s")
        shelf.post("m.mpd", bytes(1500), Posted(starts_at=Fraction(1 + self.now // self.restarts)))
        shelf.post("p.m3u8", bytes(500), Posted(listed=Listed(number, number + 5)))


@pytest.fixture
def no_collector() -> Iterator[None]:
    with without_collector():
        yield


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("restarts", [600, 10**9], ids=["restarts", "one run"])
@pytest.mark.parametrize("deletes", [True, False], ids=["deletes", "deletes nothing"])
def test_hours_of_objects_leave_nothing_behind(deletes: bool, restarts: int) -> None:
    encoder = Encoder(deletes=deletes, restarts=restarts)
    shelf = encoder.shelf
    encoder.begin()
    encoder.run(0.5)
    held, objects, blocks = shelf.bytes_held, alive(), sys.getallocatedblocks()
    seconds = LISTED + 1 if deletes else WINDOW + 2
    editions = len(shelf.editions)
    most = seconds * len(TRACKS) * (SIZE + 1000) + editions * 3000 + editions * 2 * 3000
    assert SIZE * LISTED < held < most
    encoder.run(3)
    assert shelf.bytes_held == held
    assert shelf.held == 0
    assert not alive() - objects
    assert not in_dead_cycles()
    assert sys.getallocatedblocks() < blocks + MAX_GONE
    while shelf.drop_oldest():
        pass
    assert shelf.bytes_held == sum(
        edition.objects[file].bytes_held for edition in shelf.editions for file in edition.inits
    ) + sum(len(m) for edition in shelf.editions for m in edition.manifests.values())
