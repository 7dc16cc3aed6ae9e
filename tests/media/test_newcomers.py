"""Tracks that come to others, late or again, on clocks of their own."""

from __future__ import annotations

import pytest

from tests.media.stage import Stage
from tests.support.boxes import ENCRYPTED
from tests.support.live import media_of, sound, video


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_track_on_a_clock_of_its_own_comes_to_those_that_are_there(stage: Stage) -> None:
    """It counts from 0; what they were in the middle of goes on, by new numbers."""
    one = stage.publish("a")
    upload, late = video(300, gop=25), sound(240)
    stage.send(one, upload, 0, 60)
    track = stage.presentation.tracks["a"]
    kept = list(track.segments.values())
    other = stage.publish("sound")
    other.feed(late.init, stage.now)
    stage.send_together((one, upload.chunks[60:]), (other, late.chunks))
    old, new = stage.snapshot.periods
    assert new.continues == old.id
    assert [each.name for each in new.tracks] == ["a", "sound"]
    assert (new.start - old.start) % 2 == 0, "on the grid"
    assert list(track.segments.values())[: len(kept)] == kept
    starts = {each.name: each.presentation_time_offset for each in new.tracks}
    (first, *_) = media_of(track.inits[new.id].data + stage.body("a", len(track.segments) - 1))
    assert (first.fragment.tracks[0].base_decode_time - starts["a"]) % (2 * 12800) == 0
    heard_track = stage.presentation.tracks["sound"]
    index = next(i for i, s in enumerate(heard_track.segments.values()) if s.epoch == new.id)
    (first, *_) = media_of(heard_track.inits[new.id].data + stage.body("sound", index))
    assert abs(first.fragment.tracks[0].base_decode_time - starts["sound"]) <= 1920


def test_a_track_that_comes_back_as_something_else_is_announced_as_that(stage: Stage) -> None:
    """There was no slate of it, and the others go on."""
    one, other = stage.publish("a"), stage.publish("b")
    upload, sealed = video(300, gop=25), video(60, gop=25, spec=ENCRYPTED)
    stage.send(one, upload, 0, 5)
    other.feed(sealed.init, stage.now)
    stage.send_together((one, upload.chunks[5:65]), (other, sealed.chunks))
    (*_, before) = stage.snapshot.periods
    other.break_off("killed", stage.now)
    again = stage.publish("b")
    again.feed(upload.init, stage.now)
    stage.send_together((one, upload.chunks[65:265]), (again, upload.chunks[:200]))
    *_, newest = stage.snapshot.periods
    track = stage.presentation.tracks["b"]
    assert "b" in {each.name for each in before.tracks}
    assert b"encv" in track.inits[before.id].data
    assert b"encv" not in track.inits[newest.id].data
    assert newest.continues
    first = next(i for i, s in enumerate(track.segments.values()) if s.epoch == newest.id)
    (head, *_) = media_of(track.inits[newest.id].data + stage.body("b", first))
    assert head.random_access


def test_pictures_that_come_to_sound_lead_from_their_first_key_picture_on(stage: Stage) -> None:
    heard, upload = stage.publish("sound"), sound(400)
    stage.send(heard, upload, 0, 83)
    seen, pictures = stage.publish("a"), video(300, gop=25, keys=range(7, 300, 25))
    seen.feed(pictures.init, stage.now)
    stage.send_together((heard, upload.chunks[83:383]), (seen, pictures.chunks))
    old, new = stage.snapshot.periods
    assert new.continues == old.id
    assert [track.name for track in new.tracks] == ["a", "sound"]
    track = stage.presentation.tracks["a"]
    (first, *_) = media_of(track.inits[new.id].data + stage.body("a", 0))
    assert first.random_access
    assert first.fragment.tracks[0].base_decode_time == new.tracks[0].presentation_time_offset
