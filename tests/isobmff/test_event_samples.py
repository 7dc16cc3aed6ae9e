from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sorgente.errors import MalformedBox
from sorgente.isobmff import event_samples as module
from sorgente.isobmff.event_samples import SampleEvent, has_events, sample_events
from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.init_segment import parse_init_segment
from tests.support import boxes
from tests.support.boxes import (
    Sample,
    TrackSpec,
    TrafSpec,
    box,
    chunk,
    emib,
    events_entry,
    full,
    init_segment,
    u32,
    uri_entry,
)

SCTE = b"urn:scte:scte35:2013:bin"
MESSAGES = TrackSpec(3, b"meta", 1000, events_entry(), width=0, height=0)
URI = replace(MESSAGES, entry=uri_entry(SCTE))
NOTHING = box(b"emeb")


def parsed(spec: TrackSpec, *samples: Sample, time: int = 0) -> MediaChunk:
    data = chunk(TrafSpec(spec.track_id, time, samples))
    return parse_chunk(data, 0, parse_init_segment(init_segment(spec)))


def read(spec: TrackSpec, *samples: Sample, time: int = 0) -> list[SampleEvent]:
    return sample_events(parsed(spec, *samples, time=time))


def test_all_fields_of_a_message() -> None:
    data = emib(SCTE, b"42", delta=-250, duration=30_000, event_id=9, payload=b"\xfc\x30")
    assert read(MESSAGES, Sample(data), time=5000) == [
        SampleEvent("urn:scte:scte35:2013:bin", "42", 4750, 30_000, 9, b"\xfc\x30")
    ]


def test_samples_hold_any_number_of_messages() -> None:
    """Times count from the sample that they are in: decode time, and composition offset."""
    samples = [
        Sample(emib(event_id=1) + emib(event_id=2, delta=7), 500),
        Sample(NOTHING, 200),
        Sample(b"", 100),
        Sample(emib(event_id=3), 500, offset=-20),
    ]
    found = read(MESSAGES, *samples, time=1 << 33)
    times = [(event.event_id, event.presentation_time - (1 << 33)) for event in found]
    assert times == [(1, 0), (2, 7), (3, 780)]


def test_defaults_hold_where_a_run_says_nothing() -> None:
    sample = emib()
    trex = (0, 400, len(sample))
    tfhd = full(b"tfhd", 0, 0x020000, u32(3))
    tfdt = full(b"tfdt", 1, 0, boxes.u64(100))
    mfhd = full(b"mfhd", 0, 0, u32(1))

    def moof(offset: int) -> bytes:
        trun = full(b"trun", 0, 1, u32(3, offset))
        return box(b"moof", mfhd, box(b"traf", tfhd, tfdt, trun))

    data = moof(len(moof(0)) + 8) + box(b"mdat", sample * 3)
    init = boxes.ftyp() + boxes.moov(replace(MESSAGES, trex=(trex[1], trex[2], 0)))
    found = sample_events(parse_chunk(data, 0, parse_init_segment(init)))
    assert [event.presentation_time for event in found] == [100, 500, 900]


def test_uri_metadata_are_one_event_a_sample() -> None:
    late = 1 << 32
    found = read(URI, Sample(b"one", 500), Sample(b"", 300), Sample(b"two", 200), time=late + 5)
    assert found == [
        SampleEvent(SCTE.decode(), "", late + 5, 500, 5, b"one"),
        SampleEvent(SCTE.decode(), "", late + 805, 200, 805, b"two"),
    ]


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"said at 0", 0),
        (emib()[:-3], 0),
        (box(b"emib", bytes(20)), 0),
        (emib(version=1), 0),
        (emib() + b"what is this?", 1),
        (emib() + bytes(3), 1),
        (emib() + box(b"free", b"x") + emib(), 2),
        (emib(scheme=b"\xff\xfe"), 1),
    ],
)
def test_what_cannot_be_read_is_passed_over(data: bytes, count: int) -> None:
    found = read(MESSAGES, Sample(data), Sample(emib(event_id=99)))
    assert len(found) == count + 1
    assert found[-1].event_id == 99, "the next sample is read all the same"


@pytest.mark.parametrize("start", [-20, 1000])
def test_data_outside_the_chunk_is_none(start: int) -> None:
    whole = parsed(URI, Sample(b"payload"))
    (traf,) = whole.fragment.tracks
    (run,) = traf.runs
    moved = structs.replace(traf, runs=(run._replace(offset=start),))
    fragment = structs.replace(whole.fragment, tracks=(moved,))
    assert sample_events(whole)
    assert not sample_events(structs.replace(whole, fragment=fragment))


def test_bounds() -> None:
    many = Sample(emib() * (module.MAX_EVENTS + 1))
    assert len(read(MESSAGES, many)) == module.MAX_EVENTS
    empty = [Sample(b"")] * module.MAX_SAMPLES
    assert read(URI, *empty[1:], Sample(b"last"))
    assert not read(URI, *empty, Sample(b"one too many"))


def test_tracks_that_have_none() -> None:
    for entry in (box(b"urim", bytes(6), boxes.u16(1)), box(b"mett", bytes(8), b"\0a/b\0")):
        spec = replace(MESSAGES, entry=entry)
        assert not has_events(parse_init_segment(init_segment(spec)).leading_track)
        assert not read(spec, Sample(emib()))


def test_a_uri_that_is_cut_short() -> None:
    entry = box(b"urim", bytes(6), boxes.u16(1), box(b"uri ", b"\0"))
    with pytest.raises(MalformedBox, match="'uri '"):
        parse_init_segment(init_segment(replace(MESSAGES, entry=entry)))


WOUNDS = st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=8)), max_size=4)


@given(st.lists(st.one_of(st.binary(max_size=60), st.just(emib(payload=b"x"))), max_size=5), WOUNDS)
def test_anything_is_read_or_passed_over(
    payloads: list[bytes], wounds: list[tuple[int, bytes]]
) -> None:
    """Samples of any bytes, in a chunk with any wounds that is still read as one."""
    for spec in (MESSAGES, URI):
        whole = bytearray(chunk(TrafSpec(3, 9, [Sample(payload) for payload in payloads])))
        for at, wound in wounds:
            whole[at % len(whole) : at % len(whole) + len(wound)] = wound
        try:
            media = parse_chunk(bytes(whole), 0, parse_init_segment(init_segment(spec)))
        except MalformedBox:
            continue
        for event in sample_events(media):
            assert event.payload in bytes(whole)
            assert 0 <= event.event_id <= 0xFFFFFFFF
            assert 0 <= event.duration <= 0xFFFFFFFF


@given(st.binary(max_size=80))
def test_what_follows_a_message_takes_nothing_from_it(behind: bytes) -> None:
    alone = read(MESSAGES, Sample(emib(payload=b"x")))
    assert read(MESSAGES, Sample(emib(payload=b"x") + behind))[:1] == alone
