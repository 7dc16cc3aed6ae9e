from __future__ import annotations

from dataclasses import replace

import pytest

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import boxes
from sorgente.isobmff.init_segment import (
    EditList,
    TrackDefaults,
    carries_samples,
    is_fragmented,
    parse_init_segment,
)
from tests.support.boxes import (
    AUDIO,
    VIDEO,
    TrackSpec,
    audio_entry,
    box,
    edts,
    ftyp,
    full,
    init_segment,
    moov,
    u16,
    u32,
    visual_entry,
)

TEXT = TrackSpec(
    3, b"text", 1000, box(b"wvtt", bytes(6), u16(1)), language="nor", width=320, height=40
)


def test_everything_a_track_says() -> None:
    video = replace(
        VIDEO,
        language="ita",
        trex=(512, 99, 0x01010000),
        entry=visual_entry(width=1920, height=1080),
        udta=box(b"udta", full(b"kind", 0, 0, b"urn:mpeg:dash:role:2011\0main\0")),
    )
    init = parse_init_segment(ftyp(b"cmf2", b"iso6", b"cmfc") + moov(video, AUDIO))
    assert init.brands == ("cmf2", "iso6", "cmfc")
    assert init.movie_timescale == 1000
    assert [track.track_id for track in init.tracks] == [1, 2]
    track = init.tracks[0]
    assert (track.handler, track.kind, track.codec) == ("vide", "video", "avc1.64001f")
    assert (track.timescale, track.language) == (12800, "ita")
    assert (track.width, track.height) == (1920, 1080)
    assert track.defaults == TrackDefaults(512, 99, 0x01010000)
    assert track.roles == (("urn:mpeg:dash:role:2011", "main"),)
    sound = init.tracks[1]
    assert (sound.kind, sound.codec, sound.language) == ("audio", "mp4a.40.2", "und")
    assert (sound.sample_rate, sound.channels, sound.bitrate) == (48000, 2, 0)


@pytest.mark.parametrize("version", [0, 1])
def test_both_versions_of_the_headers(version: int) -> None:
    init = parse_init_segment(init_segment(replace(TEXT, version=version)))
    [track] = init.tracks
    assert (track.track_id, track.timescale, track.language) == (3, 1000, "nor")
    assert (track.width, track.height) == (320, 40)


def test_movie_header_of_version_1() -> None:
    data = moov(VIDEO)
    old = full(b"mvhd", 0, 0, u32(0, 0, 1000, 0), bytes(80))
    new = full(b"mvhd", 1, 0, bytes(16), u32(90000), bytes(88))
    assert old in data
    body = data[8:].replace(old, new)
    assert parse_init_segment(box(b"moov", body)).movie_timescale == 90000


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([(0, 1024)], EditList(0, 1024)),
        ([(5000, -1), (0, 1024)], EditList(5000, 1024)),
        ([(5000, -1)], EditList(5000, 0)),
        ([], EditList()),
        ([(1, 0), (1, 100)], EditList(0, 0, regular=False)),
        ([(1, -1), (1, -1)], EditList(1, 0, regular=False)),
        ([(1, -1), (1, 7), (1, 9)], EditList(1, 7, regular=False)),
    ],
)
def test_edit_lists(version: int, entries: list[tuple[int, int]], expected: EditList) -> None:
    data = init_segment(replace(VIDEO, edts=edts(*entries, version=version)))
    assert parse_init_segment(data).tracks[0].edit_list == expected


def test_an_edit_at_another_speed_is_irregular() -> None:
    fast = box(b"edts", full(b"elst", 0, 0, u32(1, 0, 0, 0x20000)))
    data = init_segment(replace(VIDEO, edts=fast))
    assert not parse_init_segment(data).tracks[0].edit_list.regular


def test_extended_language_wins() -> None:
    data = init_segment(replace(AUDIO, language="por", mdia_extra=full(b"elng", 0, 0, b"pt-BR\0")))
    assert parse_init_segment(data).tracks[0].language == "pt-BR"


def test_user_data_that_is_not_boxes_is_no_error() -> None:
    data = init_segment(replace(VIDEO, udta=box(b"udta", b"what QuickTime likes")))
    assert parse_init_segment(data).tracks[0].roles == ()


def test_leading_track_and_content_type() -> None:
    both = parse_init_segment(init_segment(AUDIO, VIDEO))
    assert both.leading_track.track_id == 1
    assert both.content_type == "video/mp4"
    sound = parse_init_segment(init_segment(AUDIO))
    assert sound.leading_track.track_id == 2
    assert sound.content_type == "audio/mp4"
    assert parse_init_segment(init_segment(TEXT)).content_type == "video/mp4"


def test_init_segments_are_compatible_when_a_decoder_would_not_notice() -> None:
    init = parse_init_segment(init_segment(VIDEO, AUDIO))
    later = moov(VIDEO, AUDIO).replace(b"mvhd" + bytes(12), b"mvhd" + bytes(4) + u32(7, 8))
    assert later != moov(VIDEO, AUDIO)
    assert init.compatible_with(parse_init_segment(ftyp(b"dash") + later))
    for other in (
        init_segment(VIDEO),
        init_segment(AUDIO, VIDEO),
        init_segment(VIDEO, replace(AUDIO, track_id=3)),
        init_segment(VIDEO, replace(AUDIO, timescale=44100)),
        init_segment(VIDEO, replace(AUDIO, language="ita")),
        init_segment(VIDEO, replace(AUDIO, entry=audio_entry(channels=1))),
        init_segment(replace(VIDEO, edts=edts((0, 1024))), AUDIO),
        init_segment(replace(VIDEO, trex=(1, 0, 0)), AUDIO),
    ):
        assert not init.compatible_with(parse_init_segment(other))


def test_moov_of_a_file_is_told_apart() -> None:
    def first(data: bytes) -> tuple[bool, bool]:
        box_ = next(boxes(data, 0, len(data)))
        return is_fragmented(box_), carries_samples(box_)

    assert first(moov(VIDEO)) == (True, False)
    assert first(moov(VIDEO, fragmented=False)) == (False, False)
    assert first(moov(VIDEO, replace(AUDIO, samples=3))) == (True, True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ftyp(), "no 'moov'"),
        (moov(), "has no tracks"),
        (moov(VIDEO, fragmented=False), "has no 'mvex'"),
        (moov(VIDEO, VIDEO), "same id"),
        (moov(replace(VIDEO, timescale=0)), "'mdhd' .* timescale 0"),
        (moov(VIDEO, timescale=0), "'mvhd' .* timescale 0"),
        (moov(replace(VIDEO, track_id=0)), "track id 0"),
        (moov(VIDEO).replace(b"trex" + u32(0, 1), b"trex" + u32(0, 9)), "no 'trex'"),
        (moov(VIDEO).replace(b"tkhd", b"free"), "has no 'tkhd'"),
        (moov(VIDEO).replace(b"hdlr", b"free"), "has no 'hdlr'"),
        (moov(VIDEO).replace(b"stsd", b"free"), "has no 'stsd'"),
        (moov(replace(VIDEO, edts=box(b"edts", full(b"elst", 0, 0, u32(1 << 30))))), "entries"),
    ],
)
def test_contradictions_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(MalformedBox, match=message):
        parse_init_segment(data)


def test_messages_name_the_place_in_the_upload() -> None:
    with pytest.raises(MalformedBox, match="'moov' at byte 524 has no tracks"):
        parse_init_segment(ftyp() + moov(), position=504)
