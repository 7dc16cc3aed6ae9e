from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import Box, boxes
from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.init_segment import parse_init_segment
from sorgente.isobmff.rewrite import Cuts, relocated, retimed
from sorgente.isobmff.track_fragment import DataBase
from tests.support.boxes import (
    AUDIO,
    STYP,
    VIDEO,
    Sample,
    TrafSpec,
    box,
    chunk,
    emsg,
    full,
    init_segment,
    mdat,
    moof,
    prft,
    sidx,
    u32,
    u64,
)

INIT = parse_init_segment(init_segment(VIDEO, AUDIO))
PICTURE = Sample(b"picture", 512)
SOUND = Sample(b"sound", 1024)
BASES = ["moof", "absolute", "position", "implicit"]


def read(data: bytes, position: int = 0) -> MediaChunk:
    return parse_chunk(data, position, INIT)


def payloads(parsed: MediaChunk) -> list[bytes]:
    return [
        parsed.data[run.offset : run.offset + run.length]
        for track in parsed.fragment.tracks
        for run in track.runs
    ]


def times(parsed: MediaChunk) -> list[int]:
    return [track.base_decode_time for track in parsed.fragment.tracks]


def find(data: bytes, *path: bytes) -> Box:
    found = list(boxes(data, 0, len(data)))
    for type_ in path[:-1]:
        found = list(next(one for one in found if one.type == type_).children())
    return next(one for one in found if one.type == path[-1])


def two_tracks(base: str, *, tfdt_version: int = 1, data_offset: bool = True) -> list[TrafSpec]:
    return [
        TrafSpec(1, 1000, [PICTURE, PICTURE], base, tfdt_version, data_offset),
        TrafSpec(2, 2000, [SOUND], base, tfdt_version, data_offset),
    ]


# --- Cuts -------------------------------------------------------------------------------------


def test_cuts_and_where_everything_else_lands() -> None:
    cuts = Cuts(b"0123456789")
    cuts.replace(2, 4, b"")
    cuts.replace(6, 6, b"abc")
    cuts.replace(8, 9, b"X")
    assert cuts.result() == b"0145abc67X9"
    landed = {offset: cuts.landing(offset) for offset in (0, 1, 4, 5, 6, 7, 9, 10)}
    assert landed == {0: 0, 1: 1, 4: 2, 5: 3, 6: 7, 7: 8, 9: 10, 10: 11}


# --- relocated --------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["moof", "implicit"])
def test_what_is_legal_anywhere_is_not_even_copied(base: str) -> None:
    parsed = read(chunk(*two_tracks(base), before=STYP), position=500)
    assert relocated(parsed) is parsed.data
    assert retimed(parsed, shifts={}) is parsed.data


@pytest.mark.parametrize(
    ("base", "data_offset"), [("position", True), ("absolute", True), ("absolute", False)]
)
def test_absolute_offsets_become_relative(base: str, data_offset: bool) -> None:
    # Without data_offset the data of each traf begins right at its base_data_offset.
    specs = two_tracks(base, data_offset=data_offset)
    parsed = read(chunk(*specs, position=12345, before=STYP), position=12345)
    moved = relocated(parsed)
    again = read(moved, position=999)
    assert [track.base for track in again.fragment.tracks] == [DataBase.MOOF] * 2
    assert again.fragment.is_relocatable
    assert payloads(again) == payloads(parsed) == [b"picturepicture", b"sound"]
    assert times(again) == [1000, 2000]
    assert moved.startswith(STYP)
    assert find(moved, b"mdat").content == mdat(*specs)
    assert len(moved) == len(parsed.data) - 16 + (0 if data_offset else 8)


def test_implicit_traf_after_an_absolute_one_goes_on_from_its_data() -> None:
    first, second = two_tracks("absolute")
    second = replace(second, base="implicit")
    parsed = read(chunk(first, second, position=77), position=77)
    again = read(relocated(parsed))
    assert [track.base for track in again.fragment.tracks] == [DataBase.MOOF, DataBase.IMPLICIT]
    assert payloads(again) == [b"picturepicture", b"sound"]


def test_more_runs_in_one_track_go_on_from_each_other() -> None:
    runs = [full(b"trun", 0, 0x200, u32(1, 7)), full(b"trun", 0, 0x201, u32(1, 170, 5))]
    tfhd = full(b"tfhd", 0, 0x1, u32(1), u64(1150))
    traf = box(b"traf", tfhd, full(b"tfdt", 0, 0, u32(0)), *runs)
    head = box(b"moof", full(b"mfhd", 0, 0, u32(1)), traf)
    data = head + box(b"mdat", bytes(150 - len(head) - 8) + b"picture" + bytes(163) + b"sound")
    parsed = read(data, position=1000)
    assert payloads(parsed) == [b"picture", b"sound"]
    assert payloads(read(relocated(parsed))) == [b"picture", b"sound"]


def test_two_moofs_are_each_their_own_base() -> None:
    picture, sound = two_tracks("absolute")
    tail = moof(sound, position=9000, gap=8 + 14)
    head = moof(picture, position=0, gap=8 + len(tail))
    tail = moof(sound, position=len(head), gap=8 + 14)
    parsed = read(head + tail + mdat(picture, sound))
    assert payloads(parsed) == [b"picturepicture", b"sound"]
    again = read(relocated(parsed), position=4)
    assert payloads(again) == [b"picturepicture", b"sound"]
    assert len(again.fragment.moofs) == 2


def test_mdat_of_size_0_gets_its_size() -> None:
    parsed = read(STYP + moof(TrafSpec()) + u32(0) + b"mdat" + b"sample")
    assert relocated(parsed) == STYP + moof(TrafSpec()) + box(b"mdat", b"sample")


def test_boxes_with_64_bit_sizes_keep_their_form() -> None:
    specs = [TrafSpec(1, 5, [PICTURE], "absolute")]
    head = moof(*specs, gap=8 + 8)
    large = u32(1) + b"moof" + u64(len(head) + 8) + head[8:]
    parsed = read(large + mdat(*specs))
    assert payloads(parsed) == [b"picture"]
    again = relocated(parsed)
    assert find(again, b"moof").body == 16
    assert payloads(read(again)) == [b"picture"]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("version", [0, 1])
def test_auxiliary_information_is_still_found(base: str, version: int) -> None:
    """``saio`` counts from the same base as the runs."""
    mark = b"initialisation vectors"
    sound, word = TrafSpec(2, 7, [SOUND], base), u64 if version else u32

    def build(offset: int) -> bytes:
        saio = full(b"saio", version, 1, b"cenc" + u32(0) + u32(1) + word(offset))
        picture = TrafSpec(1, 5, [PICTURE, Sample(mark)], base, extra=saio + box(b"senc", mark))
        return chunk(sound, picture, position=1000)

    # What counts from the data cannot point back into the moof: offsets have no sign.
    counts_from = read(build(0), 1000).fragment.tracks[1].base_offset
    data = build(build(0).index(mark, counts_from) - counts_from)
    parsed = read(data, position=1000)
    for out in (retimed(parsed, shifts={1: 3, 2: 3}), relocated(parsed)):
        again = read(out, position=0 if out is not data else 1000)
        traf = [one for one in find(out, b"moof").children() if one.type == b"traf"][1]
        fields = traf.need(b"saio").fields(skip=16)
        offset = fields.u64() if version else fields.u32()
        assert out[again.fragment.tracks[1].base_offset + offset :].startswith(mark)
        assert payloads(again) == [b"sound", b"picture" + mark]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (full(b"saio", 0, 0, u32(1, 5000)), "'saio' .* points outside its chunk"),
        (full(b"saio", 0, 0, u32(1 << 30)), "'saio' .* offsets"),
        (full(b"saio", 0, 1, u32(1)), "'saio' .* ends inside"),
    ],
)
def test_auxiliary_information_that_leads_nowhere(extra: bytes, message: str) -> None:
    parsed = read(chunk(TrafSpec(extra=extra)))
    with pytest.raises(MalformedBox, match=message):
        retimed(parsed, shifts={1: 1})


def test_auxiliary_information_before_its_new_base_is_refused() -> None:
    """An offset without sign can point at a byte before the moof from an absolute base only."""
    spec = TrafSpec(base="absolute", extra=full(b"saio", 0, 0, u32(1, 0)))
    data = chunk(spec, position=1000, before=STYP)
    base = read(data, 1000).fragment.tracks[0].base_offset
    parsed = read(data.replace(u64(1000 + base), u64(1000)), position=1000)
    with pytest.raises(MalformedBox, match=r"'saio' at byte .* cannot hold the offset -24"):
        relocated(parsed)


@pytest.mark.parametrize("position", [1001, 999, 0, 1 << 40])
def test_data_outside_the_chunk_is_refused(position: int) -> None:
    data = chunk(*two_tracks("absolute"), position=1000)
    parsed = read(data, position=position)
    if position == 999:
        # One byte late at the last run only.
        with pytest.raises(MalformedBox, match=r"'trun' .* data outside its chunk"):
            relocated(parsed)
    elif position == 1001:
        assert payloads(read(relocated(parsed))) != [b"picturepicture", b"sound"]
    else:
        with pytest.raises(MalformedBox, match="data outside its chunk"):
            relocated(parsed)


# --- retimed ----------------------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("tfdt_version", [0, 1])
def test_decode_times_move_and_nothing_else_does(base: str, tfdt_version: int) -> None:
    specs = two_tracks(base, tfdt_version=tfdt_version)
    unknown = box(b"abcd", b"unknown")
    parsed = read(chunk(*specs, position=50, before=STYP + unknown), position=50)
    out = retimed(parsed, shifts={1: 1 << 40, 2: -500}, sequence_number=42)
    again = read(out)
    assert times(again) == [1000 + (1 << 40), 1500]
    assert again.fragment.sequence_number == 42
    assert payloads(again) == [b"picturepicture", b"sound"]
    assert out.startswith(STYP + unknown)
    assert find(out, b"moof", b"traf", b"tfdt").content[8] == 1
    assert find(out, b"mdat").content == mdat(*specs)


def test_tracks_without_a_shift_stay() -> None:
    parsed = read(chunk(*two_tracks("moof", tfdt_version=0)))
    again = read(retimed(parsed, shifts={2: 5}))
    assert times(again) == [1000, 2005]
    assert len(again.data) == len(parsed.data) + 4


def test_sequence_number_alone() -> None:
    parsed = read(chunk(*two_tracks("moof")))
    out = retimed(parsed, shifts={}, sequence_number=0xFFFFFFFF + 8)
    assert read(out).fragment.sequence_number == 7
    assert times(read(out)) == times(parsed)


def test_sequence_numbers_count_on_from_moof_to_moof() -> None:
    tail = moof(TrafSpec())
    parsed = read(moof(TrafSpec(), gap=8 + len(tail)) + tail + mdat(TrafSpec()))
    out = retimed(parsed, shifts={}, sequence_number=8)
    numbers = [
        one.need(b"mfhd").fields(skip=4).u32() for one in read(out).boxes if one.type == b"moof"
    ]
    assert numbers == [8, 9]


@pytest.mark.parametrize("version", [0, 1])
def test_times_in_front_of_the_fragment_move_too(version: int) -> None:
    before = (
        prft(1, 9 << 32, 5000, version=version)
        + prft(2, 9 << 32, 6000, version=version)
        + emsg(timescale=1000, time=700, version=version, payload=b"payload")
        + sidx(1, 12800, 5000, version=version)
        + sidx(1, 1000, 400, version=version)
    )
    parsed = read(chunk(*two_tracks("moof"), before=before))
    # One second, for the picture alone.
    out = retimed(parsed, shifts={1: 12800})
    again = read(out).fragment
    assert [one.media_time for one in again.reference_times] == [17800, 6000]
    assert [one.ntp for one in again.reference_times] == [9 << 32] * 2
    [event] = again.events
    assert event.presentation_time == (1700 if version else 700)
    assert event.payload == b"payload"
    found = [one for one in boxes(out, 0, len(out)) if one.type == b"sidx"]
    earliest = []
    for one in found:
        fields = one.fields()
        assert fields.version_and_flags() == (1, 0)
        fields.skip(8)
        earliest.append(fields.u64())
        assert fields.u64() == 0
        assert fields.raw(fields.left) == sidx(1, 1, 1)[-16:]
    assert earliest == [17800, 1400]


def test_boxes_about_unknown_tracks_stay() -> None:
    before = prft(9, 1, 2) + sidx(9, 1000, 5)
    parsed = read(chunk(before=before))
    assert retimed(parsed, shifts={1: 5}).startswith(before)


def test_hints_stop_at_the_end_of_their_field_and_decode_times_do_not() -> None:
    parsed = read(chunk(TrafSpec(1, 100), before=prft(1, 1, 50)))
    again = read(retimed(parsed, shifts={1: -100})).fragment
    assert again.reference_times[0].media_time == 0
    for shift in (-101, 1 << 64):
        with pytest.raises(MalformedBox, match=r"'tfdt' .* cannot be moved"):
            retimed(parsed, shifts={1: shift})


@given(
    shift=st.integers(-1000, 1 << 56),
    base=st.sampled_from(BASES),
    tfdt_version=st.sampled_from([0, 1]),
    position=st.integers(0, 1 << 40),
)
def test_there_and_back(shift: int, base: str, tfdt_version: int, position: int) -> None:
    before = emsg(time=1000) + prft(1, 1, 1000) + sidx(1, 90000, 10000)
    specs = two_tracks(base, tfdt_version=tfdt_version)
    parsed = read(chunk(*specs, position=position, before=before), position=position)
    there = read(retimed(parsed, shifts={1: shift, 2: shift}, sequence_number=5))
    assert times(there) == [1000 + shift, 2000 + shift]
    back = read(retimed(there, shifts={1: -shift, 2: -shift}, sequence_number=1))
    assert times(back) == times(parsed)
    assert payloads(back) == payloads(parsed)
    assert back.fragment.events == parsed.fragment.events
    assert back.fragment.reference_times == parsed.fragment.reference_times
    assert find(back.data, b"sidx").content == find(parsed.data, b"sidx").content
