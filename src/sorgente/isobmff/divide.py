"""CMAF chunks divided at their key frames: a segment can begin only where a chunk begins.

Encoders that cut by the clock put key frames into the middle of chunks (ffmpeg's ``-frag_duration``
without ``frag_keyframe``; every encoder whose chunks do not divide its group of pictures). Such a
stream would have few places for a segment to begin, or none. So a chunk is divided into several.

Where
    Before every sync sample behind one that is none. Where all samples are sync samples, as with
    intra-only video, a segment may begin at any chunk, and nothing is divided.

    A chunk of whole groups of pictures is not divided either: one that begins with a sync sample,
    and whose last group is not shorter than those before. The next begins with a sync sample too,
    and the encoder has decided how much is to come at once: segments shorter than that would come
    in bursts. If the last group is shorter, it goes on in the next chunk, and the grid of segments
    needs every key frame there is.

    Sound is divided where its chunks are longer than segments: there would be some with none of it.

What
    The rows of ``trun`` are cut apart, not written anew. So a part says of its samples what the
    chunk said, to the bit, and with the same defaults. What stood before the ``moof`` stands before
    the first part: a ``prft`` speaks of its first sample.

What stays whole, key frames or not
    Chunks with tables that cannot be taken apart (see ``sample_tables``) or that lie in the
    ``mdat`` among the samples; with samples outside the ``mdat``, or in it twice; with boxes in the
    ``moof`` that nobody here knows; and what no encoder sends (the bounds below). They can be
    played as they came, and a wrong file cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from struct import Struct
from typing import Final, NamedTuple

from sorgente.errors import MalformedBox
from sorgente.isobmff import track_fragment as tf
from sorgente.isobmff.fragment import MediaChunk
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.moov import packed
from sorgente.isobmff.rewrite import Traf, trafs_of
from sorgente.isobmff.sample_tables import SENC_HEAD_BYTES, Excerpt, sample_tables
from sorgente.isobmff.track_fragment import Defaults, SampleRows

MAX_PARTS: Final = 64
"""Of one chunk: a key frame every quarter of a second for 16 s. What is behind stays together."""

MAX_DIVIDED_SAMPLES: Final = 1 << 12
"""In a chunk: more than a minute of 60 fps. A run of 2²⁰ samples that are all alike costs its
sender 24 bytes, and would cost us 50 ms."""

MAX_TRAF_BOXES: Final = 64
"""Of a chunk that is divided. Three to ten are usual; every table is cut once for every part."""

MAX_DIVIDED_BYTES: Final = 1 << 30
"""Of a chunk: data offsets have 31 bits."""

MAX_SHARED_BYTES: Final = 1 << 12
"""Of boxes that every part repeats: ``pssh`` of some key systems, and half a dozen fields."""

Tables = Sequence[tuple[bytes, Excerpt]]

_SIZE_AND_TYPE: Final = Struct(">I4s")
_U32: Final = Struct(">I")
_I32: Final = Struct(">i")
_U64: Final = Struct(">Q")
_MAX_U32: Final = (1 << 32) - 1
_MAX_U64: Final = (1 << 64) - 1
_VERSION_1: Final = 1 << 24

_BOX_HEAD: Final = 8  # bytes
_TRUN_DATA_OFFSET: Final = 16  # in a trun
_IN_MOOF: Final = frozenset((b"mfhd", b"traf", b"pssh"))
_SHARED: Final = frozenset((b"pssh", b"tfhd", b"sgpd"))


def part_starts(traf: Traf, init: InitSegment) -> list[int]:
    """Return the samples, by number, that the parts of a chunk of video begin with: 0 at least."""
    if not _is_small(traf):
        return [0]
    sync = _sync(traf, init)
    behind = (at for at in range(1, len(sync)) if sync[at] and not sync[at - 1])
    starts = [0, *behind]
    groups = [after - before for before, after in pairwise((*starts, len(sync)))]
    if sync[0] and groups[-1] == max(groups):
        return [0]
    return starts[:MAX_PARTS]


def sound_starts(traf: Traf, init: InitSegment, parts: int) -> list[int]:
    """Return the same of a chunk of sound, for so many parts that are alike, if it has them."""
    samples = traf.track.sample_count
    if not _is_small(traf):
        return [0]
    parts = min(parts, samples, MAX_PARTS)
    evenly = (part * samples // parts for part in range(1, parts))
    sync = _sync(traf, init)
    return [0, *(at for at in evenly if sync[at])]


def divided(chunk: MediaChunk, starts: Sequence[int], sequence_number: int) -> list[bytes]:
    """Return a CMAF chunk in parts that begin with these samples; or ``chunk.data`` alone, where
    that cannot be.

    ``chunk`` has one ``moof`` with one ``traf`` whose offsets count from it. The parts are numbered
    from ``sequence_number`` on.
    """
    [traf] = trafs_of(chunk)
    if not _is_plain(chunk, traf):
        return [chunk.data]
    try:
        tables = sample_tables(traf)
    except MalformedBox:
        return [chunk.data]
    parts = _parts(_runs(traf, chunk), [*starts, traf.track.sample_count])
    return list(_chunks(chunk, traf, tables, parts, sequence_number))


def _is_small(traf: Traf) -> bool:
    """Whether it is small enough to be looked at sample by sample."""
    if traf.track.sample_count > MAX_DIVIDED_SAMPLES:
        return False
    return len(list(traf.box.children())) <= MAX_TRAF_BOXES


def _sync(traf: Traf, init: InitSegment) -> list[bool]:
    """Return of every sample whether it is a sync sample."""
    default = tf.is_sync(_defaults(traf, init).flags)
    sync: list[bool] = []
    for rows in map(tf.sample_rows, traf.truns()):
        flags = rows.columns().get(tf.SAMPLE_FLAGS)
        own = [default] * rows.number if flags is None else [tf.is_sync(each) for each in flags]
        if own and flags is None and rows.first_sample_flags is not None:
            own[0] = tf.is_sync(rows.first_sample_flags)
        sync += own
    return sync


def _is_plain(chunk: MediaChunk, traf: Traf) -> bool:
    """Whether the chunk is what it is to be divided as: see the head of the module."""
    *_, before, mdat = chunk.boxes
    children = [*traf.moof.children(), *traf.box.children()]
    runs = traf.track.runs
    return (
        before.start == traf.moof.start
        and all(box.type in _IN_MOOF for box in traf.moof.children())
        and sum(box.end - box.start for box in children if box.type in _SHARED) <= MAX_SHARED_BYTES
        and all(mdat.body <= run.offset <= mdat.end - run.length for run in runs)
        and sum(run.length for run in runs) <= mdat.end - mdat.body
        and len(chunk.data) <= MAX_DIVIDED_BYTES
        and traf.track.base_decode_time + traf.track.duration <= _MAX_U64
    )


class _Run(NamedTuple):
    """A ``trun``, sample by sample."""

    rows: SampleRows
    data: memoryview
    places: Sequence[int]
    """Where the samples begin in ``data``, and where the last one ends."""
    times: Sequence[int]
    """When they begin, and when the last one ends: ticks since the first."""


def _runs(traf: Traf, chunk: MediaChunk) -> list[_Run]:
    defaults, data = _defaults(traf, chunk.init), memoryview(chunk.data)
    return [
        _run(tf.sample_rows(trun), data[lies.offset : lies.offset + lies.length], defaults)
        for trun, lies in zip(traf.truns(), traf.track.runs, strict=True)
    ]


def _run(rows: SampleRows, data: memoryview, defaults: Defaults) -> _Run:
    columns = rows.columns()
    sizes = columns.get(tf.SAMPLE_SIZE, [defaults.size] * rows.number)
    durations = columns.get(tf.SAMPLE_DURATION, [defaults.duration] * rows.number)
    places, times = (list(accumulate(each, initial=0)) for each in (sizes, durations))
    return _Run(rows, data, places, times)


def _defaults(traf: Traf, init: InitSegment) -> Defaults:
    *_, defaults = tf.fragment_header(traf.box.need(b"tfhd"), init)
    return defaults


class _Piece(NamedTuple):
    """Samples of one run that are in one part."""

    run: _Run
    first: int
    end: int

    @property
    def duration(self) -> int:
        """Ticks."""
        return self.run.times[self.end] - self.run.times[self.first]

    @property
    def data(self) -> memoryview:
        """Their bytes."""
        return self.run.data[self.run.places[self.first] : self.run.places[self.end]]

    def trun(self) -> bytes:
        """Return the ``trun`` of these; the data offset is still to be written."""
        rows, first_flags = self.run.rows, b""
        flags = rows.flags | tf.DATA_OFFSET
        if self.first:
            flags &= ~tf.FIRST_SAMPLE_FLAGS
        elif rows.first_sample_flags is not None:
            first_flags = _U32.pack(rows.first_sample_flags)
        head = _U32.pack(rows.version << 24 | flags) + _U32.pack(self.end - self.first)
        table = rows.table[self.first * rows.width : self.end * rows.width]
        return packed(b"trun", head, bytes(4), first_flags, table)


class _Part(NamedTuple):
    """Samples of the chunk, by number, and the same run by run."""

    first: int
    end: int
    pieces: list[_Piece]


def _parts(runs: Sequence[_Run], bounds: Sequence[int]) -> list[_Part]:
    """Return the samples between each two ``bounds``."""
    parts = [_Part(first, end, []) for first, end in pairwise(bounds)]
    growing = iter(parts)
    part = next(growing)
    at = 0  # number of the first sample of the run
    for run in runs:
        first = 0
        while first < run.rows.number:
            if at + first == part.end:
                part = next(growing)
            end = min(run.rows.number, part.end - at)
            part.pieces.append(_Piece(run, first, end))
            first = end
        at += run.rows.number
    return parts


def _chunks(
    chunk: MediaChunk, traf: Traf, tables: Tables, parts: Sequence[_Part], sequence_number: int
) -> Iterator[bytes]:
    before = chunk.data[: traf.moof.start]
    time = traf.track.base_decode_time
    for number, part in enumerate(parts, start=sequence_number):
        payload = [piece.data for piece in part.pieces]
        mdat = _SIZE_AND_TYPE.pack(_BOX_HEAD + sum(map(len, payload)), b"mdat")
        yield b"".join((before, _moof(traf, tables, part, number, time), mdat, *payload))
        before = b""
        time += sum(piece.duration for piece in part.pieces)


def _moof(traf: Traf, tables: Tables, part: _Part, number: int, time: int) -> bytearray:
    """Return the ``moof`` of a part, whose data begins a box header behind it."""
    mfhd = packed(b"mfhd", bytes(4), _U32.pack(number & _MAX_U32))
    shared = [box.content for box in traf.moof.children() if box.type == b"pssh"]
    tfhd = traf.box.need(b"tfhd").content
    tfdt = packed(b"tfdt", _U32.pack(_VERSION_1), _U64.pack(time))
    truns = [piece.trun() for piece in part.pieces]
    others = [excerpt(part.first, part.end) for _, excerpt in tables]
    boxes = [tfhd, tfdt, *truns, *others]
    moof = bytearray(packed(b"moof", mfhd, *shared, packed(b"traf", *boxes)))

    bounds = list(accumulate(map(len, boxes), initial=len(moof) - sum(map(len, boxes))))
    data = len(moof) + _BOX_HEAD
    for piece, start in zip(part.pieces, bounds[2:], strict=False):
        _I32.pack_into(moof, start + _TRUN_DATA_OFFSET, data)
        data += len(piece.data)
    where = pairwise(bounds[2 + len(truns) :])
    landed = dict(zip((type_ for type_, _ in tables), where, strict=True))
    if b"saio" in landed:
        (_, saio_end), (entries, _) = landed[b"saio"], landed[b"senc"]
        _U32.pack_into(moof, saio_end - 4, entries + SENC_HEAD_BYTES)
    return moof
