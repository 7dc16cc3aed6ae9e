from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import Box, boxes
from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.init_segment import EditList, InitSegment, parse_init_segment
from sorgente.isobmff.prft import NTP_EPOCH
from sorgente.isobmff.split import MAX_TRACKS, TrackChunk, TrackSplitter, shifts_of, split_init
from sorgente.isobmff.track_fragment import DataBase
from tests.support import live
from tests.support.boxes import (
    AUDIO,
    NON_SYNC,
    STYP,
    SYNC,
    VIDEO,
    Sample,
    TrafSpec,
    box,
    chunk,
    edts,
    emsg,
    ftyp,
    full,
    init_segment,
    large_box,
    mdat,
    moof,
    moov,
    prft,
    sidx,
    u32,
    u64,
)
from tests.support.uploads import chunks_of, init_of, units_of

INIT = parse_init_segment(init_segment(VIDEO, AUDIO))
ALONE = parse_init_segment(init_segment(VIDEO))
PICTURE = Sample(b"picture", 512)
SOUND = Sample(b"sound", 1024)
PRIMED = replace(AUDIO, edts=edts((0, 1024)))
DELAYED = replace(VIDEO, edts=edts((0, 1024)))


def read(data: bytes, position: int = 0, init: InitSegment = INIT) -> MediaChunk:
    return parse_chunk(data, position, init)


def split(data: bytes, position: int = 0, init: InitSegment = INIT) -> list[TrackChunk]:
    return TrackSplitter(init).split(read(data, position, init))


def split_for(data: bytes, init: InitSegment, segment: Fraction) -> list[TrackChunk]:
    return TrackSplitter(init).split(read(data, init=init), segment)


def again(part: TrackChunk, init: InitSegment = INIT) -> MediaChunk:
    """The chunk of a track, read with the init segment of that track alone."""
    parsed = parse_chunk(part.data, 0, split_init(init)[part.track_id])
    [track] = parsed.fragment.tracks
    assert track.base is DataBase.MOOF
    assert (track.base_decode_time, track.duration) == (part.decode_time, part.duration)
    return parsed


def payload(part: TrackChunk, init: InitSegment = INIT) -> bytes:
    """The samples, by the data offsets of the runs."""
    parsed = again(part, init)
    [track] = parsed.fragment.tracks
    return b"".join(part.data[run.offset : run.offset + run.length] for run in track.runs)


def types(data: bytes) -> list[bytes]:
    return [one.type for one in boxes(data, 0, len(data))]


def find(data: bytes, *path: bytes) -> Box:
    found = list(boxes(data, 0, len(data)))
    for type_ in path[:-1]:
        found = list(next(one for one in found if one.type == type_).children())
    return next(one for one in found if one.type == path[-1])


# --- init segments ----------------------------------------------------------------------------


def test_every_track_gets_an_init_segment_of_its_own() -> None:
    inits = split_init(INIT)
    assert list(inits) == [1, 2]
    for track_id, init in inits.items():
        assert init.brands == ("iso6", "iso6", "cmfc")
        assert init.tracks == (INIT.by_id[track_id],)
        assert types(init.data) == [b"ftyp", b"moov"]
        parts = [one.type for one in find(init.data, b"moov").children()]
        assert parts == [b"mvhd", b"trak", b"mvex"]
        assert find(init.data, b"moov", b"mvhd").content.endswith(u32(track_id + 1))


def test_one_form_for_all_and_once_is_enough() -> None:
    for init in split_init(INIT).values():
        [(track_id, same)] = split_init(init).items()
        assert track_id == init.tracks[0].track_id
        assert same.data == init.data


@pytest.mark.parametrize("version", [0, 1])
def test_edit_lists_and_durations_go_and_the_rest_stays(version: int) -> None:
    kind = box(b"udta", full(b"kind", 0, 0, b"urn:mpeg:dash:role:2011\0main\0"))
    extra = full(b"elng", 0, 0, b"de-CH\0")
    unknown = box(b"tref", box(b"sync", u32(2))) + kind + box(b"abcd", b"unknown")
    spec = replace(
        VIDEO, version=version, mdia_extra=extra, udta=unknown, edts=edts((500, -1), (0, 1024))
    )
    whole = bytearray(init_segment(spec, PRIMED))
    for type_ in (b"mvhd", b"tkhd", b"mdhd"):
        full_box = whole.index(type_) + 4
        at = 20 if type_ == b"tkhd" else 16
        if version and type_ != b"mvhd":
            at += 8  # two times of 64 bits before it
        whole[full_box + at : full_box + at + 4] = u32(7777)
    init = split_init(parse_init_segment(bytes(whole)))[1]
    expected = replace(spec, edts=b"", udta=unknown[20:])
    assert (
        find(init.data, b"moov", b"trak").content
        == find(init_segment(expected), b"moov", b"trak").content
    )
    [track] = init.tracks
    assert track.edit_list == EditList()
    assert track.roles == (("urn:mpeg:dash:role:2011", "main"),)
    assert track.language == "de-CH"
    assert b"\0\0\x1e\x61" not in init.data  # 7777


def test_what_holds_for_the_whole_movie_stays() -> None:
    pssh = full(b"pssh", 0, 0, bytes(16), u32(0))
    mehd = full(b"mehd", 0, 0, u32(9))
    head = moov(VIDEO, AUDIO)
    trex = head.index(b"trex") - 4
    mvex = box(b"mvex", mehd, head[trex:])
    whole = ftyp() + box(b"moov", head[8 : trex - 8], box(b"iods", u32(0)), pssh, mvex)
    for init in split_init(parse_init_segment(whole)).values():
        parts = [one.type for one in find(init.data, b"moov").children()]
        assert parts == [b"mvhd", b"trak", b"mvex", b"pssh"]
        assert b"mehd" not in init.data


def test_the_last_track_id_is_followed_by_one_that_is_none() -> None:
    init = parse_init_segment(init_segment(replace(VIDEO, track_id=0xFFFFFFFF)))
    [alone] = split_init(init).values()
    assert find(alone.data, b"moov", b"mvhd").content.endswith(u32(1))


# --- edit lists in decode times ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("specs", "lead", "shifts"),
    [
        ((VIDEO, AUDIO), None, {1: 0, 2: 0}),
        # 1024/48000 s is no whole number of ticks of the picture: 69/3200 s is, for both.
        ((VIDEO, PRIMED), None, {1: 276, 2: 1035 - 1024}),
        ((DELAYED, PRIMED), None, {1: 0, 2: 3840 - 1024}),
        ((PRIMED,), None, {2: 0}),
        ((PRIMED,), 1, {2: 48000 - 1024}),
        ((VIDEO,), 1, {1: 12800}),
        # Movie timescale 1000: a thousand seconds, and all but 21 ms of them.
        ((replace(VIDEO, edts=edts((1_000_000, -1), (0, 0))),), None, {1: 12_800_000}),
        ((replace(AUDIO, edts=edts((1_000_000, -1), (0, 1024))),), None, {2: 47_998_976}),
        ((replace(VIDEO, timescale=30000, edts=edts((0, 1001))),
          replace(AUDIO, timescale=44100, edts=edts((0, 2112)))), None, {1: 499, 2: 93}),
    ],
)  # fmt: skip
def test_shifts(specs: tuple[object, ...], lead: int | None, shifts: dict[int, int]) -> None:
    init = parse_init_segment(init_segment(*specs))  # type: ignore[arg-type]
    assert shifts_of(init, lead) == shifts
    assert TrackSplitter(init, lead=lead).shifts == shifts


@given(
    timescales=st.lists(st.integers(1, 100_000), min_size=1, max_size=3),
    times=st.lists(st.integers(0, 1 << 20), min_size=3, max_size=3),
)
def test_shifts_keep_tracks_together_to_the_tick(timescales: list[int], times: list[int]) -> None:
    specs = [
        replace(VIDEO, track_id=1 + at, timescale=timescale, edts=edts((0, times[at])))
        for at, timescale in enumerate(timescales)
    ]
    init = parse_init_segment(init_segment(*specs))
    shifts = shifts_of(init)
    assert min(shifts.values()) >= 0
    first, *others = init.tracks
    for other in others:
        moved = shifts[first.track_id] + first.edit_list.media_time
        beside = shifts[other.track_id] + other.edit_list.media_time
        assert moved * other.timescale == beside * first.timescale


def test_a_lead_that_is_not_enough_is_refused() -> None:
    init = parse_init_segment(init_segment(replace(AUDIO, edts=edts((0, 48001)))))
    parsed = read(chunk(TrafSpec(2)), init=init)
    with pytest.raises(MalformedBox, match=r"'tfdt' .* cannot be moved by -1 ticks"):
        TrackSplitter(init, lead=1).split(parsed)


# --- chunks -----------------------------------------------------------------------------------


def two_tracks(base: str, *, tfdt_version: int = 1, data_offset: bool = True) -> list[TrafSpec]:
    late = Sample(b"late", 512, NON_SYNC, 700)
    return [
        TrafSpec(1, 1000, [replace(PICTURE, offset=100), late], base, tfdt_version, data_offset),
        TrafSpec(2, 2000, [SOUND, SOUND, SOUND], base, tfdt_version, data_offset),
    ]


@pytest.mark.parametrize(
    ("base", "data_offset"),
    [("moof", True), ("implicit", True), ("position", True), ("absolute", True),
     ("absolute", False)],
)  # fmt: skip
@pytest.mark.parametrize("tfdt_version", [0, 1])
def test_every_track_gets_its_samples(base: str, data_offset: bool, tfdt_version: int) -> None:
    specs = two_tracks(base, tfdt_version=tfdt_version, data_offset=data_offset)
    video, audio = split(chunk(*specs, position=77), position=77)
    assert payload(video) == b"picturelate"
    assert payload(audio) == b"soundsoundsound"
    assert video == TrackChunk(1, video.data, 1000, 1024, 1100, 2, True, True)
    assert audio == TrackChunk(2, audio.data, 2000, 3072, 2000, 3, True, True)
    for part in (video, audio):
        assert types(part.data) == [b"moof", b"mdat"]
        assert find(part.data, b"mdat").content == box(b"mdat", payload(part))
        assert find(part.data, b"moof", b"traf", b"tfdt").content[8] == 1


def test_an_implicit_base_goes_on_from_data_that_is_taken_out() -> None:
    first, second = two_tracks("implicit")
    video, audio = split(chunk(first, replace(second, data_offset=False)))
    assert (payload(video), payload(audio)) == (b"picturelate", b"soundsoundsound")


def test_the_edit_list_moves_decode_times() -> None:
    init = parse_init_segment(init_segment(VIDEO, PRIMED))
    parts = split(chunk(*two_tracks("moof")), init=init)
    assert [part.decode_time for part in parts] == [1000 + 276, 2000 + 11]
    assert [part.earliest_time for part in parts] == [1100 + 276, 2000 + 11]


def test_every_track_counts_its_own_chunks() -> None:
    upload = live.muxed(3)
    units = units_of(upload.whole)
    splitter = TrackSplitter(init_of(units))
    parts = [part for one in chunks_of(units) for part in splitter.split(one)]
    numbers = [(part.track_id, again(part).fragment.sequence_number) for part in parts]
    assert numbers == [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (2, 3)]


def test_boxes_before_the_moof_go_with_their_track() -> None:
    ntp = NTP_EPOCH + 1_700_000_000 << 32
    before = (
        STYP + sidx(1, 12800, 0) + prft(1, ntp, 5) + prft(2, ntp + (1 << 32), 6)
        + emsg(timescale=1000, time=700) + box(b"free", b"x")
    )  # fmt: skip
    init = parse_init_segment(init_segment(replace(VIDEO, edts=edts((2000, -1), (0, 0))), AUDIO))
    video, audio = split(chunk(*two_tracks("moof"), before=before), init=init)
    assert types(video.data) == [b"styp", b"prft", b"emsg", b"moof", b"mdat"]
    assert types(audio.data) == [b"styp", b"prft", b"moof", b"mdat"]
    assert (video.unix_time, audio.unix_time) == (1_700_000_000, 1_700_000_001)
    [event] = again(video, init).fragment.events
    assert event.presentation_time == 2700  # with its track
    assert again(video, init).fragment.reference_times[0].media_time == 5 + 25600
    assert again(audio, init).fragment.reference_times[0].media_time == 6


def test_events_are_not_lost_without_the_leading_track() -> None:
    [audio] = split(chunk(TrafSpec(2, 5, [SOUND]), before=emsg()))
    assert types(audio.data) == [b"emsg", b"moof", b"mdat"]


def test_fragments_without_samples_are_left_out() -> None:
    empty = TrafSpec(1, 1000, [])
    [audio] = split(chunk(empty, TrafSpec(2, 2000, [SOUND])))
    assert (audio.track_id, payload(audio)) == (2, b"sound")
    duration_is_empty = box(
        b"traf", full(b"tfhd", 0, 0x030000, u32(1)), full(b"tfdt", 1, 0, u64(9))
    )
    head = box(b"moof", full(b"mfhd", 0, 0, u32(1)), duration_is_empty)
    assert split(head + box(b"mdat")) == []


@pytest.mark.parametrize("base", ["moof", "absolute", "implicit"])
def test_a_track_that_comes_twice_gives_two_chunks(base: str) -> None:
    specs = [TrafSpec(1, 0, [PICTURE], base), TrafSpec(2, 0, [SOUND], base),
             TrafSpec(1, 512, [Sample(b"again", 512)], base)]  # fmt: skip
    before = STYP + prft(1, 1 << 63, 0)
    parts = split(chunk(*specs, before=before, position=9), position=9)
    assert [payload(part) for part in parts] == [b"picture", b"sound", b"again"]
    assert [types(part.data)[:-2] for part in parts] == [[b"styp", b"prft"], [b"styp"], []]
    assert parts[2].unix_time is None
    assert [again(part).fragment.sequence_number for part in parts] == [1, 1, 2]


def test_two_moofs_before_one_mdat() -> None:
    picture, sound = two_tracks("moof")
    between = prft(2, 1 << 63, 3)
    tail = moof(sound, gap=8 + 11)
    head = moof(picture, gap=8 + len(between) + len(tail))
    video, audio = split(STYP + head + between + tail + mdat(picture, sound))
    assert payload(video) == b"picturelate"
    assert payload(audio) == b"soundsoundsound"
    assert types(video.data) == [b"styp", b"moof", b"mdat"]
    assert types(audio.data) == [b"styp", b"prft", b"moof", b"mdat"]


def test_interleaved_runs_with_gaps_between() -> None:
    def build(size: int) -> bytes:
        at = [size + 8 + offset for offset in (2, 10, 16, 30)]  # v1 a1 v2 a2
        runs = [
            [full(b"trun", 0, 0x301, u32(1, at[first + 2 * n], 512, length)) for n in (0, 1)]
            for first, length in ((0, 5), (1, 4))
        ]
        trafs = [
            box(b"traf", full(b"tfhd", 0, 0x020000, u32(1 + n)), full(b"tfdt", 0, 0, u32(7)), *both)
            for n, both in enumerate(runs)
        ]
        return box(b"moof", full(b"mfhd", 0, 0, u32(1)), *trafs)

    body = bytearray(b"." * 40)
    for at, piece in ((2, b"video"), (10, b"aud1"), (16, b"VIDEO"), (30, b"aud2")):
        body[at : at + len(piece)] = piece
    video, audio = split(build(len(build(0))) + box(b"mdat", bytes(body)))
    for part, samples in ((video, b"videoVIDEO"), (audio, b"aud1aud2")):
        assert payload(part) == samples
        assert find(part.data, b"mdat").content == box(b"mdat", samples)


def test_boxes_with_64_bit_sizes_keep_their_form() -> None:
    picture, sound = two_tracks("moof")
    head = moof(picture, sound, gap=8 + 16)
    large = u32(1) + b"moof" + u64(len(head) + 8) + head[8:]
    video, audio = split(large + large_box(b"mdat", mdat(picture, sound)[8:]))
    assert payload(video) == b"picturelate"
    assert payload(audio) == b"soundsoundsound"
    assert find(audio.data, b"mdat").body - find(audio.data, b"mdat").start == 16


def test_an_mdat_to_the_end_of_the_upload_gets_its_size() -> None:
    specs = two_tracks("moof")
    video, audio = split(moof(*specs) + u32(0) + mdat(*specs)[4:])
    assert (payload(video), payload(audio)) == (b"picturelate", b"soundsoundsound")


@pytest.mark.parametrize("where", ["moof", "mdat"])
def test_auxiliary_information_is_still_found(where: str) -> None:
    mark = b"initialisation vectors"

    def build(offset: int) -> bytes:
        saio = full(b"saio", 0, 0, u32(1, offset))
        senc = box(b"senc", mark) if where == "moof" else b""
        data = Sample(mark) if where == "mdat" else Sample(b"other")
        return chunk(TrafSpec(2, 0, [data]), TrafSpec(1, 5, [PICTURE], extra=saio + senc))

    data = build(build(0).index(mark))
    audio, video = split(data)
    assert payload(video) == b"picture"
    offset = find(video.data, b"moof", b"traf", b"saio").fields(skip=8).u32()
    assert video.data[offset:].startswith(mark)
    assert b"senc" not in audio.data


@pytest.mark.parametrize("offset", [0, 20, 5000])
def test_data_outside_the_mdat_is_refused(offset: int) -> None:
    traf = box(
        b"traf", full(b"tfhd", 0, 0x020000, u32(1)), full(b"tfdt", 0, 0, u32(0)),
        full(b"trun", 0, 0x201, u32(1, offset, 7)),
    )  # fmt: skip
    data = box(b"moof", full(b"mfhd", 0, 0, u32(1)), traf) + box(b"mdat", b"picture")
    with pytest.raises(MalformedBox, match=r"'mdat' .* does not hold all data of track 1"):
        split(data)


@given(
    layout=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=9)), max_size=6),
    base=st.sampled_from(["moof", "implicit", "absolute", "position"]),
    position=st.integers(0, 1 << 40),
)
def test_any_layout(layout: list[tuple[int, bytes]], base: str, position: int) -> None:
    specs = [
        TrafSpec(track_id, 600 * at, [Sample(one, 300), Sample(one[:2], 300)], base)
        for at, (track_id, one) in enumerate(layout)
    ]
    data = moof(*specs, position=position) + mdat(*specs)
    parts = split(data, position=position)
    assert [(part.track_id, payload(part)) for part in parts] == [
        (track_id, one + one[:2]) for track_id, one in layout
    ]
    assert [part.decode_time for part in parts] == [600 * at for at in range(len(layout))]


def test_more_fragments_than_anybody_needs_are_refused() -> None:
    specs = [TrafSpec(1, 512 * at) for at in range(MAX_TRACKS)]
    assert len(split(chunk(*specs))) == MAX_TRACKS
    with pytest.raises(MalformedBox, match=r"'moof' .* has 65 fragments"):
        split(chunk(*specs, TrafSpec(2)))


def test_more_tracks_than_anybody_needs_are_refused() -> None:
    specs = [replace(VIDEO, track_id=at) for at in range(1, MAX_TRACKS + 2)]
    with pytest.raises(MalformedBox, match=r"'moov' .* has 65 tracks"):
        split_init(parse_init_segment(init_segment(*specs)))


# --- a single track ---------------------------------------------------------------------------


def test_a_single_cmaf_track_is_not_even_copied() -> None:
    upload = live.video(3)
    units = units_of(upload.whole)
    splitter = TrackSplitter(init_of(units))
    for one in chunks_of(units):
        [part] = splitter.split(one)
        assert part.data is one.data


@pytest.mark.parametrize(
    "data",
    [
        chunk(TrafSpec(1, 1000, [PICTURE], "absolute"), sequence_number=9),
        chunk(TrafSpec(1, 1000, [PICTURE], "implicit"), sequence_number=9),
        chunk(TrafSpec(1, 1000, [PICTURE]), sequence_number=9, before=box(b"free", b"x")),
        moof(TrafSpec(1, 1000, [PICTURE]), sequence_number=9) + u32(0) + b"mdatpicture",
    ],
)
def test_a_single_track_takes_the_form_of_a_cmaf_chunk(data: bytes) -> None:
    [part] = split(data, init=ALONE)
    assert types(part.data) == [b"moof", b"mdat"]
    assert payload(part, ALONE) == b"picture"
    assert again(part, ALONE).fragment.sequence_number == 9


# --- divided at key frames --------------------------------------------------------------------


def pictures(kinds: str, time: int = 1000) -> TrafSpec:
    """A sample for every letter, I a sync sample; every second is shown before the one before."""
    flags = {"I": SYNC, "P": NON_SYNC}
    samples = [
        Sample(b"%s%d" % (kind.encode(), at), 512, flags[kind], -700 if at % 2 else 100)
        for at, kind in enumerate(kinds)
    ]
    return TrafSpec(1, time, samples)


@pytest.mark.parametrize("init", [INIT, ALONE])
def test_every_key_frame_begins_a_chunk(init: InitSegment) -> None:
    data = chunk(pictures("PPIPPIP"), sequence_number=1)
    first, second, third = split(data, init=init)
    assert first == TrackChunk(1, first.data, 1000, 1024, 1000 + 512 - 700, 2, False, False)
    assert second == TrackChunk(1, second.data, 2024, 1536, 2024 + 512 - 700, 3, True, True)
    assert third == TrackChunk(1, third.data, 3560, 1024, 3560 - 700, 2, True, True)
    parts = (first, second, third)
    assert [payload(part, init) for part in parts] == [b"P0P1", b"I2P3P4", b"I5P6"]
    assert [again(part, init).fragment.sequence_number for part in parts] == [1, 2, 3]


def test_what_stands_before_the_chunk_stands_before_its_first_part() -> None:
    before = STYP + prft(1, NTP_EPOCH + 1_700_000_000 << 32, 5) + emsg()
    sound = TrafSpec(2, 2000, [SOUND])
    data = chunk(replace(pictures("PIP"), time=0), sound, before=before)
    first, second, audio = split(data)
    assert types(first.data) == [b"styp", b"prft", b"emsg", b"moof", b"mdat"]
    assert types(second.data) == [b"moof", b"mdat"]
    assert types(audio.data) == [b"styp", b"moof", b"mdat"]
    # Of the earliest sample of each: the first is shown at 100, the second at 512 - 700.
    assert (first.earliest_time, second.earliest_time) == (100, 512 - 700)
    assert second.unix_time == 1_700_000_000
    assert first.unix_time == 1_700_000_000 + 288 / 12800
    assert audio.unix_time is None


def test_sound_and_text_can_begin_anywhere_and_stay_whole() -> None:
    [audio] = split(chunk(replace(pictures("PIP"), track_id=2)))
    assert audio.sample_count == 3


def test_sound_that_is_longer_than_a_segment_comes_in_parts_that_are_alike() -> None:
    splitter = TrackSplitter(INIT)
    packets = [Sample(b"%02d" % at, 480) for at in range(50)]
    parts: list[TrackChunk] = []
    for length in (40, 50, 40):  # hundredths of a second
        time = sum(part.duration for part in parts)
        data = chunk(TrafSpec(2, time, packets[:length]), sequence_number=9)
        parts += splitter.split(read(data), Fraction(2, 5))
    assert [part.sample_count for part in parts] == [40, *[10] * 5, 40]
    assert all(part.random_access for part in parts)
    ends = [part.end_time for part in parts]
    assert [part.decode_time for part in parts] == [0, *ends[:-1]]
    assert [again(part).fragment.sequence_number for part in parts] == [*range(1, 8)]
    assert b"".join(payload(part) for part in parts[1:-1]) == b"".join(
        packet.payload for packet in packets
    )


@pytest.mark.parametrize("timescale", [1, 48_000])
def test_sound_of_any_length_comes_in_parts_of_a_packet_at_least(timescale: int) -> None:
    init = parse_init_segment(init_segment(replace(AUDIO, timescale=timescale)))
    packets = [Sample(b"sound", 3_000_000)] * 3
    parts = split_for(chunk(TrafSpec(2, 0, packets)), init, Fraction(1, 4))
    assert [part.sample_count for part in parts] == [1, 1, 1]
    packets = [Sample(b"sound", timescale)] * 100
    parts = split_for(chunk(TrafSpec(2, 0, packets)), init, Fraction(1, 4))
    assert len(parts) == 64


def test_numbers_of_a_muxed_upload_go_on_behind_a_division() -> None:
    splitter = TrackSplitter(INIT)
    numbers = []
    for at, kinds in enumerate(["IP", "PI", "PP"]):
        data = chunk(pictures(kinds, 1024 * at), TrafSpec(2, 0, [SOUND]), sequence_number=9)
        numbers += [
            (part.track_id, again(part).fragment.sequence_number)
            for part in splitter.split(read(data))
        ]
    assert numbers == [(1, 1), (2, 1), (1, 2), (1, 3), (2, 2), (1, 4), (2, 3)]


def test_numbers_of_a_single_track_are_the_encoder_s_wherever_they_grow() -> None:
    splitter = TrackSplitter(ALONE)
    uploaded = [("IP", 7), ("PP", 7), ("PI", 8), ("PP", 9), ("PP", 10), ("PP", 13), ("PP", 2)]
    numbers, same = [], []
    for at, (kinds, number) in enumerate(uploaded):
        data = chunk(pictures(kinds, 1024 * at), sequence_number=number)
        parts = splitter.split(read(data, init=ALONE))
        numbers += [again(part, ALONE).fragment.sequence_number for part in parts]
        same.append(parts[0].data is data)
        assert b"".join(payload(part, ALONE) for part in parts) == mdat(pictures(kinds))[8:]
    # Two of a number before there was a division are the encoder's own affair.
    assert numbers == [7, 7, 8, 9, 10, 11, 13, 14]
    assert same == [True, True, False, False, False, True, False]


def test_repaired_durations_are_those_of_the_parts() -> None:
    splitter = TrackSplitter(ALONE)
    splitter.split(read(chunk(pictures("PP", 0)), init=ALONE))
    broken = [replace(one, duration=0) for one in pictures("PPIP").samples]
    whole = read(chunk(TrafSpec(1, 1024 + 4 * 500, broken)), init=ALONE)
    first, second = splitter.split(whole)
    assert (first.decode_time, first.duration) == (1024, 1000)
    assert (second.decode_time, second.duration) == (2024, 1000)
    assert (payload(first, ALONE), payload(second, ALONE)) == (b"P0P1", b"I2P3")


def test_what_cannot_be_divided_is_passed_on_as_it_came() -> None:
    data = chunk(replace(pictures("PIP"), extra=full(b"subs", 0, 0, u32(0))))
    [part] = split(data, init=ALONE)
    assert part.data is data
    assert (part.random_access, part.contains_random_access) == (False, True)
