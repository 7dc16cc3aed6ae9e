"""Tracks that come in segments, as a presentation: one timeline, one period, nobody held up."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import pytest

from sorgente.media.channel import Channel
from sorgente.media.publisher import Form, Publisher
from sorgente.media.snapshot import PresentationSnapshot
from sorgente.media.sparse import LATE
from sorgente.media.track import MAX_SCHEMES, Absence
from sorgente.media.utc import UtcClock
from tests.support import boxes
from tests.support.boxes import AUDIO, VIDEO, Sample, TrafSpec
from tests.support.journal import RecordingJournal
from tests.support.live import video
from tests.support.objects import LAST_WORD, META, TEXT, one_chunk, sound
from tests.support.players import player
from tests.support.rules import channel_rules

UTC: Final = 1795348800.0
START: Final = 100.0
TICK: Final = 0.25
SEGMENT: Final = 2.0
CHUNK: Final = 0.4
ROUNDS: Final = 15

INITS: Final = {
    "video": boxes.init_segment(VIDEO),
    "audio": boxes.init_segment(AUDIO),
    "cues": boxes.init_segment(META),
    "text": boxes.init_segment(TEXT),
}


@dataclass(frozen=True, order=True)
class Piece:
    """What an encoder sends at a time; the last one of an object ends it."""

    at: float
    """Seconds since it began."""
    track: str
    number: int
    """Of the object."""
    data: bytes = field(compare=False)
    ends: bool = field(compare=False)


class Stage:
    """A channel whose encoders send objects, on a clock of our own."""

    def __init__(self) -> None:
        self.now = START
        rules = channel_rules(window=60.0, window_bytes=1 << 24, tracks=8)
        self.channel = Channel("live", rules, RecordingJournal(), UtcClock(self.now, UTC))
        self.presentation = self.channel.presentation
        self._open: dict[tuple[str, int], Publisher] = {}

    def begin(self, track: str) -> Publisher:
        return self.channel.publish(
            track, "me", self.now, UTC, lambda _: None, form=Form.OBJECT, takeover=False
        )

    def put(self, track: str, body: bytes) -> None:
        publisher = self.begin(track)
        publisher.feed(body, self.now)
        publisher.finish(self.now)

    def pass_time(self, until: float) -> None:
        """Tick up to ``until`` seconds after the start."""
        while self.now + TICK <= START + until:
            self.now += TICK
            self.channel.tick(self.now)
        self.now = max(self.now, START + until)

    def send(self, pieces: Iterable[Piece]) -> None:
        for piece in sorted(pieces):
            self.pass_time(piece.at)
            key = piece.track, piece.number
            if key not in self._open:
                self._open[key] = self.begin(piece.track)
            self._open[key].feed(piece.data, self.now)
            if piece.ends:
                self._open.pop(key).finish(self.now)

    @property
    def snapshot(self) -> PresentationSnapshot:
        snapshot = self.presentation.snapshot()
        assert snapshot is not None
        return snapshot

    @property
    def tracks(self) -> list[list[str]]:
        return [[track.name for track in period.tracks] for period in self.snapshot.periods]

    @property
    def first_number(self) -> int:
        return self.snapshot.periods[0].tracks[0].start_number

    def numbers(self, track: str) -> list[int]:
        return [n - self.first_number for n in self.presentation.tracks[track].segments]


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    for track in ("video", "audio"):
        stage.put(track, INITS[track])
    return stage


def pictures() -> list[bytes]:
    """Chunks of ten frames; a key frame begins every fifth."""
    chunks = []
    for at in range(round(ROUNDS * SEGMENT / CHUNK)):
        flags = [boxes.NON_SYNC if at % 5 else boxes.SYNC, *[boxes.NON_SYNC] * 9]
        samples = [Sample(b"picture", 512, each) for each in flags]
        chunks.append(boxes.chunk(TrafSpec(1, at * 5120, samples)))
    return chunks


def sounds() -> list[bytes]:
    return [sound(at * CHUNK, CHUNK) for at in range(round(ROUNDS * SEGMENT / CHUNK))]


def growing(track: str, chunks: list[bytes], late: float = 0.0) -> list[Piece]:
    """Segments that are sent while they are made."""
    each = round(SEGMENT / CHUNK)
    return [
        Piece((at + 1) * CHUNK + late, track, at // each, data, at % each == each - 1)
        for at, data in enumerate(chunks)
    ]


def whole(
    track: str, chunks: list[bytes], late: float = 0.0, jitter: Callable[[], float] = lambda: 0.0
) -> list[Piece]:
    """Segments that are sent when they are made."""
    each = round(SEGMENT / CHUNK)
    bodies = [b"".join(chunks[at : at + each]) for at in range(0, len(chunks), each)]
    return [
        Piece((at + 1) * SEGMENT + late + jitter(), track, at, body, True)
        for at, body in enumerate(bodies)
    ]


def cues(*times: float) -> list[Piece]:
    """Metadata, now and then."""
    return [
        Piece(time + SEGMENT, "cues", at, one_chunk(META, time, SEGMENT), True)
        for at, time in enumerate(times)
    ]


# Segments


@pytest.mark.parametrize("way", [growing, whole])
def test_segments_sent_one_by_one_are_segments_of_one_period(
    stage: Stage, way: Callable[[str, list[bytes]], list[Piece]]
) -> None:
    stage.send(way("video", pictures()) + way("audio", sounds()))
    assert stage.tracks == [["audio", "video"]]
    for track in ("audio", "video"):
        assert stage.numbers(track) == list(range(ROUNDS))
        assert all(s.complete for s in stage.presentation.tracks[track].segments.values())


@pytest.mark.parametrize("late", [0.5, 1.7])
def test_a_track_may_be_a_segment_behind_the_other(stage: Stage, late: float) -> None:
    stage.send(whole("video", pictures()) + whole("audio", sounds(), late))
    assert stage.tracks == [["audio", "video"]]
    assert stage.numbers("audio") == list(range(ROUNDS))


def test_jitter_between_segments_makes_no_period(stage: Stage) -> None:
    chance = random.Random(7)

    def jitter() -> float:
        return chance.random() * 0.5

    stage.send(whole("video", pictures(), 0, jitter) + whole("audio", sounds(), 0, jitter))
    assert all(tracks == ["audio", "video"] for tracks in stage.tracks), "though clocks drift"


def test_a_track_that_stops_is_silent(stage: Stage) -> None:
    stage.send(whole("video", pictures()) + whole("audio", sounds())[:5])
    assert stage.tracks == [["audio", "video"]]
    slated = stage.presentation.tracks["audio"].segments[stage.first_number + 8]
    assert slated.complete
    assert b"sound" not in b"".join(slated.slice(0, slated.bytes))


@pytest.mark.parametrize("way", [growing, whole])
def test_between_two_segments_nobody_is_away(
    stage: Stage, way: Callable[[str, list[bytes]], list[Piece]]
) -> None:
    stage.send(way("video", pictures()) + way("audio", sounds()))
    for track, mark in (("video", b"picture"), ("audio", b"sound")):
        for segment in stage.presentation.tracks[track].segments.values():
            body = b"".join(segment.slice(0, segment.bytes))
            assert body.count(b"moof") == round(SEGMENT / CHUNK)
            assert body.count(mark) == body.count(b"moof") * (10 if track == "video" else 19)


def test_players_wait_for_what_is_sent_at_a_time(stage: Stage) -> None:
    """Chunks of a segment that comes as one make nothing any quicker."""
    stage.send(whole("video", pictures()) + whole("audio", sounds()))
    assert stage.snapshot.periods[0].tracks[1].chunk_duration == Fraction(2)
    assert stage.snapshot.latency_target == Fraction(31, 5)


def test_chunks_that_are_sent_while_they_are_made_are_all_they_wait_for(stage: Stage) -> None:
    stage.send(growing("video", pictures()) + growing("audio", sounds()))
    assert stage.snapshot.periods[0].tracks[1].chunk_duration == Fraction(2, 5)
    assert stage.snapshot.latency_target < 2


def test_one_segment_that_was_held_up_says_nothing(stage: Stage) -> None:
    pieces = growing("video", pictures())
    held = [Piece(p.at + 1.2, *_rest(p)) if p.number == 7 else p for p in pieces]
    stage.send(held + growing("audio", sounds()))
    assert stage.snapshot.latency_target < 2


def _rest(piece: Piece) -> tuple[str, int, bytes, bool]:
    return piece.track, piece.number, piece.data, piece.ends


def test_a_segment_is_final_once_it_is_full(stage: Stage) -> None:
    """What an encoder adds to it afterwards is late, and changes no byte under its address."""
    stage.send(whole("video", pictures())[:4])
    track = stage.presentation.tracks["video"]
    last = track.segments[track.last_number]
    assert last.complete
    before = last.bytes
    frames = video(26, gop=25, first_time=200 * 512 - 512, first_number=500).chunks
    stage.put("video", INITS["video"])
    stage.pass_time(30)
    stage.put("video", b"".join(frames))
    assert track.segments[last.number] is last
    assert last.bytes == before


def test_the_event_ends_with_the_last_segments(stage: Stage) -> None:
    stage.put("cues", INITS["cues"])
    stage.send(whole("video", pictures()) + whole("audio", sounds()) + cues(4))
    stage.put("video", LAST_WORD)
    stage.put("audio", LAST_WORD)
    stage.pass_time(ROUNDS * SEGMENT + 11)
    assert stage.snapshot.ended, "whether or not metadata come to an end"
    revision = stage.snapshot.revision
    stage.put("cues", one_chunk(META, 6, 2))
    assert stage.snapshot.revision == revision


# What is sparse


@pytest.mark.parametrize("times", [(), (4,), (0, 6, 20), (20, 22, 26)])
def test_a_sparse_track_is_there_from_the_first_and_makes_no_period(
    stage: Stage, times: tuple[float, ...]
) -> None:
    stage.put("cues", INITS["cues"])
    stage.send(growing("video", pictures()) + growing("audio", sounds()) + cues(*times))
    assert stage.tracks == [["audio", "cues", "video"]]
    assert stage.numbers("cues") == [time // 2 for time in times]


def test_one_that_comes_later_makes_one_period(stage: Stage) -> None:
    pieces = growing("video", pictures()) + growing("audio", sounds())
    middle = ROUNDS * SEGMENT / 2
    stage.send(piece for piece in pieces if piece.at < middle)
    stage.put("cues", INITS["cues"])
    stage.send([*(piece for piece in pieces if piece.at >= middle), *cues(18, 22)])
    assert stage.tracks == [["audio", "video"], ["audio", "cues", "video"]]


def test_its_lateness_is_not_that_of_the_others(stage: Stage) -> None:
    """Subtitles two seconds late, a segment at a time: pictures are announced as without them."""
    stage.put("text", INITS["text"])
    late = [
        Piece(at + 4.0, "text", round(at), one_chunk(TEXT, at, SEGMENT), True)
        for at in range(0, round(ROUNDS * SEGMENT), 2)
    ]
    stage.send(growing("video", pictures()) + growing("audio", sounds()) + late)
    (period,) = stage.snapshot.periods
    assert abs(float(period.start) - UTC) < 0.1
    assert stage.snapshot.latency_target < 2
    assert abs(stage.presentation.drift) < Fraction(1, 20)


def test_nobody_waits_for_what_it_does_not_say(stage: Stage) -> None:
    stage.put("text", INITS["text"])
    stage.send(growing("video", pictures()) + growing("audio", sounds()))
    track = stage.presentation.tracks["text"]
    passed = ROUNDS * SEGMENT - float(LATE)
    for number in range(ROUNDS):
        found = stage.presentation.find(track, stage.first_number + number, stage.now)
        assert found is (Absence.EMPTY if (number + 1) * SEGMENT <= passed else Absence.NEXT)
    assert stage.presentation.find(track, stage.first_number - 1, stage.now) is Absence.GONE
    assert stage.presentation.find(track, stage.first_number + 99, stage.now) is Absence.UNKNOWN
    told = []
    waiting, _ = player()
    track.hold(stage.first_number + ROUNDS - 1, waiting, lambda: told.append(True))
    stage.pass_time(ROUNDS * SEGMENT + float(LATE) + 1)
    assert told


def test_what_it_says_too_late_goes_where_nobody_has_looked_yet(stage: Stage) -> None:
    stage.put("text", INITS["text"])
    pieces = growing("video", pictures()) + growing("audio", sounds())
    late = Piece(20.1, "text", 0, one_chunk(TEXT, 4.0, SEGMENT), True)
    stage.send([*pieces, late])
    (number,) = stage.numbers("text")
    assert (number + 1) * SEGMENT > 20.1 - float(LATE) >= number * SEGMENT


def test_its_segment_is_over_when_the_others_are(stage: Stage) -> None:
    """Though nothing comes that would begin the next one."""
    stage.put("text", INITS["text"])
    said = Piece(9.0, "text", 0, one_chunk(TEXT, 8.5, 0.2), True)
    stage.send([*growing("video", pictures()), *growing("audio", sounds()), said])
    (segment,) = stage.presentation.tracks["text"].segments.values()
    assert segment.complete


@pytest.mark.parametrize("away", [1e5, 50.0, -50.0])
def test_on_a_timeline_of_its_own_it_is_ignored(stage: Stage, away: float) -> None:
    stage.put("cues", INITS["cues"])
    pieces = growing("video", pictures()) + growing("audio", sounds())
    stage.send(piece for piece in pieces if piece.at < 20)
    if away > 0:
        stage.put("cues", one_chunk(META, 18 + away, 2))
    stage.send(piece for piece in pieces if piece.at >= 20)
    assert stage.tracks == [["audio", "cues", "video"]]
    assert stage.numbers("cues") == []
    assert stage.numbers("video") == list(range(ROUNDS))


def test_text_alone_is_a_channel_too() -> None:
    stage = Stage()
    stage.put("text", INITS["text"])
    stage.send(
        Piece(at + 2.0, "text", at, one_chunk(TEXT, at, SEGMENT), True) for at in range(0, 20, 2)
    )
    assert stage.tracks == [["text"]]
    assert len(stage.numbers("text")) == 10


# What is said of tracks


def test_events_are_announced_when_the_first_of_their_kind_comes(stage: Stage) -> None:
    pieces = whole("video", pictures()) + whole("audio", sounds())
    stage.send(piece for piece in pieces if piece.at < 20)
    revision = stage.snapshot.revision
    event = boxes.emsg(b"urn:scte:scte35:2013:bin", b"1001")
    for piece in sorted(piece for piece in pieces if piece.at >= 20):
        stage.send([Piece(piece.at, piece.track, piece.number, event + piece.data, True)])
    snapshot = stage.snapshot
    assert snapshot.revision > revision
    assert {track.event_schemes for track in snapshot.periods[0].tracks} == {
        (("urn:scte:scte35:2013:bin", "1001"),)
    }


def test_events_of_too_many_kinds_are_not_all_announced(stage: Stage) -> None:
    events = [boxes.emsg(b"urn:%d" % number, b"") for number in range(100)]
    long = boxes.emsg(b"x" * 1000, b"")
    pieces = whole("video", [long + b"".join(events) + pictures()[0], *pictures()[1:]])
    stage.send(pieces + whole("audio", sounds()))
    (track,) = [each for each in stage.snapshot.periods[0].tracks if each.name == "video"]
    assert len(track.event_schemes) == MAX_SCHEMES
    assert ("urn:0", "") in track.event_schemes


def test_a_switching_set_is_what_the_init_segment_says_else_the_manifest() -> None:
    stage = Stage()
    kind = boxes.full(b"kind", 0, 0, b"urn:dashif:ingest:switchingset_id\0own\0")
    said = boxes.init_segment(
        boxes.TrackSpec(udta=boxes.box(b"udta", kind)),
    )
    stage.channel.describe({"said": "posted", "posted": "posted"}, stage.now)
    for track, init in (("said", said), ("posted", INITS["video"]), ("silent", INITS["video"])):
        stage.put(track, init)
    stage.send(piece for name in ("said", "posted", "silent") for piece in whole(name, pictures()))
    (period,) = stage.snapshot.periods
    told = {track.name: track.switching_set for track in period.tracks if track.kind == "video"}
    assert told == {
        "said": "own",
        "posted": "posted",
        "silent": "",
    }
    assert all(track.roles == () for track in period.tracks)
    revision = stage.snapshot.revision
    stage.channel.describe({"silent": "told"}, stage.now)
    assert stage.snapshot.revision > revision


def test_a_channel_that_is_only_announced_is_forgotten(stage: Stage) -> None:
    channel = Channel("new", channel_rules(), RecordingJournal(), UtcClock(START, UTC))
    channel.describe({"video": "1"}, START)
    channel.tick(START + 59)
    assert not channel.idle
    channel.tick(START + 60)
    assert channel.idle
