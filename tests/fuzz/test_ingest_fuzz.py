"""Encoders that send broken objects in any order, many at a time: only what has an answer comes
out, and what players get is sound.

Deterministic: a failure names its seed, and the seed is the whole test case.
"""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from sorgente.errors import OriginError
from sorgente.media.channel import Channel
from sorgente.media.publisher import Form, Publisher
from sorgente.media.utc import UtcClock
from tests.fuzz.test_isobmff_fuzz import mutated
from tests.support import boxes
from tests.support.boxes import AUDIO, TrackSpec
from tests.support.journal import RecordingJournal
from tests.support.live import video
from tests.support.objects import LAST_WORD, META, TEXT, one_chunk, segments, sound
from tests.support.players import player
from tests.support.rules import channel_rules
from tests.support.uploads import in_pieces, units_of

ITERATIONS = 600
BATCHES = 6
STEPS = 40
WINDOW_BYTES = 1 << 16
MAX_PENDING = 16
"""Bodies open at a time."""

UPLOAD = video(60, gop=5)
PAIRS = {
    "v1": (UPLOAD.init, segments(UPLOAD)),
    "v2": (boxes.init_segment(TrackSpec(timescale=90000)), segments(UPLOAD)),
    "a": (boxes.init_segment(AUDIO), [sound(at * 0.2, 0.2) for at in range(12)]),
    "t": (boxes.init_segment(TEXT), [one_chunk(TEXT, at, 2) for at in range(0, 24, 2)]),
    "m": (boxes.init_segment(META), [one_chunk(META, 10**9, 2), one_chunk(META, 4, 0)]),
}


class Chaos:
    """A channel, and encoders that do as chance will have it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = 100.0
        rules = channel_rules(window_bytes=WINDOW_BYTES, tracks=8)
        self.channel = Channel("live", rules, RecordingJournal(), UtcClock(self.now, 1.8e9))
        self.open: list[Publisher] = []
        self.sinks = []
        for track in PAIRS:
            subscriber, sink = player()
            self.channel.feed(track).subscribe(subscriber)
            self.sinks.append(sink)

    def body(self) -> tuple[str, bytes]:
        chance = self.chance
        track = chance.choice(list(PAIRS))
        init, bodies = PAIRS[chance.choice([track, track, track, chance.choice(list(PAIRS))])]
        data = chance.choice([init, chance.choice(bodies), init + chance.choice(bodies), LAST_WORD])
        return track, mutated(data, chance) if chance.random() < 0.4 else data

    def step(self) -> None:
        chance = self.chance
        match chance.randrange(6):
            case 0 | 1 | 2:
                self.send(*self.body())
            case 3 if self.open:
                self.open.pop(chance.randrange(len(self.open))).finish(self.now)
            case 4 if self.open:
                self.open.pop().break_off("gone", self.now)
            case _:
                self.now += chance.choice([0.01, 0.3, 3.0, 35.0])
                self.channel.tick(self.now)
                self.channel.presentation.snapshot()

    def send(self, track: str, data: bytes) -> None:
        publisher = self.channel.publish(
            track, "me", self.now, 1.8e9, lambda _: None,
            form=self.chance.choice(list(Form)), takeover=self.chance.random() < 0.1,
        )  # fmt: skip
        if len(self.open) < MAX_PENDING:
            self.open.append(publisher)
        for piece in in_pieces(data, self.chance.choice([1 << 20, 50])):
            publisher.feed(piece, self.now)
        if publisher not in self.open:
            publisher.finish(self.now)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_nothing_but_answers_comes_of_chaos(batch: int) -> None:
    for seed in range(batch, ITERATIONS, BATCHES):
        chaos = Chaos(seed)
        try:
            for _ in range(STEPS):
                with suppress(OriginError):
                    chaos.step()
            for sink in chaos.sinks:
                units_of(sink.body)
        except Exception as error:
            raise AssertionError(f"seed {seed} raises {error!r}") from error
        held = chaos.channel.presentation.bytes_held
        chaos.channel.tick(chaos.now)
        largest = max(len(body) for _, bodies in PAIRS.values() for body in bodies)
        assert held <= 2 * WINDOW_BYTES + MAX_PENDING * largest, seed
