"""What an encoder of DASH or HLS has put, as it put it: for its own manifest to be played by.

An *edition* is all that an encoder put between one start and the next. ffmpeg that is started again
uses the same names for other bytes; with its edition, a name stands for one object for ever.

A new one begins with an init segment under a name that the newest has already, media included. The
manifest of it may be read before that, as it comes on another connection: then it says that the
media started at another time, and waits for its edition.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from operator import itemgetter
from typing import Final

from sorgente.isobmff.init_segment import InitSegment
from sorgente.media.addresses import Listed, Posted
from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.segment import Segment
from sorgente.media.track import Absence

MAX_EDITIONS: Final = 8
"""An encoder that is started anew every few seconds has no window to be kept."""

MAX_MANIFESTS: Final = 32
MAX_MANIFEST_BYTES: Final = 2 << 20
"""In an edition: an MPD, and a playlist for every track. The oldest are forgotten."""

MAX_INITS: Final = 64
"""In an edition: of every track, some times over."""

MAX_GONE: Final = 1024
"""Names in an edition of what was there: who asks for one of those is told so."""


@dataclass(slots=True)
class Edition:
    """See the module. ``id`` is the UTC second in which it began, or one more than the last."""

    id: int
    began: Fraction
    """UTC seconds: when its first object came."""
    objects: dict[str, Segment] = field(default_factory=dict)
    """By path, in the order they came."""
    inits: set[str] = field(default_factory=set)
    gone: dict[str, None] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    lasts: dict[str, bytes] = field(default_factory=dict)
    """Of those manifests, what the encoder put when all was over."""
    listed: dict[str, Listed] = field(default_factory=dict)
    """Of those that are playlists, with the numbers of the encoder."""
    bases: dict[str, tuple[int, int]] = field(default_factory=dict)
    """What is added to these, of segments and of discontinuities, to go on where the edition before
    ended."""
    starts_at: Fraction | None = None
    """``MPD@availabilityStartTime``, UTC seconds."""
    under_way: bool = False
    """More than init segments came."""
    bytes_held: int = 0
    """Memory, in bytes."""

    @property
    def has_media(self) -> bool:
        """There is more of it than init segments."""
        return len(self.objects) > len(self.inits)

    def append(self, segment: Segment, chunk: Chunk) -> None:
        """More of an object."""
        self.bytes_held += chunk.bytes_held
        segment.append(chunk, 0)

    def keep(self, file: str, manifest: bytes) -> None:
        """A manifest, in place of what had its name."""
        self._let_go(file)
        self.manifests[file] = manifest
        self.bytes_held += len(manifest)
        self._bound_manifests()

    def conclude(self, file: str, manifest: bytes) -> None:
        """The manifest that says all is over, beside the one that it was over with."""
        self.bytes_held += len(manifest) - len(self.lasts.get(file, b""))
        self.lasts[file] = manifest
        self._bound_manifests()

    def forget(self, file: str) -> bool:
        """Whether there was such a manifest."""
        self.listed.pop(file, None)
        self.bases.pop(file, None)
        return self._let_go(file)

    def _let_go(self, file: str) -> bool:
        manifest, last = self.manifests.pop(file, None), self.lasts.pop(file, None)
        self.bytes_held -= len(manifest or b"") + len(last or b"")
        return manifest is not None

    def _bound_manifests(self) -> None:
        while _too_many(self.manifests, self.lasts):
            self.forget(next(iter(self.manifests)))

    def take_over(self, other: Edition) -> None:
        """All of another, which turns out to be the same."""
        for file in other.objects.keys() & self.objects.keys():
            self.drop(file)
        for file in other.objects:
            self.gone.pop(file, None)
        self.objects |= other.objects
        self.inits |= other.inits
        self.bytes_held += other.bytes_held
        for file, manifest in other.manifests.items():
            self.bytes_held -= len(manifest)  # counted with the rest of it
            self.keep(file, manifest)
        self.listed |= other.listed
        self.bases = other.bases | self.bases
        for file, last in other.lasts.items():
            self.bytes_held -= len(last)
            if file in self.manifests:
                self.conclude(file, last)

    def drop(self, file: str) -> int:
        """Let an object go; return the bytes that frees."""
        segment = self.objects.pop(file)
        freed = segment.bytes_held
        self.bytes_held -= freed
        if not segment.complete:
            segment.abandon()
        self.inits.discard(file)
        self.gone[file] = None
        if len(self.gone) > MAX_GONE:
            del self.gone[next(iter(self.gone))]
        return freed


class Shelf:
    """The editions of a channel, within the bounds of a window."""

    def __init__(self, seconds: float, most_bytes: int, counters: Counters) -> None:
        self.editions: deque[Edition] = deque()
        """Oldest first."""
        self.revision = 0
        """Grows with every manifest."""
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._counters = counters
        self._last_id = self._last_number = 0
        self._early: dict[str, bytes] = {}
        """Manifests of an edition whose first object is not here yet."""
        self._early_start: Fraction | None = None
        self._awaited: dict[tuple[int, str], dict[object, Callable[[Segment], None]]] = {}

    @property
    def bytes_held(self) -> int:
        """Memory, in bytes."""
        early = sum(map(len, self._early.values()))
        return early + sum(edition.bytes_held for edition in self.editions)

    @property
    def held(self) -> int:
        """Requests that wait for an object."""
        return sum(map(len, self._awaited.values()))

    # Writing

    def open(self, file: str, content_type: str, wall: float, *, is_init: bool) -> Segment | None:
        """An object begins to come in; its number is its own, and no other's ever. None: it comes
        already, from another encoder."""
        newest = self.editions[-1] if self.editions else None
        if newest is None or (is_init and file in newest.inits and newest.under_way):
            newest = self._begin(Fraction(wall))
        if file in newest.objects:
            if not newest.objects[file].complete:
                return None
            newest.drop(file)  # DASH-IF Ingest §7: what is put again overwrites
        newest.gone.pop(file, None)
        self._last_number = max(int(wall * 1000), self._last_number + 1)
        segment = Segment(self._last_number, str(newest.id), 0, content_type, self._counters)
        newest.objects[file] = segment
        if is_init:
            newest.inits.add(file)
            if len(newest.inits) > MAX_INITS:
                newest.drop(next(each for each in newest.objects if each in newest.inits))
        else:
            newest.under_way = True
        return segment

    def append(self, file: str, segment: Segment, chunk: Chunk) -> bool:
        """More of it, whole. Returns whether it is still here: it may have been taken back."""
        edition = next((e for e in self.editions if e.objects.get(file) is segment), None)
        if edition is None:
            return False
        edition.append(segment, chunk)
        if segment.end == 1:
            for call in self._awaited.pop((edition.id, file), {}).values():
                call(segment)
        return True

    def break_off(self, file: str, segment: Segment) -> None:
        """It does not come to its end: it never looks complete, and may be sent again."""
        for edition in self.editions:
            if edition.objects.get(file) is segment:
                edition.drop(file)
                del edition.gone[file]

    def remove(self, file: str) -> None:
        """The encoder takes back what it has put under this name."""
        if self.editions and file in self.editions[-1].objects:
            self.editions[-1].drop(file)
        for edition in self.editions:
            self.revision += edition.forget(file)

    def post(self, file: str, body: bytes, posted: Posted) -> None:
        """A manifest, whole. The last MPD of an event has the timeline of a recording: it is kept
        beside the one before."""
        newest = self.editions[-1] if self.editions else None
        known = None if newest is None else newest.starts_at
        if newest is None or (known is not None and posted.starts_at not in (None, known)):
            self._early[file] = body
            self._early_start = posted.starts_at
            while _too_many(self._early):
                del self._early[next(iter(self._early))]
        elif posted.ended and posted.listed is None and file in newest.manifests:
            self.revision += 1
            newest.conclude(file, body)
        else:
            if posted.listed is not None:
                self._count(newest, file, posted.listed)
            self._keep(newest, file, body, posted.starts_at)

    def _count(self, newest: Edition, file: str, listed: Listed) -> None:
        """Numbers of playlists go on from one edition to the next: players take none that are
        less (RFC 8216 §6.2.1)."""
        if file not in newest.bases:
            before = next((e for e in reversed(self.editions) if file in e.bases), None)
            if before is None:
                newest.bases[file] = 0, 0
            else:
                (segments, breaks), last = before.bases[file], before.listed[file]
                newest.bases[file] = (
                    segments + last.end - listed.first,
                    breaks + last.end_break + 1 - listed.first_break,
                )
        newest.listed[file] = listed

    def expire(self, now: float, depth: float = 0.0) -> None:
        """Let go what the window does not hold any more, if that is not younger than ``depth``
        seconds, which players were promised."""
        seconds = max(self._seconds, depth)
        self._drop_growing(self._most_bytes // 2)  # it may never end, and leaves no window
        while (oldest := self._oldest()) is not None:
            edition, file = oldest
            segment = edition.objects[file]
            young = segment.end > 0 and segment.newest_at >= now - seconds
            if young and self.bytes_held <= self._most_bytes:
                break
            edition.drop(file)
        self._drop_growing()  # nothing else is left
        while len(self.editions) > 1 and (
            not self.editions[0].has_media or len(self.editions) > MAX_EDITIONS
        ):
            self._forget_oldest()

    def drop_oldest(self) -> int:
        """Let the oldest object go; return the bytes that frees."""
        oldest = self._oldest()
        return 0 if oldest is None else oldest[0].drop(oldest[1])

    # Reading

    def find(self, edition_id: int | None, file: str) -> Segment | Absence:
        """An object of an edition; None: of the newest that has it."""
        among = [e for e in reversed(self.editions) if edition_id in (None, e.id)]
        for edition in among:
            segment = edition.objects.get(file)
            if segment is not None and segment.end:
                return segment
        if any(file in edition.gone for edition in among):
            return Absence.GONE
        newest = self.editions[-1] if self.editions else None
        is_next = newest is not None and edition_id == newest.id
        return Absence.NEXT if is_next else Absence.UNKNOWN

    def manifest(self, file: str) -> list[Edition]:
        """The editions that have put a manifest under this name, oldest first."""
        return [edition for edition in self.editions if file in edition.manifests]

    def hold(
        self, edition_id: int, file: str, key: object, call: Callable[[Segment], None]
    ) -> None:
        """Call ``call`` when the object begins."""
        self._awaited.setdefault((edition_id, file), {})[key] = call

    def let_go(self, edition_id: int, file: str, key: object) -> None:
        """Whoever waited is gone."""
        waiting = self._awaited.get((edition_id, file), {})
        waiting.pop(key, None)
        if not waiting:
            self._awaited.pop((edition_id, file), None)

    # Inside

    def _begin(self, wall: Fraction) -> Edition:
        self._last_id = max(int(wall), self._last_id + 1)
        edition = Edition(self._last_id, wall)
        self.editions.append(edition)
        early, self._early = self._early, {}
        for file, body in early.items():
            self._keep(edition, file, body, self._early_start)
        return edition

    def _keep(self, edition: Edition, file: str, body: bytes, starts_at: Fraction | None) -> None:
        self.revision += 1
        before = self.editions[-2] if len(self.editions) > 1 else None
        begins = edition.starts_at is None and starts_at is not None
        edition.starts_at = starts_at or edition.starts_at
        edition.keep(file, body)
        if begins and before is not None and before.starts_at == starts_at:
            before.take_over(self.editions.pop())  # it had only sent its init segments again

    def _oldest(self) -> tuple[Edition, str] | None:
        """The oldest segment that is complete."""
        for edition in self.editions:
            for file, segment in edition.objects.items():
                if segment.complete and file not in edition.inits:
                    return edition, file
        return None

    def _drop_growing(self, least: int = 0) -> None:
        """Let objects go that are still coming in, the largest first, while all that is here is too
        much; but none of less than ``least`` bytes."""
        if self.bytes_held <= self._most_bytes:
            return  # as with nearly every tick
        growing = [
            (segment.bytes_held, edition, file)
            for edition in self.editions
            for file, segment in edition.objects.items()
            if not segment.complete and segment.bytes_held > least
        ]
        growing.sort(key=itemgetter(0))
        while growing and self.bytes_held > self._most_bytes:
            _, edition, file = growing.pop()
            edition.drop(file)

    def _forget_oldest(self) -> None:
        edition = self.editions.popleft()
        for segment in edition.objects.values():
            if not segment.complete:
                segment.abandon()
        self.revision += 1


def _too_many(manifests: dict[str, bytes], lasts: dict[str, bytes] | None = None) -> bool:
    sizes = [len(each) for kept in (manifests, lasts or {}) for each in kept.values()]
    much = sum(sizes) > MAX_MANIFEST_BYTES
    return len(manifests) > MAX_MANIFESTS or (much and len(manifests) > 1)


class Copy:
    """One body on its way to the shelf, next to what else becomes of it."""

    def __init__(self, shelf: Shelf, file: str, wall: Callable[[float], float]) -> None:
        self._shelf = shelf
        self._file = file
        self._wall = wall
        self._segment: Segment | None = None
        self._begun = False

    @property
    def bytes_held(self) -> int:
        """Memory, in bytes."""
        return 0 if self._segment is None else self._segment.bytes_held

    def take(self, unit: object, data: bytes, content_type: str, now: float) -> None:
        """A whole unit of it."""
        if not self._begun:
            self._begun = True
            is_init = isinstance(unit, InitSegment)
            wall = self._wall(now)
            self._segment = self._shelf.open(self._file, content_type, wall, is_init=is_init)
        segment = self._segment
        if segment is not None and not self._shelf.append(self._file, segment, Chunk.of(data, now)):
            self._segment = None

    def end(self, *, complete: bool) -> None:
        """The body has ended."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        if complete:
            segment.close()  # though it may have been taken back meanwhile, with its readers
        else:
            self._shelf.break_off(self._file, segment)
