from __future__ import annotations

import pytest

from sorgente.errors import MalformedBox
from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.init_segment import parse_init_segment
from sorgente.isobmff.track_fragment import DataBase
from tests.support.boxes import (
    AUDIO,
    NON_SYNC,
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
    u32,
)

INIT = parse_init_segment(init_segment(AUDIO, VIDEO))
SOUND = Sample(b"sound", 1024)
PICTURE = Sample(b"picture", 512)
DELTA = Sample(b"delta", 512, NON_SYNC)


def read(data: bytes, position: int = 0) -> MediaChunk:
    return parse_chunk(data, position, INIT)


def payloads(parsed: MediaChunk) -> list[bytes]:
    """What the runs of a chunk point at."""
    return [
        parsed.data[run.offset : run.offset + run.length]
        for track in parsed.fragment.tracks
        for run in track.runs
    ]


def test_everything_that_stands_in_front_of_a_fragment() -> None:
    before = STYP + prft(1, 5, 6) + emsg() + prft(2, 7, 8) + box(b"abcd", b"unknown")
    parsed = read(chunk(TrafSpec(), sequence_number=9, before=before), position=77)
    fragment = parsed.fragment
    assert parsed.position == 77
    assert fragment.sequence_number == 9
    assert fragment.brands == ("msdh", "msdh", "msix")
    assert [reference.track_id for reference in fragment.reference_times] == [1, 2]
    assert [event.event_id for event in fragment.events] == [7]
    [(start, end)] = fragment.moofs
    assert parsed.data[start + 4 : start + 8] == b"moof"
    assert parsed.data[end + 4 : end + 8] == b"mdat"
    assert [found.type for found in parsed.boxes] == [
        b"styp", b"prft", b"emsg", b"prft", b"abcd", b"moof", b"mdat",
    ]  # fmt: skip


@pytest.mark.parametrize("base", ["moof", "absolute", "implicit"])
def test_every_base_finds_the_data(base: str) -> None:
    specs = [TrafSpec(2, 10, [SOUND, SOUND], base), TrafSpec(1, 20, [PICTURE, DELTA], base)]
    parsed = read(chunk(*specs, position=1000, before=STYP), position=1000)
    assert payloads(parsed) == [b"soundsound", b"picturedelta"]
    assert [track.base for track in parsed.fragment.tracks] == [DataBase[base.upper()]] * 2
    assert parsed.fragment.is_relocatable == (base != "absolute")
    sound, picture = parsed.fragment.tracks
    assert (sound.track_id, sound.base_decode_time, sound.duration) == (2, 10, 2048)
    assert (picture.track_id, picture.base_decode_time, picture.duration) == (1, 20, 1024)


def test_two_moofs_before_one_mdat() -> None:
    first, second = TrafSpec(2, 10, [SOUND]), TrafSpec(1, 20, [PICTURE])
    tail = moof(second, sequence_number=8, gap=8 + len(b"sound"))
    head = moof(first, sequence_number=7, gap=8 + len(tail))
    parsed = read(head + tail + mdat(first, second))
    assert payloads(parsed) == [b"sound", b"picture"]
    assert parsed.fragment.moofs == ((0, len(head)), (len(head), len(head) + len(tail)))
    assert parsed.fragment.sequence_number == 7


@pytest.mark.parametrize(
    ("specs", "starts", "contains"),
    [
        ([TrafSpec(1, 0, [PICTURE, DELTA])], True, True),
        ([TrafSpec(1, 0, [DELTA, PICTURE])], False, True),
        ([TrafSpec(1, 0, [DELTA])], False, False),
        ([TrafSpec(2, 0, [SOUND]), TrafSpec(1, 0, [PICTURE])], True, True),
        ([TrafSpec(2, 0, [SOUND])], False, False),
        ([TrafSpec(1, 0, []), TrafSpec(1, 0, [PICTURE])], True, True),
        ([TrafSpec(1, 0, [])], False, False),
    ],
)
def test_random_access_is_that_of_the_leading_track(
    specs: list[TrafSpec], starts: bool, contains: bool
) -> None:
    parsed = read(chunk(*specs))
    assert parsed.random_access is starts
    assert parsed.contains_random_access is contains


def test_track_by_id() -> None:
    parsed = read(chunk(TrafSpec(2, 5, []), TrafSpec(2, 6, [SOUND])))
    track = parsed.track(2)
    assert track is not None
    assert track.base_decode_time == 6
    assert parsed.track(1) is None


def test_mdat_of_size_0_is_not_relocatable() -> None:
    head = moof(TrafSpec())
    parsed = read(head + u32(0) + b"mdat" + b"sample")
    assert parsed.fragment.open_ended
    assert not parsed.fragment.is_relocatable


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (box(b"moof") + box(b"mdat"), "'moof' at byte 50 has no 'mfhd'"),
        (chunk(TrafSpec(track_id=5)), "is of track 5"),
        (full(b"prft", 1, 0) + chunk(), "'prft' at byte 50 ends inside"),
        (box(b"styp", b"ms") + chunk(), "'styp' at byte 50 ends inside"),
    ],
)
def test_contradictions_are_refused_with_their_place(data: bytes, message: str) -> None:
    with pytest.raises(MalformedBox, match=message):
        read(data, position=50)
