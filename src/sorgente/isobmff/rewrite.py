"""Chunks rewritten: legal at any place of a stream, or moved in time.

What changes the size of a box is cut first, by ``Cuts``. Then the sizes of the boxes around the
cuts and the offsets that point over them are written into the result. Whoever wants other things
changed needs other cuts, in a subclass of ``Rewriting``; sizes and offsets follow in the same way.
The payload of the ``mdat`` is copied once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from struct import Struct, error
from typing import ClassVar, Final

import msgspec

from sorgente.isobmff import track_fragment as tf
from sorgente.isobmff.box import Box
from sorgente.isobmff.fragment import MediaChunk
from sorgente.isobmff.track_fragment import DataBase, TrackFragment

_U32: Final = Struct(">I")
_I32: Final = Struct(">i")
_U64: Final = Struct(">Q")
_FULL_U64: Final = Struct(">IQ")  # version and flags, then one field of 64 bits
_VERSION_1: Final = 1 << 24
_MAX_U64: Final = (1 << 64) - 1
_PLAIN_CHUNKS: Final = ([b"moof", b"mdat"], [b"styp", b"moof", b"mdat"])
_PLAIN_MOOF: Final = [b"mfhd", b"traf"]
_PLAIN_TRAF: Final = [b"tfhd", b"tfdt", b"trun"]


def relocated(chunk: MediaChunk) -> bytes:
    """Return the chunk as it is legal at any place of a stream.

    Absolute data offsets (``base_data_offset``) count from the ``moof`` instead, and an ``mdat``
    of size 0 gets its size. Returns ``chunk.data`` itself when nothing needs to change.
    Raises MalformedBox when a data offset points outside the chunk.
    """
    if chunk.fragment.is_relocatable:
        return chunk.data
    return Rewriting(chunk, {}, None).result()


def retimed(
    chunk: MediaChunk, *, shifts: Mapping[int, int], sequence_number: int | None = None
) -> bytes:
    """Return the chunk as ``relocated`` does, with the times of its tracks moved.

    ``shifts`` maps track ids to ticks of that track. ``tfdt`` of these tracks is written with 64
    bits. The times in ``prft`` and ``sidx`` move with their track, those in version 1 ``emsg`` with
    the leading track. ``sequence_number`` replaces that of ``mfhd``, counting on from ``moof`` to
    ``moof``. Raises MalformedBox when a data offset points outside the chunk, or a decode time
    leaves its 64 bits.
    """
    if not shifts and sequence_number is None:
        return relocated(chunk)
    return Rewriting(chunk, shifts, sequence_number).result()


def overwritten(chunk: MediaChunk, traf: Traf, shift: int, number: int | None) -> bytes | None:
    """Return a chunk of one fragment at another decode time, and under another number, written into
    the fields that are there: what encoders of low latency send, so nearly every chunk. None where
    that is not all there is to it: it has to be rewritten, which comes to the same bytes.
    """
    if not _is_plain(chunk, traf):
        return None
    tfdt = traf.box.need(b"tfdt")
    time = traf.track.base_decode_time + shift
    if tfdt.end - tfdt.body != _FULL_U64.size or not tfdt.fields().u8():
        return None  # another version is of another size
    if not 0 <= time <= _MAX_U64:
        return None
    data, at = memoryview(chunk.data), 0
    pieces: list[bytes | memoryview] = []
    if number is not None:
        mfhd = traf.moof.need(b"mfhd")
        at = mfhd.body + 8
        pieces = [data[: mfhd.body + 4], _U32.pack(number & 0xFFFFFFFF)]
    pieces += (data[at : tfdt.body], _FULL_U64.pack(_VERSION_1, time), data[tfdt.end :])
    return b"".join(pieces)


def _is_plain(chunk: MediaChunk, traf: Traf) -> bool:
    """Whether no box grows, no offset changes and no time but that of ``tfdt`` when it moves."""
    runs, mdat = traf.track.runs, chunk.boxes[-1]
    return (
        len(chunk.fragment.tracks) == 1
        and traf.track.base is DataBase.MOOF
        and len(runs) == 1
        and runs[0] == (mdat.body, mdat.end - mdat.body)
        and [box.type for box in traf.moof.children()] == _PLAIN_MOOF
        and [box.type for box in traf.box.children()] == _PLAIN_TRAF
        and [box.type for box in chunk.boxes] in _PLAIN_CHUNKS
        and not chunk.fragment.open_ended
    )


class Cuts:
    """Pieces of a buffer replaced by others, and where everything else lands.

    Cuts are made from front to back. ``landing`` answers for what is not inside a cut.
    """

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._pieces: list[bytes | memoryview] = []  # what is kept and what is put in, in turn
        self._ends = [0]
        self._growth = [0]  # of everything up to the end beside it

    def replace(self, start: int, end: int, piece: bytes) -> None:
        """Put ``piece`` where ``data[start:end]`` was."""
        self._pieces += (self._data[self._ends[-1] : start], piece)
        self._ends.append(end)
        self._growth.append(self._growth[-1] + len(piece) - (end - start))

    def landing(self, offset: int) -> int:
        """Where the byte at ``offset`` of the old data lies in the new."""
        return offset + self._growth[bisect_right(self._ends, offset) - 1]

    def result(self) -> bytearray:
        """Return the new data."""
        return bytearray().join((*self._pieces, self._data[self._ends[-1] :]))

    def divided(self, at: int) -> tuple[bytearray, list[bytes | memoryview]]:
        """Return the new data in two: up to ``at`` of the old, to write in, and views of the rest.

        ``at`` is not inside a cut.
        """
        cut = bisect_right(self._ends, at) - 1
        pieces = [*self._pieces, self._data[self._ends[-1] :]]
        kept, middle = memoryview(pieces[2 * cut]), at - self._ends[cut]
        head = bytearray().join((*pieces[: 2 * cut], kept[:middle]))
        return head, [kept[middle:], *pieces[2 * cut + 1 :]]


class Traf(msgspec.Struct, frozen=True):
    """A ``traf`` as boxes beside the same as numbers."""

    moof: Box
    box: Box
    track: TrackFragment

    def truns(self) -> list[Box]:
        """Its runs, in the order of ``track.runs``."""
        return [box for box in self.box.children() if box.type == b"trun"]


class Rewriting:
    """One pass over one chunk: first what changes sizes, then sizes and offsets."""

    REBASED: ClassVar[frozenset[DataBase]] = frozenset({DataBase.ABSOLUTE})
    """Data bases that become the ``moof``."""

    def __init__(
        self,
        chunk: MediaChunk,
        shifts: Mapping[int, int],
        sequence_number: int | None,
        trafs: Sequence[Traf] | None = None,
    ) -> None:
        self.chunk = chunk
        self.shifts = shifts
        self.sequence_number = sequence_number
        self.trafs = trafs_of(chunk) if trafs is None else trafs
        """Fragments of tracks that stay; the others are taken out."""

        self.cuts = Cuts(chunk.data)
        self._resized: list[Box] = []  # boxes with a cut in them

    def result(self) -> bytes:
        """Return the new bytes of the chunk."""
        payload = 0
        for box in self.boxes():
            self.cut_box(box)
            payload = box.end if box.type == b"moof" else box.body
        out, rest = self.cuts.divided(payload)
        for box in self._resized:
            self._write_size(out, box)
        for traf in self.trafs:
            self._write_offsets(out, traf)
        return b"".join((out, *rest))

    # --- what changes sizes ---------------------------------------------------------------

    def boxes(self) -> Iterable[Box]:
        """Top-level boxes to make cuts in, in order."""
        return self.chunk.boxes

    def cut_box(self, box: Box) -> None:
        """Make the cuts in one top-level box."""
        if box.type == b"moof":
            self._cut_moof(box)
        elif box.type == b"mdat":
            if box.data[box.start : box.start + 4] == b"\0\0\0\0":
                self.resize(box)
        elif box.type in _RETIMERS and self.shifts:
            _RETIMERS[box.type](self, box)

    def cut(self, box: Box, start: int, end: int, piece: bytes) -> None:
        """Replace bytes of the body of ``box``, counted from its body."""
        self.cuts.replace(box.body + start, box.body + end, piece)
        if len(piece) != end - start:
            self.resize(box)

    def resize(self, box: Box) -> None:
        """Write the size of this box in the end."""
        self._resized.append(box)

    def cut_tfhd(self, traf: Traf, tfhd: Box) -> None:
        """Make the data offsets of this ``traf`` count from the ``moof``, if they are to."""
        if traf.track.base in self.REBASED:
            flags = tfhd.fields().u32()
            track_id = tfhd.fields(skip=4).raw(4)
            self.cut(tfhd, 0, 16 if flags & tf.BASE_DATA_OFFSET else 8, _rebased(flags) + track_id)

    def cut_trun(self, traf: Traf, trun: Box, first: bool) -> None:
        """A run may do without an offset when its data begins at the base: only there."""
        flags = trun.fields().u32()
        if first and traf.track.base in self.REBASED and not flags & tf.DATA_OFFSET:
            count = trun.fields(skip=4).raw(4)
            self.cut(trun, 0, 8, _U32.pack(flags | tf.DATA_OFFSET) + count + bytes(4))

    def _cut_moof(self, moof: Box) -> None:
        self.resize(moof)
        stay = {traf.box.start: traf for traf in self.trafs}
        for box in moof.children():
            if box.type == b"mfhd" and self.sequence_number is not None:
                self.cut(box, 4, 8, _U32.pack(self.sequence_number & 0xFFFFFFFF))
                self.sequence_number += 1
            elif box.type == b"traf":
                if box.start in stay:
                    self._cut_traf(stay[box.start])
                else:
                    self.cuts.replace(box.start, box.end, b"")

    def _cut_traf(self, traf: Traf) -> None:
        self.resize(traf.box)
        first_run = True
        for box in traf.box.children():
            if box.type == b"tfhd":
                self.cut_tfhd(traf, box)
            elif box.type == b"tfdt":
                self._cut_tfdt(traf, box)
            elif box.type == b"trun":
                self.cut_trun(traf, box, first_run)
                first_run = False

    def _cut_tfdt(self, traf: Traf, tfdt: Box) -> None:
        shift = self.shifts.get(traf.track.track_id)
        if shift is None:
            return
        time = traf.track.base_decode_time + shift
        if not 0 <= time <= _MAX_U64:
            raise tfdt.malformed(f"cannot be moved by {shift} ticks")
        length = 12 if tfdt.fields().u8() else 8
        self.cut(tfdt, 0, length, _FULL_U64.pack(_VERSION_1, time))

    def _shift_prft(self, box: Box) -> None:
        fields = box.fields()
        version, flags = fields.version_and_flags()
        track_id, ntp = fields.u32(), fields.raw(8)
        time = fields.u64() if version else fields.u32()
        shift = self.shifts.get(track_id)
        if shift is not None:
            head = _U32.pack(_VERSION_1 | flags) + _U32.pack(track_id) + ntp
            self.cut(box, 0, fields.at - box.body, head + _U64.pack(_bounded(time + shift)))

    def _shift_sidx(self, box: Box) -> None:
        """ISO/IEC 14496-12 §8.16.3. The sizes in it speak of a whole segment: they stay."""
        fields = box.fields()
        version, flags = fields.version_and_flags()
        reference_id, timescale = fields.u32(), fields.u32()
        earliest, first_offset = (
            (fields.u64(), fields.u64()) if version else (fields.u32(), fields.u32())
        )
        shift = self._shift_of(reference_id, timescale)
        if shift is not None:
            words = (_VERSION_1 | flags, reference_id, timescale)
            head = b"".join(map(_U32.pack, words))
            times = _U64.pack(_bounded(earliest + shift)) + _U64.pack(first_offset)
            self.cut(box, 0, fields.at - box.body, head + times)

    def _shift_emsg(self, box: Box) -> None:
        fields = box.fields()
        version, _ = fields.version_and_flags()
        if not version:
            return  # relative to the segment, which moves
        timescale, time = fields.u32(), fields.u64()
        shift = self._shift_of(self.chunk.init.leading_track.track_id, timescale)
        if shift is not None:
            self.cut(box, 8, 16, _U64.pack(_bounded(time + shift)))

    def _shift_of(self, track_id: int, timescale: int) -> int | None:
        """Return the shift of that track in another timescale."""
        shift = self.shifts.get(track_id)
        track = self.chunk.init.by_id.get(track_id)
        if shift is None or track is None:
            return None
        size = (abs(shift) * timescale + track.timescale // 2) // track.timescale
        return size if shift >= 0 else -size

    # --- sizes and offsets ----------------------------------------------------------------

    def _write_size(self, out: bytearray, box: Box) -> None:
        start = self.cuts.landing(box.start)
        size = self.cuts.landing(box.end) - start
        if box.data[box.start : box.start + 4] == b"\0\0\0\1":
            _U64.pack_into(out, start + 8, size)
        else:
            _U32.pack_into(out, start, size)

    def _write_offsets(self, out: bytearray, traf: Traf) -> None:
        new_base = self._new_base(traf)
        for trun, run in zip(traf.truns(), traf.track.runs, strict=True):
            start = self.cuts.landing(trun.start) + trun.body - trun.start
            if run.offset < 0 or run.offset + run.length > len(self.chunk.data):
                raise trun.malformed("has data outside its chunk")
            if out[start + 3] & tf.DATA_OFFSET:
                self._write(out, start + 8, _I32, self.cuts.landing(run.offset) - new_base, trun)
        for saio, at, layout, target in auxiliary_offsets(traf):
            if not 0 <= target <= len(self.chunk.data):
                raise saio.malformed("points outside its chunk")
            landed = at + self.cuts.landing(saio.start) - saio.start
            self._write(out, landed, layout, self.cuts.landing(target) - new_base, saio)

    def _new_base(self, traf: Traf) -> int:
        """Return what offsets count from in the new data."""
        rebased = traf.track.base in self.REBASED
        return self.cuts.landing(traf.moof.start if rebased else traf.track.base_offset)

    def _write(self, out: bytearray, at: int, layout: Struct, value: int, box: Box) -> None:
        try:
            layout.pack_into(out, at, value)
        except error:
            raise box.malformed(f"cannot hold the offset {value}") from None


_RETIMERS: Final = {
    b"prft": Rewriting._shift_prft,
    b"sidx": Rewriting._shift_sidx,
    b"emsg": Rewriting._shift_emsg,
}


def trafs_of(chunk: MediaChunk) -> list[Traf]:
    """Every ``traf`` of a chunk, of all ``moof`` in order."""
    tracks = iter(chunk.fragment.tracks)
    trafs = []
    for moof in chunk.boxes:
        if moof.type != b"moof":
            continue
        trafs += [Traf(moof, box, next(tracks)) for box in moof.children() if box.type == b"traf"]
    return trafs


def auxiliary_offsets(traf: Traf) -> Iterator[tuple[Box, int, Struct, int]]:
    """Yield for every offset in a ``saio`` (ISO/IEC 14496-12 §8.7.9) that box, where and how the
    offset is written, and the place in the chunk that it points to."""
    for saio in traf.box.children():
        if saio.type != b"saio":
            continue
        fields = saio.fields()
        version, flags = fields.version_and_flags()
        fields.skip(8 if flags & 1 else 0)
        count = fields.u32()
        layout = _U64 if version else _U32
        if count * layout.size > fields.left:
            raise saio.malformed(f"says it has {count} offsets")
        for _ in range(count):
            at = fields.at
            offset = fields.u64() if version else fields.u32()
            yield saio, at, layout, traf.track.base_offset + offset


def _rebased(flags: int) -> bytes:
    """``tf_flags`` of offsets that count from the ``moof``."""
    return _U32.pack(flags & ~tf.BASE_DATA_OFFSET | tf.DEFAULT_BASE_IS_MOOF)


def _bounded(time: int) -> int:
    """Times outside the decode timeline are hints: one that leaves its field stops at the end."""
    return min(max(time, 0), _MAX_U64)
