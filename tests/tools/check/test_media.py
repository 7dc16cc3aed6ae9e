"""Segments as they came in, on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from sorgente.isobmff.init_segment import parse_init_segment
from sorgente.tools.arrivals import ChunkSeen
from sorgente.tools.check.media import SEGMENTS, TRACKS, SegmentSeen, TrackSeen
from sorgente.tools.check.sets import SETS, SetSeen, sets_of
from sorgente.tools.mpd.presentation import Representation, read_mpd
from sorgente.tools.web import Answer
from tests.support.boxes import AUDIO, VIDEO, init_segment
from tests.support.other_mpd import GOOD, LISTED, altered

SCALE = 12800
START = 1795348800.0
"""Of the period: segment n lasts from START + n − 1 to START + n."""
CHUNK = 0.2
FRAMES = SCALE // 5
SLACK = 0.01


def representation(text: str = GOOD) -> Representation:
    return read_mpd(text.encode(), "http://cdn.example/manifest.mpd").representations[0]


def chunk(number: int, index: int, at: float) -> ChunkSeen:
    time = (number - 1) * SCALE + index * FRAMES
    produced = START + time / SCALE + 0.1
    return ChunkSeen(at, 1000, time, time, FRAMES, index == 0, produced)


def segment(
    number: int = 3, *, text: str = GOOD, arrivals: Sequence[float] = (0.2, 0.4, 0.6, 0.8, 1.0)
) -> SegmentSeen:
    """Whose chunks come at ``arrivals`` seconds after it begins."""
    rep = representation(text)
    assert rep.addressing is not None
    told = rep.addressing.numbered(number)
    assert told is not None
    begins = START + number - 1
    chunks = [chunk(number, index, begins + at) for index, at in enumerate(arrivals)]
    ended_at = begins + max(arrivals, default=1)
    return SegmentSeen(
        rep, told, begins + CHUNK, SLACK, answer(), ended_at, read=True, chunks=chunks
    )


def answer(status: int = 200, broken: str = "") -> Answer:
    return Answer("http://cdn.example/3.m4s", status, {}, 0.0, 0.0, broken=broken)


def broken(seen: SegmentSeen) -> set[str]:
    return {each.rule.name for each in SEGMENTS.judge(seen)}


def track(*segments: SegmentSeen, text: str = GOOD) -> TrackSeen:
    init = parse_init_segment(init_segment(VIDEO))
    rep = representation(text)
    told = init.leading_track.codec
    rep.node.set("codecs", told)
    return TrackSeen(rep, init, "", list(segments), 1.5)


def broken_track(seen: TrackSeen) -> set[str]:
    return {each.rule.name for each in TRACKS.judge(seen)}


@pytest.mark.parametrize("text", [GOOD, LISTED])
def test_good(text: str) -> None:
    segments = [segment(number, text=text) for number in (3, 4, 5)]
    assert [broken(each) for each in segments] == [set(), set(), set()]
    assert broken_track(track(*segments, text=text)) == set()


def test_not_there_when_it_should_be() -> None:
    seen = segment(arrivals=())
    assert broken(replace(seen, answer=answer(404), read=False)) == {"edge-available"}


def test_the_first_chunk_comes_late() -> None:
    late = segment(arrivals=(0.55, 0.6, 0.7, 0.8, 1.0))
    assert broken(late) == {"edge-first-chunk"}
    assert broken(replace(late, slack=0.2)) == set()


def test_who_asks_late_is_no_proof() -> None:
    late = segment(arrivals=(0.9, 0.9, 0.9, 0.9, 1.0))
    assert broken(replace(late, asked_at=START + 2.9)) == set()


def test_all_at_once() -> None:
    assert broken(segment(arrivals=(1.0,) * 5)) == {"edge-first-chunk", "edge-grows"}
    assert broken(segment(arrivals=(0.2,) * 5)) == {"edge-grows"}


def test_one_chunk() -> None:
    assert broken(segment(arrivals=(0.2,))) == {"edge-grows", "chunked", "segment-duration"}


def test_a_long_wait_between_chunks() -> None:
    assert broken(segment(arrivals=(0.2, 0.21, 0.22, 0.95, 1.0))) == {"edge-pace"}


def test_the_end_is_held_back() -> None:
    seen = segment()
    assert broken(replace(seen, ended_at=seen.ended_at + 0.6)) == {"edge-end"}


def test_nothing_in_it() -> None:
    assert broken(segment(arrivals=())) == {"segment-media"}
    assert broken(replace(segment(), broken="ends inside a box")) == {"segment-media"}


def test_the_last_of_a_period_is_as_short_as_the_period_leaves_it() -> None:
    short = segment(arrivals=(0.2, 0.4))
    assert broken(short) == {"edge-grows", "segment-duration"}
    ends = short.segment.starts + Fraction(2 * FRAMES, SCALE)
    assert broken(replace(short, period_end=ends)) == set()
    assert broken(replace(segment(), period_end=ends)) == set(), "what is beyond is not played"
    later = short.segment.ends + 5
    assert broken(replace(short, period_end=later)) == broken(short), "it is not the last"


def test_no_key_frame() -> None:
    seen = segment()
    seen.chunks[0] = replace(seen.chunks[0], sync=False)
    assert broken(seen) == {"segment-start"}


def test_too_short() -> None:
    seen = segment(text=LISTED)
    seen.chunks[4:] = [replace(seen.chunks[4], duration=FRAMES // 5)]
    assert broken(seen) == {"segment-duration"}


def test_times_of_another_segment() -> None:
    seen = segment(3)
    moved = [
        replace(each, decode_time=each.decode_time + SCALE, earliest=each.earliest + SCALE)
        for each in seen.chunks
    ]
    seen.chunks[:] = moved
    assert broken_track(track(seen)) == {"media-time", "reference-agrees"}


@pytest.mark.parametrize("ticks", [-FRAMES, FRAMES])
def test_a_gap_or_an_overlap(ticks: int) -> None:
    seen = segment()
    seen.chunks[2:] = [
        replace(each, decode_time=each.decode_time + ticks) for each in seen.chunks[2:]
    ]
    assert broken_track(track(seen)) == {"continuous"}


def test_a_gap_between_segments() -> None:
    short = segment(3)
    short.chunks.pop()
    assert broken_track(track(short, segment(4))) == {"continuous"}
    assert broken_track(track(replace(short, answer=answer(broken="no more")), segment(4))) == set()
    assert broken_track(track(short, segment(5))) == set()


def test_a_zero_duration_says_nothing() -> None:
    """What ffmpeg writes for the last sample of a fragment, at times."""
    seen = segment()
    seen.chunks[1] = replace(seen.chunks[1], duration=0)
    assert broken_track(track(seen)) == set()


def test_late_by_its_own_clock() -> None:
    text = altered({"2026-11-22T12:00:00Z\"\n": "2026-11-22T11:59:58Z\"\n"})  # fmt: skip
    seen = segment()
    seen.chunks[:] = [replace(each, produced=None) for each in seen.chunks]
    assert broken_track(track(seen, text=text)) == {"target-reachable"}
    assert broken_track(track(segment(), text=text)) == {"reference-agrees"}


def test_ages_by_prft_or_else_by_the_manifest() -> None:
    seen = segment()
    assert track(seen).ages() == pytest.approx([0.1] * 5, abs=1e-6)
    seen.chunks[:] = [replace(each, produced=None) for each in seen.chunks]
    assert track(seen).ages() == pytest.approx([0.2] * 5, abs=1e-6)


def test_init_segments() -> None:
    good = track()
    assert broken_track(good) == set()
    assert broken_track(TrackSeen(good.representation, None, "no 'moov'")) == {"init-media"}
    good.representation.node.set("codecs", "avc1.42c01e")
    assert broken_track(good) == {"init-codecs"}


def test_another_kind_of_init_segment() -> None:
    sound = TrackSeen(representation(), parse_init_segment(init_segment(AUDIO)))
    assert broken_track(sound) == {"init-codecs", "init-kind", "init-timescale"}


def test_another_size() -> None:
    wide = track()
    wide.representation.node.set("width", "320")
    assert broken_track(wide) == {"init-size"}


def side_by_side(*chunks: int, target: float = 0.5) -> SetSeen:
    """A set in which segments have every so-many-th of the chunks of others."""
    tracks = {}
    for index, step in enumerate(chunks):
        whole = segment()
        seen = track(replace(whole, chunks=whole.chunks[::step]))
        seen.target = target
        tracks["p", f"v{index}"] = seen
    (found,) = sets_of(tracks)
    return found


def test_chunks_of_a_set_are_aligned() -> None:
    assert not list(SETS.judge(side_by_side(1, 1)))
    assert not list(SETS.judge(side_by_side(2, 1))), "one may have more of them"
    (found,) = SETS.judge(side_by_side(1, 2))
    assert found.rule.name == "chunks-aligned"
    assert "segment 3: 2 of 5 chunks of v1 begin where none of v1 does" in found.words


def test_short_segments_need_no_aligned_chunks() -> None:
    assert not list(SETS.judge(side_by_side(1, 2, target=1.5)))


def test_what_is_alone_is_no_set() -> None:
    assert not list(sets_of({("p", "v1"): track(segment())}))
