"""Events that are samples of a metadata track.

Two kinds of tracks have them. In an event message track (``evte``, ISO/IEC 23001-18 §6.1) a sample
holds an ``emib`` for every event that is on while the sample lasts, so one that goes on is told
again with every sample; or ``emeb``, nothing. In a track of URI metadata (``urim``, ISO/IEC
14496-12 §12.3.3) the sample entry names the scheme, and a sample is one event: its bytes, its time,
its duration.

Nobody's pictures depend on it: what cannot be read is passed over, and the upload goes on.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Final, NamedTuple

from sorgente.errors import MalformedBox
from sorgente.isobmff import track_fragment as tf
from sorgente.isobmff.box import Box, boxes
from sorgente.isobmff.fragment import MediaChunk
from sorgente.isobmff.init_segment import InitTrack
from sorgente.isobmff.rewrite import Traf, trafs_of

UNKNOWN: Final = 0xFFFFFFFF
"""A duration that nobody knows yet."""

MAX_SAMPLES: Final = 1 << 10
"""Read of a run. 2²⁰ that are all alike cost their sender 24 bytes; encoders send one or two."""

MAX_EVENTS: Final = 64
"""Read of a chunk: several are on at once, a hundred are not."""

_MESSAGES: Final = "evte"
_URI: Final = "urim"
_MAX_U32: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class SampleEvent:
    """One event; times in ticks of its track."""

    scheme: str
    value: str
    presentation_time: int
    """On the track's timeline; negative if it began before that did."""

    duration: int
    """0xFFFFFFFF when not known."""

    event_id: int
    """Of URI metadata, which have none: the time."""

    payload: bytes = field(repr=False)


def has_events(track: InitTrack) -> bool:
    """Whether samples of the track are events, as far as anybody can read them."""
    entry = track.sample_entry
    return entry.fourcc == _MESSAGES or (entry.fourcc == _URI and bool(entry.uri))


def sample_events(chunk: MediaChunk) -> list[SampleEvent]:
    """Return the events in a chunk of tracks that have some, in their order: MAX_EVENTS at most."""
    return list(islice(_events(chunk), MAX_EVENTS))


class _Sample(NamedTuple):
    time: int
    duration: int
    data: bytes


def _events(chunk: MediaChunk) -> Iterator[SampleEvent]:
    for traf in trafs_of(chunk):
        track = chunk.init.by_id[traf.track.track_id]
        if not has_events(track):
            continue
        for sample in _samples(chunk, traf):
            if track.sample_entry.fourcc == _MESSAGES:
                yield from _messages(sample)
            elif sample.data:
                yield _uri_event(sample, track.sample_entry.uri)


def _messages(sample: _Sample) -> Iterator[SampleEvent]:
    """Events of one sample, up to the first thing in it that is no box."""
    with suppress(MalformedBox):
        for box in boxes(sample.data, 0, len(sample.data)):
            if box.type == b"emib" and (event := _message(box, sample.time)) is not None:
                yield event


def _message(emib: Box, time: int) -> SampleEvent | None:
    """Read one event of a sample at ``time``; None if it is of a version to come. Raises
    MalformedBox when it is cut short.

    As mp4-atom reads it (``emib.rs``, with a sample of MPEG's ``out_avail_track.cmfm``), and as
    GPAC's ``MP4Box -dxml`` and Unified's ``fmp4ingest`` name the fields.
    """
    fields = emib.fields()
    version, _ = fields.version_and_flags()
    if version:
        return None
    fields.skip(4)  # reserved
    delta, duration, event_id = fields.i64(), fields.u32(), fields.u32()
    scheme, value = fields.text(), fields.text()
    return SampleEvent(scheme, value, time + delta, duration, event_id, fields.raw(fields.left))


def _uri_event(sample: _Sample, uri: str) -> SampleEvent:
    return SampleEvent(uri, "", sample.time, sample.duration, sample.time & _MAX_U32, sample.data)


def _samples(chunk: MediaChunk, traf: Traf) -> Iterator[_Sample]:
    """Yield samples whose data is in the chunk."""
    *_, defaults = tf.fragment_header(traf.box.need(b"tfhd"), chunk.init)
    time = traf.track.base_decode_time
    for trun, lies in zip(traf.truns(), traf.track.runs, strict=True):
        rows = tf.sample_rows(trun)
        columns = rows.columns()
        sizes = columns.get(tf.SAMPLE_SIZE, repeat(defaults.size))
        durations = columns.get(tf.SAMPLE_DURATION, repeat(defaults.duration))
        told = columns.get(tf.SAMPLE_COMPOSITION_OFFSET)
        offsets = repeat(0) if told is None else array("i", told.tobytes())
        each = zip(sizes, durations, offsets, strict=False)
        start = lies.offset
        for size, duration, offset in islice(each, min(rows.number, MAX_SAMPLES)):
            if 0 <= start <= len(chunk.data) - size:
                yield _Sample(time + offset, duration, chunk.data[start : start + size])
            start += size
            time += duration
