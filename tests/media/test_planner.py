"""When what comes is on the air, and what is not waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
