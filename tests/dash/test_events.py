"""What metadata tracks tell, as EventStream."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sorgente.dash.manifest import render
from sorgente.media.snapshot import EventSnapshot, EventStreamSnapshot, PresentationSnapshot
from tests.dash.reader import Mpd, children, descendants
from tests.dash.snapshots import ENDED, NOON, audio, period, presentation, video

SCTE = "urn:scte:scte35:2013:bin"


def event(time: int, **changes: Any) -> EventSnapshot:
    return replace(EventSnapshot(time=time, duration=None, id=1, payload=b""), **changes)


def stream(*events: EventSnapshot, offset: int = 0) -> EventStreamSnapshot:
    return EventStreamSnapshot(
        scheme=SCTE, value="", timescale=1000, presentation_time_offset=offset, events=events
    )


def read(snapshot: PresentationSnapshot) -> Mpd:
    return Mpd(render(snapshot))


def test_all_that_is_told() -> None:
    told = stream(
        event(61_500, duration=30_000, id=7, payload=b"\xfc\x30\x00"),
        event(70_000, payload=b"<a/>"),
        offset=60_000,
    )
    named = replace(told, value="42 & more")
    mpd = read(presentation(period(video(), event_streams=(told, named))))
    first, second = children(mpd.periods[0], "EventStream")
    assert dict(first.attrib) == {
        "schemeIdUri": SCTE, "timescale": "1000", "presentationTimeOffset": "60000"
    }  # fmt: skip
    assert second.attrib["value"] == "42 & more"
    binary, text = children(first, "Event")
    assert dict(binary.attrib) == {
        "presentationTime": "61500", "duration": "30000", "id": "7", "contentEncoding": "base64"
    }  # fmt: skip
    assert b64decode(binary.text or "") == b"\xfc\x30\x00"
    assert b64decode(text.text or "") == b"<a/>"
    assert "duration" not in text.attrib, "nobody knows"


def test_nothing_told_is_nothing_said() -> None:
    assert b"EventStream" not in render(presentation(period(video())))


def ended(*events: EventSnapshot, gone: int) -> Mpd:
    """A recording of 20 s that has lost so many segments of 2 s."""
    tracks = [
        replace(track, first_number=track.start_number + gone) for track in (video(), audio())
    ]
    told = stream(*events, offset=5000)
    whole = period(*tracks, end=NOON + 20, event_streams=(told,))
    return read(replace(ENDED, periods=(whole,)))


def test_a_recording_moves_its_events_with_its_media() -> None:
    mpd = ended(event(5000 + 9000), gone=4)
    (told,) = descendants(mpd.root, "EventStream")
    (only,) = children(told, "Event")
    assert mpd.periods[0].attrib["start"] == "PT8S"
    since = int(only.attrib["presentationTime"]) - int(told.attrib["presentationTimeOffset"])
    assert Fraction(since, 1000) == 1, "nine seconds after the start that was"


def test_a_recording_has_no_events_of_what_is_gone() -> None:
    before = [event(5000), event(6000, duration=0), event(6000, duration=7000)]
    on = [event(6000, id=2, duration=7001), event(13_000, id=3, duration=0)]
    mpd = ended(*(replace(each, duration=each.duration or 0) for each in before), *on, gone=4)
    assert [node.attrib["id"] for node in descendants(mpd.root, "Event")] == ["2", "3"]
    assert not descendants(ended(event(6000, duration=0), gone=4).root, "EventStream")
    endless = ended(event(6000), gone=4)
    assert descendants(endless.root, "Event"), "as far as anybody knows, it is on"
