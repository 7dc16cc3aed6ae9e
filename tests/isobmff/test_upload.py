from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.errors import BoxTooLarge, MalformedBox, MediaError, TruncatedUpload
from sorgente.isobmff.fragment import MediaChunk
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.scanner import BoxLimits
from sorgente.isobmff.upload import RawBytes, Trailer, Unit, UploadParser
from tests.support.boxes import (
    AUDIO,
    STYP,
    VIDEO,
    TrackSpec,
    TrafSpec,
    box,
    chunk,
    emsg,
    ftyp,
    full,
    init_segment,
    mdat,
    moof,
    moov,
    prft,
    u32,
)
from tests.support.uploads import (
    chunks_of,
    fed_every_way,
    in_pieces,
    init_of,
    joined,
    units_of,
    units_until_error,
)

INIT = init_segment(VIDEO, AUDIO)
MFRA = box(b"mfra", full(b"mfro", 0, 0, u32(24)))
FRAME = chunk(TrafSpec(1, 0), TrafSpec(2, 0, base="implicit"))


def content_type(parser: UploadParser) -> str | None:
    return parser.content_type


def kinds(units: list[Unit]) -> list[type]:
    return [type(unit) for unit in units]


# --- fragmented -------------------------------------------------------------------------------


def test_init_segment_chunks_and_trailer() -> None:
    marked = chunk(before=STYP + prft(1, 5, 6) + emsg() + box(b"free", b"ffmpeg"))
    data = INIT + FRAME + marked + MFRA
    units, error = fed_every_way(data)
    assert error is None
    assert kinds(units) == [InitSegment, MediaChunk, MediaChunk, Trailer]
    assert [unit.data for unit in units] == [INIT, FRAME, marked, MFRA]
    assert [one.position for one in chunks_of(units)] == [len(INIT), len(INIT + FRAME)]


def test_units_come_as_soon_as_they_are_whole() -> None:
    parser = UploadParser()
    assert list(parser.feed(INIT[:-1])) == []
    assert content_type(parser) is None
    assert kinds(list(parser.feed(INIT[-1:] + FRAME[:-1]))) == [InitSegment]
    assert content_type(parser) == "video/mp4"
    assert kinds(list(parser.feed(FRAME[-1:]))) == [MediaChunk]
    assert list(parser.finish()) == []


def test_pending_counts_what_is_held() -> None:
    parser = UploadParser()
    list(parser.feed(INIT[:-1]))
    assert parser.pending == len(INIT) - 1
    list(parser.feed(INIT[-1:] + FRAME + STYP + FRAME[:100]))
    assert parser.pending == len(STYP) + 100
    parser = UploadParser()
    list(parser.feed(b"hello"))
    assert parser.pending == 0


@pytest.mark.parametrize("opening", [b"styp", b"free", b"skip", b"wide", b"pdin", b"sidx"])
def test_legal_boxes_before_the_moov_belong_to_the_init_segment(opening: bytes) -> None:
    init = box(opening, b"cmfs" + bytes(30)) + ftyp() + box(b"uuid", bytes(20)) + moov(VIDEO)
    units, error = fed_every_way(init + chunk())
    assert error is None
    assert [unit.data for unit in units] == [init, chunk()]


def test_moov_without_ftyp() -> None:
    units, error = fed_every_way(moov(VIDEO) + chunk())
    assert error is None
    assert kinds(units) == [InitSegment, MediaChunk]
    assert init_of(units).brands == ()


def test_a_second_init_segment_is_that_of_the_chunks_after_it() -> None:
    second = MFRA + init_segment(replace(VIDEO, track_id=7))
    data = INIT + FRAME + second + chunk(TrafSpec(7))
    units, error = fed_every_way(data)
    assert error is None
    assert kinds(units) == [InitSegment, MediaChunk, InitSegment, MediaChunk]
    assert [unit.data for unit in units] == [INIT, FRAME, second, chunk(TrafSpec(7))]
    assert chunks_of(units)[1].init is units[2]


def test_boxes_between_moof_and_mdat_and_two_moofs() -> None:
    spec = TrafSpec()
    between = moof(spec, gap=28) + box(b"free", bytes(12)) + mdat(spec)
    twice = moof(spec, gap=500) + moof(spec) + mdat(spec)
    units, error = fed_every_way(INIT + between + twice)
    assert error is None
    assert [unit.data for unit in units] == [INIT, between, twice]


def test_mdat_of_size_0_ends_with_the_upload() -> None:
    last = moof(TrafSpec()) + u32(0) + b"mdat" + b"sample"
    units, error = fed_every_way(INIT + FRAME + last)
    assert error is None
    assert [unit.data for unit in units] == [INIT, FRAME, last]


@pytest.mark.parametrize(
    ("tracks", "expected"),
    [([VIDEO, AUDIO], "video/mp4"), ([VIDEO], "video/mp4"), ([AUDIO], "audio/mp4")],
)
def test_content_type_of_fragmented_mp4(tracks: list[TrackSpec], expected: str) -> None:
    parser = UploadParser()
    assert content_type(parser) is None
    units_of(init_segment(*tracks), parser)
    assert content_type(parser) == expected
    assert parser.note is None


def test_an_upload_that_goes_on_with_a_known_init_segment() -> None:
    [init] = units_of(INIT)
    assert isinstance(init, InitSegment)
    parser = UploadParser(init=init)
    assert parser.content_type == "video/mp4"
    units = units_of(in_pieces(STYP + FRAME, 3), parser)
    assert [unit.data for unit in units] == [STYP + FRAME]
    units = units_of(INIT + FRAME, UploadParser(init=init))
    assert kinds(units) == [InitSegment, MediaChunk]
    with pytest.raises(MalformedBox):
        units_of(b"rubbish of 17 bytes", UploadParser(init=init))
    assert units_of(b"", UploadParser(init=init)) == []


# --- what breaks the rules --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (b"this is rubbish", MalformedBox, "is no known box"),
        (u32(5) + b"moof", MalformedBox, "5 bytes long"),
        (u32(0) + b"moof", MalformedBox, "size 0"),
        (u32(5 << 20) + b"moof", BoxTooLarge, "over the limit of 4194304"),
        (u32(5 << 20) + b"abcd", MalformedBox, "is no known box"),
        (u32(65 << 20) + b"mdat", BoxTooLarge, "over the limit of 67108864"),
        (box(b"mdat"), MalformedBox, "'mdat' at byte .* comes without a 'moof'"),
        (moof(TrafSpec()) + u32(65 << 20) + b"mdat", BoxTooLarge, "over the limit of 67108864"),
        (moof(TrafSpec()) + moov(VIDEO), MalformedBox, "'moov' .* between 'moof' and 'mdat'"),
        (moov(VIDEO, fragmented=False), MalformedBox, "in the middle of a live stream"),
        (moov(replace(VIDEO, samples=2)), MalformedBox, "in the middle of a live stream"),
        (chunk(TrafSpec(9)), MalformedBox, "is of track 9"),
        (box(b"free") * 1025, BoxTooLarge, "more than 1024 boxes"),
        (FRAME[:-1], TruncatedUpload, "ended 8 bytes into the box|ended 19 bytes into the box"),
        (FRAME[:5], TruncatedUpload, "ended 5 bytes into the box"),
        (moof(TrafSpec()), TruncatedUpload, "before the 'mdat' of a 'moof'"),
        (box(b"free") + b"1", TruncatedUpload, "ended 1 bytes into"),
    ],
)
def test_good_units_come_before_the_error(
    bad: bytes, error: type[MediaError], message: str
) -> None:  # fmt: skip
    data = INIT + FRAME + bad
    units, raised = fed_every_way(data)
    assert [unit.data for unit in units] == [INIT, FRAME]
    assert type(raised) is error
    with pytest.raises(error, match=message):
        raise raised


def test_status_of_the_errors() -> None:
    assert (MalformedBox.status, TruncatedUpload.status, BoxTooLarge.status) == (400, 400, 413)


def test_moov_that_announces_fragments_and_contradicts_itself() -> None:
    broken = moov(VIDEO).replace(b"stsd", b"free")
    units, error = fed_every_way(ftyp() + broken + chunk())
    assert units == []
    assert isinstance(error, MalformedBox)
    cut = moov(VIDEO).replace(b"trak", b"\xff\xff\xff\xff")
    assert isinstance(fed_every_way(ftyp() + box(b"moov", cut[8:-1] + b""))[1], MalformedBox)


def test_limits_are_the_caller_s() -> None:
    limits = BoxLimits(max_box=2000, max_chunk=3000)
    units, error = units_until_error([INIT + FRAME + u32(2001) + b"emsg"], limits)
    assert kinds(units) == [InitSegment, MediaChunk]
    assert isinstance(error, BoxTooLarge)
    units, error = units_until_error(
        [INIT + box(b"free", bytes(1992)) + u32(1001) + b"free"], limits
    )
    assert isinstance(error, BoxTooLarge)


# --- anything else ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"G@\x00\x10 MPEG-TS",
        b"\x1aE\xdf\xa3 WebM",
        b"hello",
        b"\xff",
        u32(24) + b"mdat",
        u32(24) + b"moof",
        u32(24) + b"abcd",
        u32(24) + b"ftyx",
        u32(24) + b"x",
        u32(5) + b"ftyp",
        u32(0) + b"ftyp",
        u32((4 << 20) + 1) + b"moov",
        b"\x01\x00\x00\x00",
    ],
)
def test_what_cannot_be_fragmented_mp4_is_raw_with_its_first_bytes(data: bytes) -> None:
    parser = UploadParser()
    assert list(parser.feed(data)) == [RawBytes(data)]
    assert parser.content_type == "application/octet-stream"
    assert list(parser.feed(b"more")) == [RawBytes(b"more")]
    assert list(parser.feed(b"")) == []
    assert list(parser.finish()) == []
    fed_every_way(data + b"more")


@pytest.mark.parametrize(
    ("head", "note"),
    [
        (ftyp() + moov(VIDEO, fragmented=False), "announces no fragments"),
        (ftyp() + moov(replace(VIDEO, samples=9)), r"add \+empty_moov to movflags"),
        (ftyp() + u32((4 << 20) + 1) + b"moov", "too large"),
        (ftyp() + u32(9000) + b"mdat", "media before any init segment"),
        (ftyp() + u32(9000) + b"moof", "media before any init segment"),
        (ftyp() + box(b"moov", b"broken"), "announces no fragments"),
        (ftyp() + box(b"free") * 1025, "too large"),
        (ftyp() + u32(9000) + b"abcd", None),
        (ftyp() + u32(3) + b"free", None),
    ],
)
def test_an_mp4_that_is_no_live_stream_is_raw_with_a_reason(head: bytes, note: str | None) -> None:
    parser = UploadParser()
    assert list(parser.feed(head + b"more")) == [RawBytes(head + b"more")]
    assert list(parser.feed(b"and more")) == [RawBytes(b"and more")]
    assert parser.content_type == "video/mp4"
    if note is None:
        assert parser.note is None
    else:
        assert parser.note is not None
        assert "\n" not in parser.note
        with pytest.raises(AssertionError, match=note):
            raise AssertionError(parser.note)
    units, error = fed_every_way(head + b"more")
    assert error is None
    assert joined(units) == head + b"more"


@pytest.mark.parametrize("data", [b"", b"\0", u32(24), ftyp()[:-3], ftyp(), INIT[:-1]])
def test_undecided_at_the_end_is_raw(data: bytes) -> None:
    units, error = fed_every_way(data)
    assert error is None
    assert units == ([RawBytes(data)] if data else [])


def test_finish_decides_the_content_type() -> None:
    for data, expected in ((ftyp(), "video/mp4"), (b"\0", "application/octet-stream")):
        parser = UploadParser()
        units_of(data, parser)
        assert parser.content_type == expected


# --- properties -------------------------------------------------------------------------------

PARTS = st.sampled_from(
    [
        INIT,
        FRAME,
        STYP + FRAME,
        chunk(before=emsg() + prft(1, 2, 3)),
        moof(TrafSpec(), gap=16) + box(b"free") + mdat(TrafSpec()),
        MFRA,
        box(b"free", bytes(9)),
        ftyp(),
        box(b"mdat", b"stray"),
        b"rubbish",
    ]
)


@given(parts=st.lists(PARTS, max_size=8), cuts=st.lists(st.integers(0, 5000), max_size=20))
def test_any_split_gives_the_same_units_and_all_the_bytes(
    parts: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(parts)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    whole, error = fed_every_way(data)
    split, split_error = units_until_error(data[start:end] for start, end in pairwise(edges))
    assert joined(split) == joined(whole)
    assert chunks_of(split) == chunks_of(whole)
    assert str(split_error) == str(error)
    if error is None:
        assert joined(whole) == data
    else:
        assert data.startswith(joined(whole))


@given(parts=st.lists(st.binary(max_size=40) | PARTS, max_size=6))
def test_arbitrary_bytes_raise_nothing_but_media_errors(parts: list[bytes]) -> None:
    fed_every_way(b"".join(parts))
