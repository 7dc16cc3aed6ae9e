"""What is sent, and what is dropped when it cannot be."""

from __future__ import annotations

import pytest

from sorgente.isobmff.upload import RawBytes, Unit
from sorgente.tools.outbox import MAX_SECONDS, Outbox
from tests.support import boxes
from tests.support.boxes import NON_SYNC, VIDEO, Sample, TrafSpec
from tests.support.live import TICKS, video
from tests.support.uploads import chunks_of, units_of

FRAME = TICKS / 12800
"""Seconds."""


def outbox_of(units: list[Unit]) -> Outbox:
    outbox = Outbox()
    for unit in units:
        outbox.put(unit)
    return outbox


def taken(outbox: Outbox) -> list[bytes]:
    data = []
    while (chunk := outbox.take()) is not None:
        data.append(chunk.data)
    return data


def test_all_chunks_come_out_in_order() -> None:
    upload = video(12, gop=5, trailer=b"\0\0\0\x08mfra")
    outbox = outbox_of(units_of(upload.whole))
    assert outbox.init is not None
    assert outbox.init.data == upload.init
    assert outbox.at_start
    assert taken(outbox) == list(upload.chunks)
    assert not outbox.at_start
    assert outbox.dropped_seconds == 0


def test_it_begins_with_a_key_frame() -> None:
    units = units_of(video(8, keys={3}).whole)
    outbox = outbox_of(units)
    assert taken(outbox) == [chunk.data for chunk in chunks_of(units)[3:]]
    assert outbox.dropped_seconds == 0, "there was nothing to lose yet"


def test_what_is_too_early_is_dropped_and_not_lost() -> None:
    upload = video(20, gop=5)
    outbox = outbox_of(units_of(upload.whole))
    outbox.drop_before(6 * FRAME)
    assert outbox.starts_at == pytest.approx(10 * FRAME)
    assert taken(outbox) == list(upload.chunks[10:])
    assert outbox.dropped_seconds == 0
    assert outbox.starts_at == 0


def test_a_new_upload_begins_at_the_newest_key_frame() -> None:
    upload = video(13, gop=5)
    outbox = outbox_of(units_of(upload.whole))
    outbox.take()
    outbox.rewind()
    assert outbox.at_start
    assert taken(outbox) == list(upload.chunks[10:])


def test_without_a_key_frame_at_hand_it_waits_for_one() -> None:
    upload = video(12, gop=5)
    *units, late, key, after = units_of(upload.whole)
    outbox = outbox_of(units)
    taken(outbox)
    outbox.rewind()
    outbox.put(late)
    assert not outbox.at_start
    outbox.put(key)
    assert outbox.at_start
    outbox.put(after)
    assert taken(outbox) == list(upload.chunks[10:])


@pytest.mark.parametrize("gop", [5, 25, 100, 1000])
def test_what_nobody_takes_is_bounded_and_always_decodable(gop: int) -> None:
    outbox, upload = Outbox(), video(1000, gop=gop)
    for unit in units_of(upload.whole):
        outbox.put(unit)
        held = list(outbox._waiting)
        assert (len(held) - 1) * FRAME <= MAX_SECONDS
        assert not held or held[0][0].random_access
    left = taken(outbox)
    sent = len(left) * FRAME
    assert sent + outbox.dropped_seconds == pytest.approx(1000 * FRAME)
    assert left == list(upload.chunks[1000 - len(left) :])


def test_a_picture_that_stood_still_is_sent_however_long_it_did() -> None:
    """ffmpeg writes it when the next one is there."""
    moving = video(4, keys={0})
    sample = Sample(b"still", 26 * VIDEO.timescale, NON_SYNC)
    still = boxes.chunk(TrafSpec(VIDEO.track_id, 4 * TICKS, [sample]))
    outbox = outbox_of(units_of(moving.whole + still))
    assert taken(outbox) == [*moving.chunks, still]
    assert outbox.dropped_seconds == 0


def test_how_far_apart_key_frames_are() -> None:
    outbox = outbox_of(units_of(video(30, keys={0, 5, 25}).whole))
    assert outbox.key_frame_seconds == pytest.approx(20 * FRAME)
    assert outbox_of(units_of(video(30, keys={0}).whole)).key_frame_seconds is None


def test_what_is_no_chunk_is_not_sent() -> None:
    outbox = outbox_of([RawBytes(b"x")])
    assert outbox.take() is None


def test_whoever_waits_is_told() -> None:
    outbox = Outbox()
    assert not outbox.changed.is_set()
    outbox.end(clean=True)
    assert outbox.changed.is_set()
    assert outbox.ended is True
