"""Muxed uploads taken apart into CMAF tracks (ISO/IEC 23000-19 §7.3): players want them so.

The timeline of a track
    Edit lists are folded into decode times: a sample is presented at its composition time, as it
    stands in the chunk, and nobody downstream has to know that there are edit lists. A track moves
    by its empty edit − ``media_time``. That may lead below zero, where ``tfdt`` cannot go: the
    priming of AAC (1024 samples that come before time 0), the reordering delay of B-frames. So all
    tracks are moved later by one *lead*, the least that lifts all of them and is a whole number of
    ticks of every one of them: a multiple of 1 s / gcd(timescales), 1/3200 s for 12800 and 48000.
    Between tracks nothing moves, not by a tick. The lead follows from the init segment alone, so an
    encoder that comes back gets the same. Tracks that come in uploads of their own must be given
    the same lead in whole seconds.

    Priming stays in: its samples come first, with the times they had before their edit list cut
    them away. A player hears 21 ms of an encoder warming up, once, at the start of the event.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from math import gcd
from struct import Struct
from typing import ClassVar, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from sorgente.isobmff import moov as movie
from sorgente.isobmff import track_fragment as tf
from sorgente.isobmff.box import Box
from sorgente.isobmff.decode_times import DecodeTimes
from sorgente.isobmff.divide import divided, part_starts, sound_starts
from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.init_segment import InitSegment, InitTrack, parse_init_segment
from sorgente.isobmff.prft import ProducerReferenceTime, parse_prft
from sorgente.isobmff.rewrite import Rewriting, Traf, auxiliary_offsets, overwritten, trafs_of
from sorgente.isobmff.track_fragment import DataBase

BRANDS: Final = (b"iso6", b"iso6", b"cmfc")
"""Of every track, the major one first. ``iso6`` has all that fragments need: offsets from the
``moof``, 64-bit ``tfdt``, signed composition offsets. ``cmfc`` is what we make true. Not ``cmf2``
nor a media profile: they promise how the encoder writes its samples, which we do not check."""

MAX_TRACKS: Final = 64
"""Tracks in an upload, and fragments with samples in a chunk: the work grows with their square.
A contribution feed with every language has a dozen; 4096 would hold the event loop for seconds."""

SOUND_PARTS: Final = 4
"""Of a segment, in chunks of sound that are longer than one. They lie in the segment that their
middle is in: so it begins at most an eighth too early or too late."""

_CHUNK_TYPES: Final = frozenset((b"styp", b"prft", b"emsg", b"moof", b"mdat"))
_PER_SAMPLE: Final = (
    tf.SAMPLE_DURATION | tf.SAMPLE_SIZE | tf.SAMPLE_FLAGS | tf.SAMPLE_COMPOSITION_OFFSET
)
_U32: Final = Struct(">I")


class TrackChunk(msgspec.Struct, frozen=True):
    """One CMAF chunk of one track. Times in ticks of the track, edit lists folded in."""

    track_id: int
    data: bytes
    decode_time: int
    duration: int
    """As good as can be known at once; 0 only when the track never said how long a sample is."""

    earliest_time: int
    """The earliest presentation time of its samples."""

    sample_count: int
    random_access: bool
    """Whether the first sample is a sync sample: a segment can begin here."""

    contains_random_access: bool
    """Whether any sample is."""

    unix_time: float | None = None
    """When ``earliest_time`` was, in seconds since 1970, by its (last) ``prft``."""

    @property
    def end_time(self) -> int:
        """Decode time of what follows."""
        return self.decode_time + self.duration


def split_init(init: InitSegment) -> dict[int, InitSegment]:
    """Return an init segment for every track alone, in the order of the ``moov``.

    One with a single track takes the same form: our brands, no edit list (``TrackSplitter`` folds
    it in), no durations, nothing about other tracks. What a ``trak`` holds else stays as it is.
    Raises MalformedBox, also for more than MAX_TRACKS.
    """
    moov = movie.moov_of(init.data)
    if len(init.tracks) > MAX_TRACKS:
        raise moov.malformed(f"has {len(init.tracks)} tracks, more than {MAX_TRACKS}")
    shared = [box.content for box in movie.without_tracks(moov)]
    split = {}
    for track_id, trak in movie.track_boxes(moov).items():
        alone = movie.packed(
            b"moov",
            movie.movie_header(moov.need(b"mvhd"), next_track_id=track_id % 0xFFFFFFFF + 1),
            movie.track(trak, track_id),
            movie.movie_extends([(movie.track_extends(moov, track_id), track_id)]),
            *shared,
        )
        split[track_id] = parse_init_segment(movie.file_type(*BRANDS) + alone)
    return split


def shifts_of(init: InitSegment, lead: int | None = None) -> dict[int, int]:
    """Return by how many ticks each track moves: its edit list, and the lead.

    ``lead`` is in whole seconds; None: the least that these tracks need, see above.
    """
    edits = {track.track_id: _edit_shift(track, init.movie_timescale) for track in init.tracks}
    if lead is not None:
        return {id_: shift + lead * init.by_id[id_].timescale for id_, shift in edits.items()}
    grid = gcd(*(track.timescale for track in init.tracks))
    steps = max(0, *(-(edits[track.track_id] * grid // track.timescale) for track in init.tracks))
    return {
        track.track_id: edits[track.track_id] + steps * (track.timescale // grid)
        for track in init.tracks
    }


class TrackSplitter:
    """Takes the chunks of one upload apart, in order.

    A new init segment in the upload wants a new splitter. Chunks of a single track that are CMAF
    chunks as they came are passed on as the same object, with the encoder's sequence numbers. Once
    one of them was divided, those behind it get greater numbers where they need them; each is then
    copied. What comes out of a muxed upload is counted from 1 in each track.
    """

    def __init__(self, init: InitSegment, *, lead: int | None = None) -> None:
        self.shifts: Mapping[int, int] = shifts_of(init, lead)
        """Ticks that each track moves by."""

        self._muxed = len(init.tracks) > 1
        self._numbers = dict.fromkeys(init.by_id, 0) if self._muxed else {}
        """The last one, of tracks that are not counted by the encoder alone."""
        self._times = {track_id: DecodeTimes() for track_id in init.by_id}

    def split(self, chunk: MediaChunk, segment: Fraction | None = None) -> list[TrackChunk]:
        """Return a chunk for every ``traf`` with samples, in their order; of pictures, one for
        every key frame in it that a segment may have to begin with, and of sound that is longer
        than a ``segment`` (seconds; None: not known) several (see ``divide``).

        A track that comes twice gives two: a CMAF chunk has one ``traf``. What stands before a
        ``moof`` goes with the first of them: ``styp`` with that of every track, ``prft`` with that
        of its track, ``emsg`` with that of the leading track, or of the first one there is when the
        leading track has no samples here; other boxes are left out.

        Raises MalformedBox when data is not in the ``mdat``, when a decode time leaves its 64 bits,
        and for more than MAX_TRACKS fragments.
        """
        trafs = [traf for traf in trafs_of(chunk) if traf.track.sample_count]
        if len(trafs) > MAX_TRACKS:
            raise trafs[0].moof.malformed(f"has {len(trafs)} fragments, more than {MAX_TRACKS}")
        carrier = _event_carrier(trafs, chunk.init)
        before = _before(chunk)
        since = dict.fromkeys(self.shifts, 0)  # what stands before is taken up to here
        out: list[TrackChunk] = []
        for traf in trafs:
            track_id = traf.track.track_id
            own = [
                one
                for one in before
                if since[track_id] <= one.box.start < traf.moof.start
                and one.goes_with(track_id, carrier)
            ]
            since[track_id] = traf.moof.start
            out += self._divide(self._extract(chunk, traf, own), chunk, traf, segment)
        return out

    def _extract(self, chunk: MediaChunk, traf: Traf, before: list[_Before]) -> TrackChunk:
        track = traf.track
        told = track.base_decode_time + self.shifts[track.track_id]
        place = self._times[track.track_id].place(track, told)
        moved = place.start - track.base_decode_time
        number = self._next_number(track.track_id, chunk.fragment.sequence_number)
        as_it_is = number is None and not moved and place.each is None
        if not as_it_is or not _is_cmaf(chunk, traf):
            shifts = {**self.shifts, track.track_id: moved}
            stay = [one.box for one in before]
            data = overwritten(chunk, traf, moved, number) if place.each is None else None
            if data is None:
                data = _Extraction(chunk, traf, stay, shifts, number, place.each).result()
            if place.each is not None:
                # Other durations are other composition times of all samples but the first.
                [track] = parse_chunk(data, 0, chunk.init).fragment.tracks
        else:
            data = chunk.data
        times = [one.reference.unix_seconds for one in before if one.reference]
        return TrackChunk(
            track_id=track.track_id,
            data=data,
            decode_time=place.start,
            duration=place.duration,
            earliest_time=place.start + track.composition_offset,
            sample_count=track.sample_count,
            random_access=track.first_sample_sync,
            contains_random_access=track.any_sample_sync,
            unix_time=times[-1] if times else None,
        )

    def _divide(
        self, whole: TrackChunk, chunk: MediaChunk, traf: Traf, segment: Fraction | None
    ) -> Iterator[TrackChunk]:
        """Yield what was taken out of ``traf``, in parts if need be."""
        starts = _starts(whole, traf, chunk.init, segment)
        if len(starts) == 1:
            yield whole
            return
        media = chunk if whole.data is chunk.data else parse_chunk(whole.data, 0, chunk.init)
        number = media.fragment.sequence_number
        timescale = chunk.init.by_id[whole.track_id].timescale
        parts = divided(media, starts, number)
        if len(parts) == 1:
            yield whole
            return
        self._numbers[whole.track_id] = number + len(parts) - 1
        for data in parts:
            [part] = parse_chunk(data, 0, chunk.init).fragment.tracks
            later = (part.earliest_time - whole.earliest_time) / timescale
            yield replace(
                whole,
                data=data,
                decode_time=part.base_decode_time,
                duration=part.duration,
                earliest_time=part.earliest_time,
                sample_count=part.sample_count,
                random_access=part.first_sample_sync,
                contains_random_access=part.any_sample_sync,
                unix_time=None if whole.unix_time is None else whole.unix_time + later,
            )

    def _next_number(self, track_id: int, told: int) -> int | None:
        """None: ``told``, the encoder's own. It counts that track alone, or nothing was divided."""
        last = self._numbers.get(track_id)
        if last is None:
            return None
        if told > last and not self._muxed:
            self._numbers[track_id] = told
            return None
        self._numbers[track_id] = last + 1
        return last + 1


class _Before(NamedTuple):
    """A box that stands before a ``moof``."""

    box: Box
    reference: ProducerReferenceTime | None

    def goes_with(self, track_id: int, carrier: int | None) -> bool:
        """Whether that track takes it; ``carrier`` is the one that takes events."""
        if self.reference is not None:
            return self.reference.track_id == track_id
        return self.box.type == b"styp" or track_id == carrier


class _Extraction(Rewriting):
    """One ``traf`` taken out of a chunk, with the boxes before it that are its own."""

    REBASED: ClassVar = frozenset({DataBase.ABSOLUTE, DataBase.IMPLICIT})

    def __init__(
        self,
        chunk: MediaChunk,
        traf: Traf,
        before: list[Box],
        shifts: Mapping[int, int],
        number: int | None,
        each: int | None,
    ) -> None:
        super().__init__(chunk, shifts, number, [traf])
        self._traf = traf
        self._before = before
        self._each = each
        self._at = 0

    def boxes(self) -> Iterable[Box]:
        """What stays, whole or in part."""
        *_, last = self.chunk.boxes
        return [*self._before, self._traf.moof, last]

    def cut_box(self, box: Box) -> None:
        """Leave out what is of other tracks: all between the boxes that stay."""
        self.cuts.replace(self._at, box.start, b"")
        self._at = box.end
        if box.type == b"mdat":
            self._cut_mdat(box)
        else:
            super().cut_box(box)

    def _cut_mdat(self, mdat: Box) -> None:
        """Keep the samples of the track, as they lie; all when encryption data lies among them."""
        self.resize(mdat)
        if any(target >= mdat.body for *_, target in auxiliary_offsets(self._traf)):
            return
        kept = mdat.body
        for run in sorted(run for run in self._traf.track.runs if run.length):
            if run.offset < mdat.body or run.offset + run.length > mdat.end:
                raise mdat.malformed(f"does not hold all data of track {self._track_id}")
            if run.offset > kept:
                self.cuts.replace(kept, run.offset, b"")
            kept = max(kept, run.offset + run.length)
        self.cuts.replace(kept, mdat.end, b"")

    @property
    def _track_id(self) -> int:
        return self._traf.track.track_id

    def cut_tfhd(self, traf: Traf, tfhd: Box) -> None:
        """Put in the repaired duration, if there is one."""
        if self._each is None:
            super().cut_tfhd(traf, tfhd)
            return
        fields = tfhd.fields()
        flags, track_id = fields.u32(), fields.raw(4)
        fields.skip(8 if flags & tf.BASE_DATA_OFFSET else 0)
        description = fields.raw(4 if flags & tf.SAMPLE_DESCRIPTION_INDEX else 0)
        fields.skip(4 if flags & tf.DEFAULT_DURATION else 0)
        flags = flags & ~tf.BASE_DATA_OFFSET | tf.DEFAULT_BASE_IS_MOOF | tf.DEFAULT_DURATION
        head = _U32.pack(flags) + track_id + description + _U32.pack(self._each)
        self.cut(tfhd, 0, fields.at - tfhd.body, head)

    def cut_trun(self, traf: Traf, trun: Box, first: bool) -> None:
        """Put the repaired duration wherever the run has one of its own."""
        super().cut_trun(traf, trun, first)
        fields = trun.fields()
        flags, count = fields.u32(), fields.u32()
        if self._each is not None and flags & tf.SAMPLE_DURATION:
            columns = (flags & _PER_SAMPLE).bit_count()
            fields.skip(4 * (flags & (tf.DATA_OFFSET | tf.FIRST_SAMPLE_FLAGS)).bit_count())
            at = fields.at - trun.body
            rows = array("I", fields.raw(4 * columns * count))
            rows[::columns] = array("I", _U32.pack(self._each)) * count  # the first column
            self.cut(trun, at, fields.at - trun.body, rows.tobytes())


def _edit_shift(track: InitTrack, movie_timescale: int) -> int:
    """Ticks from composition time to presentation time (ISO/IEC 14496-12 §8.6.6)."""
    edit = track.edit_list
    empty = (edit.empty_duration * track.timescale + movie_timescale // 2) // movie_timescale
    return empty - edit.media_time


def _starts(
    whole: TrackChunk, traf: Traf, init: InitSegment, segment: Fraction | None
) -> list[int]:
    """The samples, by number, that its parts begin with."""
    track = init.by_id[whole.track_id]
    if track.kind == "video" and traf.track.later_sample_sync:
        return part_starts(traf, init)
    if track.kind == "audio" and segment is not None:
        seconds, per = segment.as_integer_ratio()  # no Fractions for every chunk of sound
        ticks, longest = whole.duration * per, seconds * track.timescale
        if ticks > longest:
            return sound_starts(traf, init, -(-ticks * SOUND_PARTS // longest))
    return [0]


def _event_carrier(trafs: list[Traf], init: InitSegment) -> int | None:
    """The track that takes the ``emsg`` of a chunk."""
    there = [traf.track.track_id for traf in trafs]
    leading = init.leading_track.track_id
    return leading if leading in there else next(iter(there), None)


def _before(chunk: MediaChunk) -> list[_Before]:
    """Return what stands before a ``moof`` and is not left out."""
    return [
        _Before(box, parse_prft(box) if box.type == b"prft" else None)
        for box in chunk.boxes
        if box.type in (b"styp", b"prft", b"emsg")
    ]


def _is_cmaf(chunk: MediaChunk, traf: Traf) -> bool:
    """Whether a chunk of a single track needs no change to be a CMAF chunk."""
    fragment = chunk.fragment
    return (
        len(fragment.tracks) == 1
        and len(fragment.moofs) == 1
        and traf.track.base is DataBase.MOOF
        and not fragment.open_ended
        and all(box.type in _CHUNK_TYPES for box in chunk.boxes)
    )
