from __future__ import annotations

from dataclasses import replace

import pytest

from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.needs import Needs
from sorgente.media.segment import Segment
from sorgente.media.track import Track
from tests.media.stage import FRAME, Stage
from tests.support import boxes
from tests.support.boxes import NON_SYNC, SYNC, VIDEO, Sample, TrafSpec
from tests.support.live import TICKS, Upload, video
from tests.support.rules import channel_rules
from tests.support.uploads import init_of, units_of

SECOND = 25 * TICKS
KEY, OTHER = 60_000, 2_000
"""Bytes of a key frame, and of every other."""


def segment(needs: Needs, *chunks: tuple[int, int], lent: int = 0) -> Segment:
    """One of chunks of so many bytes and ticks; ``lent``: ticks that are not of the encoder."""
    segment = Segment(1, "e", 0, "video/mp4", Counters())
    needs.begin_segment()
    for size, ticks in chunks:
        segment.append(Chunk.of(bytes(size), 1.0), ticks)
        needs.note_chunk(ticks, ticks)
    if lent:
        segment.append(Chunk.of(bytes(KEY), 1.0), lent)
    needs.end_segment(segment)
    return segment


def test_a_segment_says_how_many_bits_a_second_come() -> None:
    needs = Needs(SECOND)
    for size in (1000, 3000, 2000):
        segment(needs, (1000, SECOND // 2), (size, SECOND // 2))
    assert needs.bandwidth == 4000 * 8


def test_what_stands_in_for_the_encoder_says_nothing_of_it() -> None:
    needs = Needs(SECOND)
    segment(needs, (1000, SECOND), lent=TICKS)
    assert needs.bandwidth == 0


def test_the_last_chunk_of_a_segment_is_waited_for_by_nobody() -> None:
    needs = Needs(SECOND)
    segment(needs, (1, TICKS), (1, 3 * TICKS))
    segment(needs, (1, 9 * TICKS))
    assert needs.longest_chunk == TICKS


def test_a_long_chunk_counts_at_once_and_for_a_minute_or_two() -> None:
    needs = Needs(SECOND)
    told: list[int] = []
    for second in range(300):
        long = 20 * TICKS if second == 100 else TICKS
        segment(needs, (1, TICKS), (1, long), *[(1, TICKS)] * (24 - long // TICKS))
        told.append(needs.chunk_after(told[-1] if told else 0))
    changes = [second for second in range(1, 300) if told[second] != told[second - 1]]
    assert [told[second] for second in changes] == [20 * TICKS, TICKS]
    assert changes[0] == 100
    assert 160 <= changes[1] < 220


def test_chunks_of_a_packet_more_or_less_change_nothing() -> None:
    needs, told = Needs(SECOND), {10 * TICKS}
    for minute in range(6):
        for _ in range(60):
            segment(needs, *[(1, (10 - minute % 2) * TICKS)] * 3)
            told.add(needs.chunk_after(10 * TICKS))
    assert told == {10 * TICKS}


def test_chunks_that_are_whole_segments_stay_what_they_are() -> None:
    """One of them, once, was divided."""
    needs = Needs(SECOND)
    segment(needs, (1, SECOND), (1, SECOND))
    for _ in range(300):
        segment(needs, (1, 2 * SECOND))
    assert needs.chunk_after(2 * SECOND) == 2 * SECOND


def test_objects_that_come_whole_are_waited_for_until_they_no_longer_do() -> None:
    needs = Needs(SECOND)
    for _ in range(100):
        segment(needs, *[(1, TICKS)] * 50)
        needs.note_object(50 * TICKS)
    assert needs.chunk_after(0) == needs.chunk_after(50 * TICKS) == 50 * TICKS
    for _ in range(100):
        segment(needs, *[(1, TICKS)] * 50)
    assert needs.chunk_after(50 * TICKS) == TICKS


def test_a_segment_that_was_cut_short_says_nothing() -> None:
    """A key frame, and then the cable."""
    track = Track("v", init_of(units_of(video(1).whole)), Counters())
    track.open(1, "e", 0)
    track.append(Chunk.of(bytes(KEY), 1.0), TICKS)
    track.needs.note_chunk(TICKS, TICKS)
    track.close(cut_short=True)
    assert track.needs.bandwidth == 0


# On the air


def pictures(count: int, *, timescale: int = 12800, idr: bool = True) -> Upload:
    """As large as they are in life, with a key frame every two seconds. Only IDR can be shown
    again."""
    ticks, spec = timescale // 25, replace(VIDEO, timescale=timescale)
    chunks = []
    for index in range(count):
        key = index % 50 == 0
        size = KEY if key else OTHER
        payload = (size - 4).to_bytes(4, "big") + bytes([0x65 if key and idr else 0x41])
        sample = Sample(payload.ljust(size, b"."), ticks, SYNC if key else NON_SYNC)
        chunks.append(boxes.chunk(TrafSpec(1, index * ticks, [sample]), sequence_number=index + 1))
    return Upload(boxes.init_segment(spec), chunks)


@pytest.fixture
def stage() -> Stage:
    return Stage(channel_rules(window=60.0, window_bytes=1 << 28))


def announced(stage: Stage) -> tuple[int, float]:
    """bit/s, and the latency target in seconds."""
    (track,) = (track for track in stage.snapshot.periods[-1].tracks if track.name == "v")
    return track.bandwidth, float(stage.snapshot.latency_target)


def test_one_long_chunk_is_forgotten(stage: Stage) -> None:
    """The camera skips most of a second, and the picture before it lasts as long. Two manifests
    tell of it: one at once, and one when a minute has passed."""
    upload = video(25 * 200, gop=25)
    chunks, skipped = list(upload.chunks), 24 * 25
    sample = Sample(b"a long one", 20 * TICKS, NON_SYNC)
    traf = TrafSpec(1, (skipped + 1) * TICKS, [sample])
    chunks[skipped + 1 : skipped + 21] = [boxes.chunk(traf, sequence_number=skipped + 2)]
    publisher = stage.publish("v")
    publisher.feed(upload.init, stage.now)
    told = []
    for index, chunk in enumerate(chunks):
        stage.pass_time(20 * FRAME if index == skipped + 1 else FRAME)
        publisher.feed(chunk, stage.now)
        if index > 10 * 25:
            told.append((announced(stage)[1], stage.presentation.revision))
    targets = [target for target, _ in told]
    assert list(dict.fromkeys(targets)) == [0.5, 2.6]
    assert targets[-1] == 0.5
    assert told[-1][1] - told[0][1] == 2


@pytest.mark.parametrize("idr", [True, False], ids=["slates", "no slates"])
def test_an_encoder_that_was_away_needs_what_it_needed(stage: Stage, *, idr: bool) -> None:
    first = stage.publish("v")
    stage.send(first, pictures(351, idr=idr))  # the last one is a key frame
    before = announced(stage)
    first.break_off("lost", stage.now)
    for _ in range(200):
        stage.pass_time(FRAME)
    stage.send(stage.publish("v"), pictures(330, idr=idr))
    assert announced(stage) == before


@pytest.mark.parametrize("idr", [True, False], ids=["slates", "no slates"])
@pytest.mark.parametrize(("old", "new"), [(1000, 90_000), (90_000, 1000)])
@pytest.mark.parametrize("breaks_off", [True, False])
def test_an_encoder_may_count_in_other_ticks_than_before(
    stage: Stage, *, old: int, new: int, breaks_off: bool, idr: bool
) -> None:
    publisher = stage.publish("v")
    stage.send(publisher, pictures(330, timescale=old, idr=idr))
    bandwidth, target = announced(stage)
    if breaks_off:
        publisher.break_off("lost", stage.now)
        publisher = stage.publish("v")
    stage.send(publisher, pictures(330, timescale=new, idr=idr))
    now_told, now_target = announced(stage)
    assert now_told == pytest.approx(bandwidth, rel=0.2)
    assert now_target == target
