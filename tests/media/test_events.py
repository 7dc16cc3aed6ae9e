"""Events of metadata tracks: where they stand, when they are news, how many are kept."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from sorgente.isobmff.event_samples import UNKNOWN
from sorgente.media.events import MAX_EVENTS, MAX_PAYLOAD
from sorgente.media.publisher import Publisher
from sorgente.media.snapshot import EventSnapshot, PresentationSnapshot
from sorgente.media.track import MAX_SCHEME
from tests.media.stage import FRAME, Stage
from tests.support import boxes
from tests.support.boxes import TrackSpec, emib
from tests.support.live import video
from tests.support.objects import one_chunk

WINDOW = 20
"""Seconds, of the stage."""
CUES = TrackSpec(3, b"meta", 1000, boxes.events_entry(), width=0, height=0)
URI = replace(CUES, entry=boxes.uri_entry(b"urn:scte:scte35:2013:bin"))
UPLOAD = video(1500, gop=25)
"""A minute."""


def told(snapshot: PresentationSnapshot) -> list[list[EventSnapshot]]:
    """Events of each period."""
    return [
        [event for stream in period.event_streams for event in stream.events]
        for period in snapshot.periods
    ]


def ids(stage: Stage) -> list[list[int]]:
    return [[event.id for event in events] for events in told(stage.snapshot)]


class Show:
    """Pictures, and a track that tells of events beside them."""

    def __init__(self, spec: TrackSpec = CUES) -> None:
        self.stage = Stage()
        self._spec = spec
        self._video = self.stage.publish("video")
        self._cues: Publisher = self.stage.publish("cues")
        self._cues.feed(boxes.init_segment(spec), self.stage.now)
        self._frames = 0

    def play(self, seconds: float) -> None:
        frames = self._frames + round(seconds / FRAME)
        self.stage.send(self._video, UPLOAD, self._frames, frames)
        self._frames = frames

    def tell(self, payload: bytes, seconds: float = 1) -> bool:
        """A sample that begins now; whether the manifest changes."""
        before = self.stage.presentation.revision
        start = self._frames * FRAME
        self._cues.feed(one_chunk(self._spec, start, seconds, payload), self.stage.now)
        return self.stage.presentation.revision > before

    def settle(self) -> None:
        """Show the bit rate and the chunks of the cues, which no manifest has, but which count."""
        self.play(4)
        self.tell(boxes.box(b"free", bytes(1000)))
        self.play(2)
        for _ in range(3):
            self.tell(boxes.box(b"emeb"))
        self.play(2)

    def restart(self) -> None:
        """Pictures from 0 on again, of another encoder."""
        self._video.finish(self.stage.now)
        self._video = self.stage.publish("video")
        self._frames = 0


@pytest.fixture
def show() -> Show:
    return Show()


def test_an_event_is_told_by_the_clock_of_its_period(show: Show) -> None:
    show.play(4)
    show.tell(emib(b"urn:x", b"2", delta=1500, duration=700, event_id=9, payload=b"!"))
    (period,) = show.stage.snapshot.periods
    (stream,) = period.event_streams
    assert (stream.scheme, stream.value, stream.timescale) == ("urn:x", "2", 1000)
    (event,) = stream.events
    assert (event.duration, event.id, event.payload) == (700, 9, b"!")
    picture = next(track for track in period.tracks if track.kind == "video")
    offset = Fraction(picture.presentation_time_offset, picture.timescale)
    assert Fraction(stream.presentation_time_offset, 1000) == offset
    since = Fraction(event.time - stream.presentation_time_offset, 1000)
    assert since == Fraction("5.5"), "the period began with the first picture"


def test_what_comes_before_there_is_a_period_is_not_lost(show: Show) -> None:
    show.play(FRAME)
    show.tell(emib(event_id=1, delta=3000))
    assert show.stage.presentation.snapshot() is None
    show.play(4)
    assert ids(show.stage) == [[1]]


def test_told_again_is_no_news_and_told_otherwise_is(show: Show) -> None:
    show.settle()
    assert show.tell(emib(delta=0, duration=UNKNOWN))
    show.play(1)
    assert not show.tell(emib(delta=-1000, duration=UNKNOWN))
    assert [event.duration for event in told(show.stage.snapshot)[0]] == [None]
    assert show.tell(emib(delta=-1000, duration=2500))
    assert [event.duration for event in told(show.stage.snapshot)[0]] == [2500]
    assert show.tell(emib(b"urn:y", delta=0)), "another scheme"
    assert show.tell(emib(value=b"y", delta=0)), "another value"
    assert [stream.scheme for stream in show.stage.snapshot.periods[0].event_streams] == [
        "urn:x", "urn:x", "urn:y"
    ]  # fmt: skip


def test_a_sample_that_says_nothing_is_no_news(show: Show) -> None:
    show.settle()
    assert not show.tell(boxes.box(b"emeb"))
    assert not show.tell(b"said")
    assert ids(show.stage) == [[]]


def test_events_are_in_the_order_of_their_times(show: Show) -> None:
    show.play(4)
    show.tell(emib(event_id=1, delta=2000) + emib(event_id=2, delta=-500))
    assert ids(show.stage) == [[2, 1]]


def test_uri_metadata() -> None:
    show = Show(URI)
    show.play(4)
    assert show.tell(b"\xfc\x30", 0.5)
    show.play(2)
    assert show.tell(b"\xfc\x30", 0.5)
    events = told(show.stage.snapshot)[0]
    assert [event.payload for event in events] == [b"\xfc\x30"] * 2
    assert events[1].time - events[0].time == 2000
    assert len({event.id for event in events}) == 2


def test_what_began_before_its_timeline_is_told_from_there_on(show: Show) -> None:
    show.play(4)
    show.tell(emib(delta=-60_000, duration=70_000))
    ((event,),) = told(show.stage.snapshot)
    assert event.time == 0
    assert event.duration == 4000 + 1000 + 10_000, "tracks of their own are moved by a second"
    assert show.tell(emib(event_id=8, delta=-60_000, duration=5))
    assert ids(show.stage) == [[7]], "over before the period began"


def test_an_event_stands_in_the_period_that_it_begins_in(show: Show) -> None:
    show.play(6)
    show.tell(emib(event_id=1) + emib(event_id=2, delta=60_000))
    assert ids(show.stage) == [[1, 2]]
    show.restart()
    show.play(4)
    show.tell(emib(event_id=1))
    assert ids(show.stage) == [[1], [1]], "what was ahead on the old timeline never comes"
    old, new = show.stage.snapshot.periods
    assert old.event_streams[0].events != new.event_streams[0].events


@pytest.mark.parametrize("duration", [0, 1000, UNKNOWN])
def test_events_go_with_the_window(show: Show, duration: int) -> None:
    show.play(4)
    show.tell(emib(duration=duration))
    show.play(WINDOW - 1)
    assert ids(show.stage) == [[7]]
    revision = show.stage.snapshot.revision
    show.play(3)
    assert ids(show.stage) == [[]]
    assert show.stage.snapshot.revision > revision


def test_one_that_is_on_stays_longer_than_the_window(show: Show) -> None:
    show.play(4)
    show.tell(emib(event_id=1, duration=25_000) + emib(event_id=2, duration=UNKNOWN))
    show.play(12)
    show.tell(emib(event_id=2, delta=-12_000, duration=UNKNOWN))
    show.play(WINDOW - 6)
    assert ids(show.stage) == [[1, 2]]


def test_there_are_only_so_many(show: Show) -> None:
    show.play(4)
    for first in range(0, MAX_EVENTS + 32, 32):
        show.tell(b"".join(emib(event_id=first + each, delta=each) for each in range(32)))
    assert set(ids(show.stage)[0]) == set(range(32, MAX_EVENTS + 32))


def test_payloads_are_bounded_together(show: Show) -> None:
    show.play(4)
    assert not show.tell(emib(payload=bytes(MAX_PAYLOAD + 1)))
    for each in range(5):
        assert show.tell(emib(event_id=each, payload=bytes(MAX_PAYLOAD // 4)))
        assert not show.tell(emib(event_id=each, payload=bytes(MAX_PAYLOAD // 4)))
    assert set(ids(show.stage)[0]) == {1, 2, 3, 4}


@pytest.mark.parametrize(
    "event",
    [
        emib(scheme=b""),
        emib(scheme=b"x" * MAX_SCHEME),
        emib(delta=(1 << 63) - 1, payload=b"fits"),
    ],
)
def test_what_no_manifest_can_say(show: Show, event: bytes) -> None:
    show.play(4)
    told_of = show.tell(event)
    assert told_of is (b"fits" in event)


def test_the_event_is_over_and_ahead_nothing_is_left(show: Show) -> None:
    show.play(6)
    show.tell(emib(event_id=1) + emib(event_id=2, delta=60_000))
    show.restart()  # ends cleanly, and nobody comes
    show.stage.presentation.conclude(show.stage.now)
    show.stage.pass_time(12)
    assert show.stage.snapshot.periods[-1].end is not None
    assert ids(show.stage) == [[1]]
