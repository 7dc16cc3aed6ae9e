"""Encoders of DASH and HLS that put, break off, take back and begin again in any order, a part of
it rubbish, over connections of the real front, on a clock in our hands.

Whatever they do: every request is answered, and never with an error of ours; what is kept has its
bounds; what was acknowledged is got back byte for byte, or it is gone; nothing of one channel is
seen in another; and when all is over, nothing is left.

Deterministic: a failure names its seed, and the seed is the whole test case.
"""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from dataclasses import dataclass, field

import pytest

from sorgente.media.addresses import MAX_NAMES
from sorgente.media.shelf import MAX_EDITIONS, MAX_GONE, MAX_INITS, MAX_MANIFESTS
from tests.fuzz.test_isobmff_fuzz import mutated
from tests.support import boxes
from tests.support.boxes import AUDIO, TrackSpec
from tests.support.objects import LAST_WORD, META, one_chunk, styp
from tests.support.transport import House, RecordingTransport, request

SEEDS = 120
TELLING = (859,)
"""Seeds that have found something: an init segment replaced while chunks of the old one wait."""
BATCHES = 6
STEPS = 90
MOST_OPEN = 5
MOST_WATCHING = 12

WINDOW_BYTES = 1 << 15
TRACKS = 4
CHANNELS = ("north", "south")
SPECS = {"v": TrackSpec(timescale=90000), "a": AUDIO, "m": META}

NAMES = (
    *(f"init-{track}.m4s" for track in "vam"),
    *(f"chunk-{track}-{number:05d}.m4s" for track in "vam" for number in range(1, 6)),
    *("v0/init.mp4", "v0/seg1.m4s", "v0/seg2.m4s", "init.mp4", "seg7.m4s", "odd", "x.cmfv"),
)
MANIFESTS = ("own.mpd", "index.m3u8", "v0/index.m3u8")
MPD = """<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="{}" {}><Period id="0" start="PT0S">
<AdaptationSet id="0"><SegmentTemplate timescale="1" duration="1" {}
initialization="init-$RepresentationID$.m4s"
media="chunk-$RepresentationID$-$Number%05d$.m4s">{}</SegmentTemplate>
<Representation id="v" bandwidth="1"/><Representation id="a" bandwidth="1"/>
</AdaptationSet></Period></MPD>"""
PLAYLIST = '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:1,\nseg1.m4s\n{}'

ANSWERS = frozenset((200, 400, 403, 404, 405, 408, 409, 410, 412, 413, 415))
"""What an encoder may be told. Of 5xx, players alone: that there are too many of them."""


def over(wire: RecordingTransport) -> bool:
    """Nothing more may be asked of the origin there."""
    return wire.is_closing() or wire.eof


@dataclass
class Body:
    """A request under way."""

    wire: RecordingTransport
    channel: str
    file: str
    whole: bytes
    pieces: list[bytes]


@dataclass
class Answer:
    """A response, as far as it came."""

    status: int
    body: bytes
    complete: bool

    @classmethod
    def of(cls, data: bytes) -> Answer:
        head, _, rest = data.partition(b"\r\n\r\n")
        status = int(head[9:12])
        if b"Transfer-Encoding: chunked" in head:
            return cls(status, *_dechunked(rest))
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        return cls(status, rest, len(rest) == length)


def _dechunked(data: bytes) -> tuple[bytes, bool]:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return body, True
        body, data = body + data[:length], data[length + 2 :]
    return body, False


@dataclass
class Chaos:
    """An origin, and encoders and players that do as chance will have it."""

    chance: random.Random
    house: House = field(
        default_factory=lambda: House(window_bytes=WINDOW_BYTES, tracks=TRACKS, per_address=1000)
    )
    open: list[Body] = field(default_factory=list)
    free: list[RecordingTransport] = field(default_factory=list)
    watching: list[tuple[RecordingTransport, str, str]] = field(default_factory=list)
    known: dict[tuple[str, str], set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """What was acknowledged, under each name."""
    number: int = 0

    def step(self) -> None:
        match self.chance.randrange(10):
            case 0 | 1 | 2 | 3:
                self.begin()
            case 4 | 5 if self.open:
                self.go_on(self.chance.choice(self.open))
            case 6 if self.open and self.chance.random() < 0.3:
                gone = self.open.pop(self.chance.randrange(len(self.open)))
                gone.wire.lose(self.chance.choice([None, ConnectionResetError()]))
            case 7:
                self.watch()
            case 8:
                self.remove()
            case _:
                self.house.pass_time(self.chance.choice([0.01, 0.3, 1.0, 3.0, 35.0]))
                self.bounded()

    def begin(self) -> None:
        """A request with its first bytes, if any; the rest may come later."""
        chance = self.chance
        channel = chance.choice(CHANNELS)
        if len(self.open) >= MOST_OPEN:
            self.go_on(self.open[0], to_the_end=True)
        file = chance.choice(MANIFESTS if chance.random() < 0.2 else NAMES)
        whole = self.manifest(file) if file in MANIFESTS else self.media(channel, file)
        if chance.random() < 0.2:
            whole = mutated(whole, chance)
        size = chance.choice([1 << 20, 100, 7])
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        pieces = [*pieces[:20], *([b"".join(pieces[20:])] if pieces[20:] else [])]
        head = f"{chance.choice(['PUT', 'POST'])} /ingest/{channel}/{file} HTTP/1.1".encode()
        for wire in [wire for wire in self.free if over(wire)]:
            self.free.remove(wire)
            wire.lose()
        wire = self.free.pop() if self.free and chance.random() < 0.8 else self.house.connect()
        if chance.random() < 0.5:
            lines = [b"Content-Length: %d" % len(whole)]
        else:
            lines = [b"Transfer-Encoding: chunked"]
            pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]
        body = Body(wire, channel, file, whole, pieces)
        wire.receive(request(head, *lines))
        self.open.append(body)
        self.go_on(body, to_the_end=chance.random() < 0.6)

    def media(self, channel: str, file: str) -> bytes:
        """Of a track, though perhaps not of that which the name says."""
        chance = self.chance
        track = chance.choice([*(name for name in SPECS if f"-{name}" in file), *"vva"])
        spec = SPECS[track]
        init = boxes.init_segment(spec)
        self.number += 1
        payload = f"of {channel}, {self.number}".encode() * chance.choice([1, 40])
        chunks = [one_chunk(spec, at, 1, payload) for at in chance.choice([[1], [5, 6], [9, 2]])]
        if "init" in file and chance.random() < 0.9:
            return init
        return chance.choice([styp(b"msdh"), b"", b"", init]) + b"".join(chunks) + chance.choice(
            [b"", b"", b"", LAST_WORD]
        )  # fmt: skip

    def manifest(self, file: str) -> bytes:
        chance = self.chance
        if file.endswith("m3u8"):
            end = chance.choice(["", "", "#EXT-X-ENDLIST\n", "#EXT-X-DISCONTINUITY\n"])
            return PLAYLIST.format(chance.choice([0, 1, 7]), end).encode()
        kind = chance.choice(["dynamic", "dynamic", "static"])
        start = f'availabilityStartTime="2026-11-22T12:00:0{chance.randrange(3)}Z"'
        listed = '<SegmentTimeline><S t="0" d="1" r="4"/></SegmentTimeline>'
        says = 'availabilityTimeOffset="0.9"'
        return MPD.format(
            kind, chance.choice([start, ""]), chance.choice([says, ""]), chance.choice([listed, ""])
        ).encode()

    def go_on(self, body: Body, *, to_the_end: bool = False) -> None:
        while body.pieces and body.wire.reading and not body.wire.is_closing():
            body.wire.receive(body.pieces.pop(0))
            if not to_the_end:
                break
        if body.pieces and not body.wire.is_closing() and body.wire.reading:
            return
        self.open.remove(body)
        written = body.wire.take()
        assert written, f"{body.file} has no answer"
        answer = Answer.of(written)
        assert answer.status in ANSWERS, written
        assert answer.body.count(b"\n") == 1
        if answer.status == 200 and body.whole:
            self.known[body.channel, body.file].add(body.whole)
        if over(body.wire) or body.pieces:
            body.wire.lose()
        else:
            self.free.append(body.wire)

    def remove(self) -> None:
        file = self.chance.choice([*NAMES, *MANIFESTS])
        path = f"DELETE /ingest/{self.chance.choice(CHANNELS)}/{file} HTTP/1.1"
        wire = self.house.request(path.encode())
        assert Answer.of(wire.take()).status in ANSWERS
        wire.lose()

    def watch(self) -> None:
        channel, file = self.chance.choice(CHANNELS), self.chance.choice([*NAMES, *MANIFESTS])
        at = self.house.broker.get(channel)
        editions = [] if at is None else [f"e{each.id}/" for each in at.shelf.editions]
        edition = self.chance.choice(["", *editions])
        path = f"GET /own/{channel}/{'' if file in MANIFESTS else edition}{file} HTTP/1.1"
        self.watching.append((self.house.request(path.encode()), channel, file))
        if len(self.watching) > MOST_WATCHING:
            self.look(*self.watching.pop(0))

    def look(self, wire: RecordingTransport, channel: str, file: str) -> None:
        """What a player has got by now, and will get no more of."""
        written = wire.take()
        wire.lose()
        if not written:
            return  # it still waits
        answer = Answer.of(written)
        assert answer.status in (200, 400, 404, 410, 503), written
        others = [other for other in CHANNELS if other != channel]
        assert not any(f"of {other}".encode() in answer.body for other in others)
        if answer.status == 200 and answer.complete and file not in MANIFESTS:
            assert answer.body in self.known[channel, file], f"{channel}/{file} is not as it was"

    def bounded(self) -> None:
        assert len(list(self.house.broker)) <= len(CHANNELS)
        pending = sum(len(body.whole) for body in self.open)
        for channel in self.house.broker:
            assert sum(feed.published for feed in channel) <= TRACKS + 1, "and all together"
            assert len(channel.addresses._inits) <= MAX_NAMES
            assert len(channel.addresses._families) <= MAX_NAMES
            assert channel.presentation.bytes_held <= 2 * WINDOW_BYTES + pending
            shelf = channel.shelf
            manifests = MAX_EDITIONS * 2 * MAX_MANIFESTS * len(MPD)
            assert shelf.bytes_held <= WINDOW_BYTES + manifests + pending
            assert len(shelf.editions) <= MAX_EDITIONS + 1
            for edition in shelf.editions:
                assert len(edition.gone) <= MAX_GONE
                assert len(edition.inits) <= MAX_INITS
                kept = (*edition.manifests.values(), *edition.lasts.values())
                objects = sum(segment.bytes_held for segment in edition.objects.values())
                assert edition.bytes_held == objects + sum(map(len, kept)), "it is counted"

    def end(self) -> None:
        """Everybody goes; in time, everything is forgotten."""
        for body in self.open:
            body.wire.lose(ConnectionResetError())
        for wire in self.free:
            wire.lose()
        for watching in self.watching:
            self.look(*watching)
        for _ in range(80):
            self.house.pass_time(4)
        assert self.house.broker.bytes_held == 0
        assert not list(self.house.broker)
        assert not len(self.house.frontend)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_whatever_encoders_put(batch: int, caplog: pytest.LogCaptureFixture) -> None:
    got_back = 0
    for seed in (*range(batch, SEEDS, BATCHES), *TELLING[batch:][:1]):
        chaos = Chaos(random.Random(seed))
        try:
            for _ in range(STEPS):
                chaos.step()
            chaos.end()
        except Exception as error:
            raise AssertionError(f"seed {seed} raises {error!r}") from error
        defects = [each for each in caplog.records if each.levelno >= logging.ERROR]
        assert not defects, (seed, defects)
        got_back += sum(map(len, chaos.known.values()))
    assert got_back > SEEDS / BATCHES * 5, "most of it is rubbish"
