"""One track of a presentation: its segments, its init segments, and who waits for what is next.

What a request for segment ``n`` meets (design §3 rule 6):

    kept                        the segment, complete or growing
    the next one                held until its first chunk is there; while the encoder is away,
                                all that by the clock should be there
    promised by a period that   what has another number in the next period; or, if its encoder never
    is over                     came back, empty: a player told "not there" asks again for ever
    older than what is kept     gone
    anything else               not there
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final, cast

from sorgente.isobmff.init_segment import InitSegment
from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.needs import Needs
from sorgente.media.pulse import Pulse
from sorgente.media.segment import Segment
from sorgente.media.snapshot import Kind
from sorgente.media.subscriber import Subscriber

MAX_SCHEMES: Final = 16
MAX_SCHEME: Final = 512
"""Characters. What an encoder says of its events goes into every manifest."""


REMEMBERED_NUMBERINGS: Final = 4
"""Periods, one after the other, that a request may have been held for: they take a group of
pictures each at least, and it waits for some seconds."""


class Absence(Enum):
    """Why there is no segment to send now."""

    NEXT = "not yet"
    GONE = "no longer"
    EMPTY = "promised, and never filled"
    UNKNOWN = "never"


class Track:
    """``name`` as in URLs. Segments are numbered upwards, not without gaps."""

    def __init__(self, name: str, init: InitSegment, counters: Counters) -> None:
        self.name = name
        self._adopt(init)
        self.needs = Needs(self.timescale)
        """What its encoder has shown of what players need."""
        self.inits: dict[str, InitSegment] = {}
        """By epoch."""
        self.segments: dict[int, Segment] = {}
        """Kept ones, oldest first."""
        self.last_number = 0
        """The highest number used so far."""
        self._promised = range(0)
        """Numbers that players were told of, and that the encoder's absence left without media."""
        self._renumbered: deque[tuple[range, int]] = deque(maxlen=REMEMBERED_NUMBERINGS)
        """Numbers that stand for others, and by how much those are larger."""
        self.next_number: int | None = None
        """Of the segment that comes next; None while nobody knows."""
        self.bytes_held = 0
        self.switching_set = ""
        """What its encoder calls the bit rates it belongs to."""
        self.event_schemes: tuple[tuple[str, str], ...] = ()
        """(scheme, value) of the ``emsg`` boxes that came with it."""
        self.last_object = 0
        """Ticks that its encoder sent at once, the last time; 0 if it sends chunks as it makes
        them."""
        self.pulse = Pulse()
        """How its chunks come."""
        self._counters = counters
        self._growing: Segment | None = None
        self._held: dict[int, dict[Subscriber, Callable[[], None]]] = {}

    @property
    def oldest_complete(self) -> Segment | None:
        """What the window lets go next."""
        oldest = next(iter(self.segments.values()), None)
        return None if oldest is self._growing else oldest

    @property
    def growing(self) -> Segment | None:
        """The segment that is being written."""
        return self._growing

    @property
    def newest(self) -> Segment | None:
        """The newest segment that has anything in it."""
        return next((each for each in reversed(self.segments.values()) if each.end), None)

    @property
    def reading(self) -> int:
        """How many follow the segment that is being written."""
        return 0 if self._growing is None else self._growing.reading

    @property
    def held(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._held.values()))

    # Writing

    def take(self, init: InitSegment, *, resumes: bool) -> None:
        """An init segment. Unless it ``resumes`` the one before, what comes has nothing in common
        with what was."""
        self._adopt(init)
        if not resumes:
            self.needs = Needs(self.timescale)

    def _adopt(self, init: InitSegment) -> None:
        facts = init.leading_track
        self.init = init
        """The one in force. What follows from it is asked for thirty times a chunk."""
        self.kind = cast(Kind, facts.kind)
        """What it carries."""
        self.timescale = facts.timescale
        """Ticks per second."""
        self.is_video = facts.kind == "video"
        """Pictures: segments can start at some chunks only."""
        self.is_sparse = facts.is_sparse
        """Text or metadata: long may pass without any, and nobody waits for it."""

    def open(self, number: int, epoch: str, time: int) -> Segment:
        """Begin segment ``number``, which closes the one before."""
        self.close()
        self.refuse(below=number, above=self._promised.stop)
        segment = Segment(number, epoch, time, self.init.content_type, self._counters)
        self.segments[number] = self._growing = segment
        self.needs.begin_segment()
        self.last_number, self.next_number = number, number + 1
        return segment

    def expect(self, number: int, promised: int = 0) -> None:
        """The next segment will be ``number``; there is none between the last one and it, though
        players may have been told of all up to ``promised``."""
        if promised >= self.last_number > 0:
            self._promised = range(self.last_number + 1, min(promised + 1, number))
        self.next_number = number

    def skip_to(self, number: int) -> None:
        """The next segment will be ``number``, in the same period; those before it, which players
        were told of, stay empty."""
        self._promised = range(self.last_number + 1, number)
        self.next_number = number
        self.refuse(below=number)

    def renumber(self, first: int, promised: int, number: int) -> list[Segment]:
        """Another period begins with what was to be segment ``first``, and goes on with the same
        media: it is ``number`` from now on, and what follows likewise. Who asks by the old numbers,
        which players were told of up to ``promised``, gets the same. Returns the segments that have
        begun already."""
        by = number - first
        moved = [segment for segment in self.segments.values() if segment.number >= first]
        for segment in moved:
            del self.segments[segment.number]
            segment.number += by
            segment.label = segment.answer = None  # they tell its number
            self.segments[segment.number] = segment
        if moved:
            self.last_number = moved[-1].number
        self.next_number = max(number, self.last_number + 1)
        self._promised = range(0)
        self._renumbered.append((range(first, max(promised, first) + 1), by))
        for held in [held for held in self._held if held >= first]:
            self._held.setdefault(held + by, {}).update(self._held.pop(held))
        return moved

    def finish(self, promised: int) -> None:
        """There will be no more segments, though players may have been told of all up to
        ``promised``."""
        self.close()
        self._promised = range(self.last_number + 1, promised + 1)
        self.next_number = None
        self.refuse()

    def append(self, chunk: Chunk, duration: int) -> None:
        """One more chunk of the segment that is growing, of so many ticks."""
        segment = self._growing
        assert segment is not None, "open() comes before append()"
        self.bytes_held += chunk.bytes_held
        segment.append(chunk, duration)
        for subscriber in self._held.pop(segment.number, ()):
            segment.attend(subscriber)

    def close(self, *, cut_short: bool = False) -> None:
        """The segment that is growing is complete; ``cut_short``: its encoder broke off."""
        segment, self._growing = self._growing, None
        if segment is None:
            return
        segment.close()
        if not cut_short:
            self.needs.end_segment(segment)

    def note_events(self, schemes: Iterable[tuple[str, str]]) -> bool:
        """Whether events of these are the first of their kind."""
        short = (scheme for scheme in schemes if len("".join(scheme)) <= MAX_SCHEME)
        known = tuple(dict.fromkeys((*self.event_schemes, *short)))[:MAX_SCHEMES]
        changed, self.event_schemes = known != self.event_schemes, known
        return changed

    def drop_oldest(self) -> int:
        """Let the oldest segment go, and return the bytes that frees; never the growing one."""
        number = next(iter(self.segments), None)
        if number is None or self.segments[number] is self._growing:
            return 0
        segment = self.segments.pop(number)
        self.bytes_held -= segment.bytes_held
        segment.abandon()
        return segment.bytes_held

    def abandon(self) -> None:
        """Nothing that grows, and nobody who waits, gets to an end."""
        if self._growing is not None:
            self._growing.abandon()
        self.refuse()

    # Reading

    def newest_number(self, number: int) -> int:
        """Of the segment that ``number`` stands for; nearly always the same."""
        for numbers, by in self._renumbered:
            if number in numbers:
                number += by
        return number

    def find(self, number: int, due: int) -> Segment | Absence:
        """What a request for segment ``number`` meets, while ``due`` is the latest one that may be
        asked for by the clock."""
        number = self.newest_number(number)
        segment = self.segments.get(number)
        if segment is not None and segment.end:
            return segment
        following = self.next_number
        if following is not None and following <= number <= max(due, following):
            return Absence.NEXT
        if number in self._promised:
            return Absence.EMPTY
        oldest = next(iter(self.segments), following)
        return Absence.GONE if oldest is not None and number < oldest else Absence.UNKNOWN

    def hold(self, number: int, subscriber: Subscriber, refuse: Callable[[], None]) -> None:
        """Let ``subscriber`` attend segment ``number`` with its first chunk; ``refuse`` is called
        if it turns out that it will never be."""
        self._held.setdefault(self.newest_number(number), {})[subscriber] = refuse

    def let_go(self, number: int, subscriber: Subscriber) -> None:
        """A held request waits no longer."""
        number = self.newest_number(number)
        waiting = self._held.get(number)
        if waiting is not None:
            waiting.pop(subscriber, None)
            if not waiting:
                del self._held[number]

    def refuse(self, *, below: int = 1 << 63, above: int = 0) -> None:
        """Tell held requests for numbers from ``above`` to ``below`` that there is no such
        segment."""
        for number in [n for n in self._held if above <= n < below]:
            for refuse in self._held.pop(number).values():
                refuse()
