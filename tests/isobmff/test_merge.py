from __future__ import annotations

from dataclasses import replace

import pytest

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import boxes
from sorgente.isobmff.fragment import parse_chunk
from sorgente.isobmff.init_segment import EditList, InitSegment, parse_init_segment
from sorgente.isobmff.merge import merge_inits, renumbered
from sorgente.isobmff.split import split_init
from tests.support.boxes import (
    AUDIO,
    STYP,
    VIDEO,
    Sample,
    TrackSpec,
    TrafSpec,
    box,
    chunk,
    edts,
    ftyp,
    full,
    init_segment,
    mdat,
    moof,
    moov,
    prft,
    sidx,
    u32,
)


def init(spec: TrackSpec, timescale: int = 1000) -> InitSegment:
    return parse_init_segment(ftyp() + moov(spec, timescale=timescale))


def test_tracks_get_new_ids_in_the_given_order() -> None:
    audio, video = replace(AUDIO, track_id=1), replace(VIDEO, track_id=1, trex=(512, 0, 7))
    merged = merge_inits([init(video), init(audio), init(replace(AUDIO, language="deu"))])
    assert [track.track_id for track in merged.tracks] == [1, 2, 3]
    assert [track.kind for track in merged.tracks] == ["video", "audio", "audio"]
    assert merged.tracks[0].defaults.flags == 7
    assert merged.tracks[2].language == "deu"
    assert merged.brands == ("iso6", "iso6", "mp41")
    [_, whole] = boxes(merged.data, 0, len(merged.data))
    assert whole.need(b"mvhd").content.endswith(u32(4))


def test_split_and_merged_again() -> None:
    source = parse_init_segment(init_segment(VIDEO, AUDIO))
    assert merge_inits(list(split_init(source).values())).tracks == source.tracks


@pytest.mark.parametrize(
    ("timescales", "merged_timescale", "empty"),
    [((1000, 1000), 1000, 2500), ((1000, 600), 3000, 7500),
     ((1 << 31, (1 << 31) - 1), 1 << 31, 2500)],
)  # fmt: skip
def test_empty_edits_last_as_long(
    timescales: tuple[int, int], merged_timescale: int, empty: int
) -> None:
    spec = replace(VIDEO, edts=edts((2500, -1), (0, 1024)))
    merged = merge_inits([init(spec, timescales[0]), init(AUDIO, timescales[1])])
    assert merged.movie_timescale == merged_timescale
    assert [track.edit_list for track in merged.tracks] == [EditList(empty, 1024), EditList()]


def test_media_time_alone_stays() -> None:
    merged = merge_inits([init(replace(AUDIO, edts=edts((0, 1024), version=1)))])
    assert merged.tracks[0].edit_list == EditList(0, 1024)


def test_what_holds_for_a_movie() -> None:
    first, second = (full(b"pssh", 0, 0, bytes([n]) * 16, u32(0)) for n in (1, 2))
    udta = box(b"udta", b"")

    def with_boxes(spec: TrackSpec, *extra: bytes) -> InitSegment:
        return parse_init_segment(ftyp() + box(b"moov", moov(spec)[8:], *extra))

    merged = merge_inits(
        [with_boxes(VIDEO, udta, first), with_boxes(AUDIO, udta, first, second)]
    )  # fmt: skip
    [_, whole] = boxes(merged.data, 0, len(merged.data))
    assert [one.content for one in whole.children()][4:] == [udta, first, second]


@pytest.mark.parametrize("specs", [[], [(VIDEO, AUDIO)]])
def test_only_single_tracks(specs: list[tuple[TrackSpec, ...]]) -> None:
    with pytest.raises(ValueError, match="one track each"):
        merge_inits([parse_init_segment(init_segment(*one)) for one in specs])


def test_chunks_get_new_ids_and_numbers() -> None:
    before = STYP + sidx(1, 12800, 0) + prft(1, 1 << 63, 5)
    data = chunk(TrafSpec(1, 1000, [Sample(b"picture")]), before=before)
    init_of_7 = parse_init_segment(init_segment(replace(VIDEO, track_id=7)))
    out = renumbered(data, 7, (1 << 32) + 42)
    parsed = parse_chunk(out, 0, init_of_7)
    assert parsed.fragment.sequence_number == 42
    assert [track.track_id for track in parsed.fragment.tracks] == [7]
    assert [one.track_id for one in parsed.fragment.reference_times] == [7]
    assert out == chunk(
        TrafSpec(7, 1000, [Sample(b"picture")]), sequence_number=42,
        before=STYP + sidx(7, 12800, 0) + prft(7, 1 << 63, 5),
    )  # fmt: skip


def test_numbers_count_on_from_moof_to_moof() -> None:
    tail = moof(TrafSpec())
    data = moof(TrafSpec(), gap=8 + len(tail)) + tail + mdat(TrafSpec())
    out = renumbered(data, 1, 8)
    heads = [one for one in boxes(out, 0, len(out)) if one.type == b"moof"]
    assert [one.need(b"mfhd").fields(skip=4).u32() for one in heads] == [8, 9]


def test_a_moof_alone() -> None:
    assert renumbered(moof(TrafSpec()), 7, 8) == moof(TrafSpec(7), sequence_number=8)


def test_fields_that_are_not_there() -> None:
    broken = box(b"moof", full(b"mfhd", 0, 0, u32(1)), box(b"traf", box(b"tfhd", u32(0))))
    with pytest.raises(MalformedBox, match=r"'tfhd' .* ends inside"):
        renumbered(broken + mdat(), 1, 1)
