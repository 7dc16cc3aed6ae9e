"""When what comes is on the air, and what is not waited for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from sorgente.media.rhythm import LONGEST_GROUP
from tests.media.stage import FRAME, Stage
from tests.support import boxes
from tests.support.boxes import AUDIO
from tests.support.live import sound, video

HE_AAC = boxes.audio_entry(b"mp4a", boxes.esds(config=b"\x2b\x11\x88\x00"))
AC3 = boxes.audio_entry(b"ac-3", boxes.box(b"dac3", bytes([0x10, 0x3D, 0x40])))


def on_the_air(stage: Stage) -> dict[str, bool]:
    """Tracks of the newest period, and whether something comes of each."""
    newest = stage.presentation.newest_period
    assert newest is not None
    return {name: not member.is_away for name, member in newest.members.items()}


@pytest.mark.parametrize("entry", [boxes.audio_entry(), HE_AAC, AC3], ids=["lc", "he", "ac3"])
def test_sound_that_hangs_does_not_keep_pictures_that_are_back_off_the_air(entry: bytes) -> None:
    stage, before, after, packets = Stage(), video(300, gop=50), video(500, gop=50), sound(800)
    heard, seen = stage.publish("a"), stage.publish("v")
    heard.feed(boxes.init_segment(replace(AUDIO, track_id=1, entry=entry)), stage.now)
    seen.feed(before.init, stage.now)
    stage.send_together((seen, before.chunks), (heard, packets.chunks[:300]))
    seen.break_off("lost", stage.now)
    stage.pass_time(0.5)
    seen = stage.publish("v")
    stage.send(seen, after, 0, 100)
    newest = stage.snapshot.periods[-1]
    assert newest.continues is None, "another run is on the air, 4 s after its first picture"
    assert on_the_air(stage)["v"]

    missed = 300 + round(0.5 / FRAME) + 100
    stage.send_together((seen, after.chunks[100:300]), (heard, packets.chunks[missed:][:200]))
    assert on_the_air(stage) == {"a": True, "v": True}, "sound is back, too"


def calls(work: Callable[[], object]) -> int:
    """Of Python functions."""
    count = 0

    def note(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_a_chunk_that_waits_costs_the_same_however_many_wait() -> None:
    stage, pictures, packets = Stage(), video(1200, keys={0}), sound(1200)
    uploads = (stage.publish("v"), pictures), (stage.publish("a"), packets)
    for publisher, upload in uploads:
        publisher.feed(upload.init, stage.now)

    def send(start: int, end: int) -> int:
        each = ((publisher, upload.chunks[start:end]) for publisher, upload in uploads)
        return calls(lambda: stage.send_together(*each))

    send(0, 90)
    early = send(90, 100)
    send(100, 1190)
    late = send(1190, 1200)
    assert stage.presentation.newest_period is None
    assert late <= early * 1.1


def test_what_waits_for_a_second_key_frame_waits_for_a_minute_and_costs_no_later_one() -> None:
    stage, frames = Stage(), round(LONGEST_GROUP / FRAME)
    pictures, packets = video(2000, keys={0, 1950, 1975}), sound(2000)
    seen, heard = stage.publish("v"), stage.publish("a")
    seen.feed(pictures.init, stage.now)
    heard.feed(packets.init, stage.now)

    def send(start: int, end: int) -> int:
        stage.send_together((seen, pictures.chunks[start:end]), (heard, packets.chunks[start:end]))
        return stage.presentation.bytes_held

    held = send(0, frames + 1)
    assert send(frames + 1, 1950) == pytest.approx(held, rel=0.01)
    assert stage.presentation.newest_period is None
    send(1950, 1976)
    assert on_the_air(stage) == {"a": True, "v": True}
