"""What a channel's tracks add up to: periods on the wall clock, segments on a common grid.

    upload ─▶ TrackSplitter ─▶ Timeline ─▶ held until the timeline has settled and the grid is known
                                   └─────▶ Track.open / append: segments, closed at key frames

All tracks of a period share its grid (:mod:`~.grid`): video is cut at random access points,
everything else at the first chunk whose middle lies behind a line of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.split import TrackSplitter, split_init
from sorgente.isobmff.upload import MediaChunk
from sorgente.media.arrival import Arrival, Waiting, moved
from sorgente.media.attendance import Attendance
from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.feed import Feed
from sorgente.media.merger import Merger
from sorgente.media.minimum import NS
from sorgente.media.period import Period
from sorgente.media.publisher import Outcome
from sorgente.media.rhythm import KeyFrames, Rhythm
from sorgente.media.segment import Segment
from sorgente.media.snapshot import PresentationSnapshot
from sorgente.media.timeline import Placement, Run, Timeline, latency_target
from sorgente.media.track import Absence, Track
from sorgente.media.utc import UtcClock

LEAD: Final = 1
"""Seconds that tracks of uploads of their own are moved later, all alike: more than the priming of
any audio codec or the reordering of any video codec, which lead below zero (see ``split``)."""

FAREWELL: Final = 10.0
"""Seconds that a manifest of an event that is over keeps its timeline: for those who watch to see
its end. Then it becomes one of a recording, on a timeline of its own (see ``dash.recording``)."""

NOTICE: Final = 3
"""Seconds until all players have seen a new period: two looks at the manifest, and one that was
late. So long, the old one's segments are asked for."""

NOTICED_SECONDS: Final = 1.2
"""Until the next look of most players at the manifest (its minimumUpdatePeriod is 1 s). Requests
that a period ends under are held so long: dash.js goes on to the next period at once if it knows of
it when the answer comes, and takes several seconds to find it if not (measured)."""

MAX_DESCRIBED: Final = 256
"""Tracks whose switching set is remembered: more than any channel has."""

LATE: Final = Fraction(3, 2)
"""Seconds that what a sparse track has to say may come after the end of its segment. Later, it
goes into a later one; a segment without any is empty, which players are told."""

AHEAD: Final = Fraction(10)
"""Seconds that a sparse track may be ahead of the others; further, it is on another timeline."""


@dataclass(frozen=True, slots=True)
class PresentationRules:
    """What every presentation keeps to."""

    window: float
    """Seconds."""
    window_bytes: int
    segment_target: Fraction
    """Seconds."""
    latency_target: Fraction | None
    """Seconds; None: derived from how long chunks are."""
    linger: float
    """Seconds that an event goes on after its encoder ended cleanly: it may be a restart."""
    absence: float
    """Seconds it goes on after its encoder broke off."""
    held: int
    """Requests that may wait for what is next."""


@dataclass(slots=True)
class Source:
    """An upload that is under way."""

    splitter: TrackSplitter
    tracks: dict[int, Track]
    """By track id."""

    @property
    def is_dense(self) -> bool:
        """It has pictures or sound."""
        return not all(track.is_sparse for track in self.tracks.values())


class Presentation:
    """The presentation of one channel. Implements :class:`~.feed.Observer`."""

    def __init__(
        self,
        name: str,
        rules: PresentationRules,
        counters: Counters,
        utc: UtcClock,
        merger: Merger,
    ) -> None:
        self.name = name
        self.timeline = Timeline()
        self.tracks: dict[str, Track] = {}
        self.revision = 0
        self.ended = False
        self._rules = rules
        self._counters = counters
        self._utc = utc
        self._merger = merger
        self._by_track = False
        """The tracks come in uploads of their own."""
        self._broken = False
        """One of them broke off."""
        self._changed_at = Fraction(0)
        self._switching_sets: dict[str, str] = {}
        """By names of tracks, as a manifest that was posted says."""
        self._sources: dict[Feed, Source] = {}
        self._runs: dict[Track, Run] = {}
        self._attendance = Attendance()
        self._waiting = Waiting(rules.window_bytes)
        self._periods: deque[Period] = deque()
        self._key_frames = KeyFrames()
        self._noticed_at = 0.0
        """Seconds: when players will have seen the newest period."""
        self._farewell_until: float | None = None
        """Seconds: while those who watch are told that the event is over."""
        self._ends_at: float | None = None
        """Seconds: when the event is over, if no encoder comes."""
        self._awaiting: dict[object, Callable[[], None]] = {}

    # What there is

    @property
    def over(self) -> bool:
        """Nothing is here, and nothing is expected."""
        return not self._sources and not self._periods and not self._awaiting

    @property
    def held(self) -> int:
        """Requests that wait for what is next."""
        return len(self._awaiting) + sum(track.held for track in self.tracks.values())

    @property
    def bytes_held(self) -> int:
        """Memory of all segments, and of chunks that have none yet, in bytes."""
        return self._waiting.bytes_held + sum(track.bytes_held for track in self.tracks.values())

    @property
    def drift(self) -> Fraction:
        """Seconds that media come later than announced, without jitter."""
        run = self.timeline.run
        return Fraction(0) if run is None else run.drift

    def snapshot(self) -> PresentationSnapshot | None:
        """For a manifest; None while there is nothing to announce."""
        if not self._periods:
            return None
        rules, newest = self._rules, self._periods[-1]
        target = rules.latency_target
        if target is None:
            target = latency_target(newest.segment_duration, newest.chunk_duration)
        return PresentationSnapshot(
            channel=self.name,
            revision=self.revision,
            changed_at=self._changed_at,
            periods=tuple(period.snapshot() for period in self._periods),
            window=Fraction(rules.window),
            latency_target=target,
            ended=self.ended,
            farewell=self._farewell_until is not None,
        )

    def find(self, track: Track, number: int, now: float) -> Segment | Absence:
        """What a request for segment ``number`` of ``track`` meets."""
        due = 0
        if self._periods and not self.ended:
            due = self._periods[-1].number_due(Fraction(self._utc.at(now)))
        found = track.find(number, due)
        if isinstance(found, Absence) and track.is_sparse and self._passed(number, now):
            return Absence.EMPTY
        return Absence.NEXT if found is Absence.EMPTY and now < self._noticed_at else found

    def await_first(self, key: object, call: Callable[[], None]) -> None:
        """Call ``call`` when there is something to announce."""
        self._awaiting[key] = call

    def await_no_longer(self, key: object) -> None:
        """Whoever waited is gone."""
        self._awaiting.pop(key, None)

    # What comes in

    def describe(self, switching_sets: Mapping[str, str], now: float) -> None:
        """What tracks belong to, by their names; the init segment's own word counts for more."""
        told = {**self._switching_sets, **switching_sets}
        self._switching_sets = dict(list(told.items())[-MAX_DESCRIBED:])
        for track in self.tracks.values():
            if self._join_set(track):
                self._change(now)

    def _join_set(self, track: Track) -> bool:
        """Whether the track is in another switching set now."""
        before = track.switching_set
        told = track.init.leading_track.switching_set
        track.switching_set = told or self._switching_sets.get(track.name, "")
        return track.switching_set != before

    def opened(self, feed: Feed, init: InitSegment, now: float) -> None:
        """See :class:`~.feed.Observer`."""
        lead = None if feed.is_whole else LEAD
        self._by_track = not feed.is_whole
        tracks: dict[int, Track] = {}
        for track_id, alone in split_init(init).items():
            name = _track_name(feed, init, track_id)
            track = self.tracks.get(name)
            resumes = track is not None and track.init.compatible_with(alone)
            if track is None:
                track = self.tracks[name] = Track(name, alone, self._counters)
            track.take(alone, resumes=resumes)
            self._join_set(track)
            self.timeline.begin(
                name, alone.leading_track.timescale, resumes=resumes, sparse=track.is_sparse
            )
            tracks[track_id] = track
        if not self._sources:
            self._broken = False
        source = self._sources[feed] = Source(TrackSplitter(init, lead=lead), tracks)
        self._attendance.expect(tracks.values())
        if not self._heeds(source):
            return
        self._ends_at = None
        if self.ended:
            self.ended, self._farewell_until = False, None
            self._change(now)

    def received(self, feed: Feed, media: MediaChunk, chunk: Chunk | None, now: float) -> None:
        """See :class:`~.feed.Observer`."""
        source = self._sources[feed]
        utc = self._utc.at(now)
        leading = source.tracks[media.init.leading_track.track_id]
        if leading.note_events((event.scheme, event.value) for event in media.fragment.events):
            self._change(now)
        for cut in source.splitter.split(media):
            track = source.tracks[cut.track_id]
            timescale = track.timescale
            at = self.timeline.observe(
                track.name,
                Fraction(cut.decode_time, timescale),
                Fraction(cut.end_time, timescale),
                utc,
                cut.unix_time,
                random_access=cut.random_access,
            )
            if at.shift:
                cut = moved(cut, track.init, at.shift)
            own = chunk
            if own is None or cut.data is not media.data or own.frame is not own.movable:
                own = Chunk.of(cut.data, now, random_access=cut.random_access)
            arrival = Arrival(track, at, cut, own)
            if not self._strayed(arrival):
                self._attendance.note(arrival, now)
                self._take(arrival, now)

    def delivered(self, feed: Feed, now: float) -> None:
        """See :class:`~.feed.Observer`."""
        for track in self._sources[feed].tracks.values():
            track.note_object()
            self._attendance.deliver(track)
            self._close_if_full(track)

    def closed(self, feed: Feed, outcome: Outcome, now: float) -> None:
        """See :class:`~.feed.Observer`."""
        source = self._sources.pop(feed, None)
        if source is None:
            return
        for track in source.tracks.values():
            track.close()
            self._attendance.leave(track)
        if self._heeds(source):
            self._broken = self._broken or outcome is not Outcome.COMPLETE
        if self._ends_at is None and not any(map(self._heeds, self._sources.values())):
            self._waiting.take_all()  # of a timeline that ended before it had a grid
            rules = self._rules
            if not self._broken:
                self._merger.finish(clean=True)
            patience = rules.linger if outcome is Outcome.COMPLETE else rules.absence
            self._ends_at = now + patience

    def tick(self, now: float) -> None:
        """Do what only time brings about."""
        if self._waiting:
            self._try_to_announce(now)
        if self._ends_at is not None and now >= self._ends_at:
            self._ends_at = None
            self._end(now)
        if self._farewell_until is not None and now >= self._farewell_until:
            self._farewell_until = None
            self._change(now)
        if self._periods and now >= self._noticed_at:
            for track in self.tracks.values():
                track.refuse(below=self._periods[-1].epoch.start_number)
        self._pass_by(now)
        horizon = now - self._rules.window
        for track in self.tracks.values():
            while (oldest := track.oldest_complete) is not None:
                young = oldest.chunks[-1].received_at >= horizon
                if young and self.bytes_held <= self._rules.window_bytes:
                    break
                track.drop_oldest()
        self._forget_periods(now)

    def drop_oldest(self) -> int:
        """Let the oldest segment go, or what waits to be in one; return the bytes that frees."""
        track = max(self.tracks.values(), key=lambda track: track.bytes_held, default=None)
        freed = 0 if track is None else track.drop_oldest()
        return freed or self._waiting.drop_oldest()

    def close(self) -> None:
        """The origin shuts down: nothing that grows looks complete."""
        for track in self.tracks.values():
            track.abandon()
        awaiting, self._awaiting = self._awaiting, {}
        for call in awaiting.values():
            call()

    # From arrivals to segments

    def _take(self, arrival: Arrival, now: float) -> None:
        track, at = arrival.track, arrival.at
        if self._runs.get(track) is not at.run:
            track.close()  # at its last whole chunk; what comes is of another timeline
            self._runs[track] = at.run
        period = self._period_of(at)
        if period is None or track.name not in period.members:
            self._waiting.add(arrival)
            self._try_to_announce(now)
        elif not self._renew(arrival, period, now) and not self._too_late(arrival, period, now):
            self._place(arrival, period, period.begins(arrival), now)

    def _period_of(self, at: Placement) -> Period | None:
        epoch = at.epoch
        if epoch is None:
            return None
        return next((p for p in reversed(self._periods) if p.epoch is epoch), None)

    def _strayed(self, arrival: Arrival) -> bool:
        """Whether a sparse track says what nobody can place: far ahead of the others, or when the
        event is over."""
        run = arrival.at.run
        ahead = arrival.starts_at - Fraction(run.end, NS) > AHEAD
        return arrival.track.is_sparse and (self.ended or (run.companion is not None and ahead))

    def _place(self, arrival: Arrival, period: Period, number: int | None, now: float) -> None:
        """Put a chunk into segment ``number``, which it begins, or into the growing one."""
        track, cut = arrival.track, arrival.cut
        if number is not None:
            period.open(arrival, number)
        elif track.growing is None:
            return  # nothing to start a segment with
        if track is period.leading and cut.random_access:
            self._key_frames.note(arrival.starts_at)
        track.append(arrival.chunk, cut.duration)
        self._merger.take(track, cut, arrival.at.run, arrival.starts_at, now)
        if period.members[track.name].note():
            self._change(now)

    def _renew(self, arrival: Arrival, period: Period, now: float) -> bool:
        """Open a new period where a segment of the leading track starts, if one is due: the clock
        has drifted, a track has come or gone, the rhythm of key frames has changed."""
        run, track, start = arrival.at.run, arrival.track, arrival.starts_at
        if period is not self._periods[-1] or run is not self.timeline.run:
            return False
        if not arrival.can_begin or period.begins(arrival) is None:
            return False
        alive = self._attendance.present(run, start, now)
        if track is not period.leader_of(alive):
            return False
        composed = alive == [member.track for member in period.members.values()]
        strays = track.is_video and period.grid.strays(start)
        if not run.due and composed and not strays and not period.misplaced(start):
            return False
        rhythm = period.rhythm
        if strays:
            rhythm = self._key_frames.broken(rhythm, start, now)
        self._waiting.add(arrival)
        self._announce(run, start, rhythm, alive, now)
        return True

    def _try_to_announce(self, now: float) -> None:
        """Open the first period of a run, once its timeline has settled and its rhythm is known."""
        run = self.timeline.run
        assert run is not None, "arrivals make runs"
        if run.epochs:
            return  # a newcomer: it waits for the next segment of the others
        self._waiting.keep_only(lambda arrival: arrival.at.run is run)
        if not self._waiting or not run.ready(self._utc.at(now)):
            return
        came = {arrival.track for arrival in self._waiting}
        tracks = sorted(came | self._attendance.sparse, key=lambda track: track.name)
        dense = [track for track in tracks if not track.is_sparse] or tracks
        leading = next((track for track in tracks if track.is_video), None)
        leads = dense if leading is None else [leading]
        begins = [a for a in self._waiting if a.can_begin and a.track in leads]
        rhythm = Rhythm.of_sound() if leading is None else self._first_rhythm(leading)
        if begins and rhythm is not None:
            self._announce(run, min(a.starts_at for a in begins), rhythm, tracks, now)

    def _first_rhythm(self, leading: Track) -> Rhythm | None:
        """Of an encoder that has just come, or come back; None while it is not known."""
        rhythm = Rhythm.of([arrival for arrival in self._waiting if arrival.track is leading])
        before = self._periods[-1] if self._periods else None
        if before is None or before.leading is not leading:
            return rhythm
        if rhythm is None:
            return before.rhythm  # if it does otherwise now, that shows
        return replace(rhythm, steady=rhythm.steady and before.rhythm.steady)

    def _announce(
        self, run: Run, start: Fraction, rhythm: Rhythm, tracks: list[Track], now: float
    ) -> None:
        """Open a period at ``start``, and place what waited for it."""
        last = max((track.last_number for track in self.tracks.values()), default=0)
        epoch = self.timeline.open(start, self._utc.at(now), last)
        before = self._periods[-1] if self._periods else None
        promised = 0
        if before is not None:
            promised = before.number_due(Fraction(self._utc.at(now)) + NOTICE)
            self._noticed_at = now + NOTICED_SECONDS
            before.end_before(epoch)
            if before.id != epoch.continues:
                before = None
                self._key_frames.begin()
        arrivals = self._waiting.take_all()
        target = self._rules.segment_target
        period = Period(epoch, rhythm, target, arrivals, tracks, before)
        self._periods.append(period)
        for track in tracks:
            track.inits[epoch.id] = track.init
            track.expect(epoch.start_number, promised)
        if self._by_track:
            self._merger.compose(tracks)
        for arrival in arrivals:
            where = self._period_of(arrival.at)
            if where is not None and arrival.track.name in where.members:
                self._place(arrival, where, where.begins(arrival), now)
        for track in tracks:
            self._close_if_full(track)
        self._change(now)
        awaiting, self._awaiting = self._awaiting, {}
        for call in awaiting.values():
            call()

    def _close_if_full(self, track: Track) -> None:
        """Whole segments are over when they are here, not when the next one begins."""
        last, growing = self._attendance.delivered(track), track.growing
        if last is None or growing is None:
            return
        period = self._period_of(last.at)
        if period is None or growing.epoch != period.id:
            return
        if period.grid.completes(growing.number, last):
            track.close()

    # What is sparse

    def _heeds(self, source: Source) -> bool:
        """Whether the event goes on with it: text and metadata alone do not keep one alive that had
        more."""
        return source.is_dense or all(track.is_sparse for track in self.tracks.values())

    def _passed(self, number: int, now: float) -> bool:
        """Whether a sparse track has nothing more to say in segment ``number``."""
        utc = Fraction(self._utc.at(now))
        of = (p for p in reversed(self._periods) if p.epoch.start_number <= number)
        period = next(of, None)
        return period is not None and period.is_past(number, utc - LATE)

    def _too_late(self, arrival: Arrival, period: Period, now: float) -> bool:
        """Whether players were told that there is nothing where a chunk belongs. If so, it goes
        where they have yet to look, unless the period is over."""
        number = period.begins(arrival)
        if number is None or not arrival.track.is_sparse or not self._passed(number, now):
            return False
        if period is self._periods[-1]:
            first = period.number_due(Fraction(self._utc.at(now)) - LATE) - 1
            self._place(arrival, period, first, now)
        return True

    def _pass_by(self, now: float) -> None:
        """Let nobody wait for what sparse tracks do not say."""
        if not self._periods:
            return
        past = self._periods[-1].number_due(Fraction(self._utc.at(now)) - LATE) - 1
        for track in self._attendance.sparse:
            if track.growing is not None and self._passed(track.growing.number, now):
                track.close()
            track.refuse(below=past)

    # Ends

    def _end(self, now: float) -> None:
        """The event is over: what is kept stays to be seen, with an end."""
        self._merger.finish(clean=False)
        self._waiting.take_all()
        self._runs = {}
        for track in self.tracks.values():
            track.close()
            track.refuse()
        if self._periods:
            self._periods[-1].ended_at = self._periods[-1].media_end
            self.ended = True
            self._farewell_until = now + FAREWELL
            self._change(now)

    def _forget_periods(self, now: float) -> None:
        """Let periods go that have no segment left: all of them, once the event is over."""
        changed = False
        while self._periods and (len(self._periods) > 1 or self.ended):
            oldest = self._periods[0].id
            if any(s.epoch == oldest for t in self.tracks.values() for s in t.segments.values()):
                break
            self._periods.popleft()
            changed = True
            for track in self.tracks.values():
                track.inits.pop(oldest, None)
        if changed and self._periods:
            self._change(now)
        if not self._periods and not self._sources:
            self.tracks.clear()

    def _change(self, now: float) -> None:
        self.revision += 1
        self._changed_at = Fraction(self._utc.at(now)).limit_denominator(1000)


def _track_name(feed: Feed, init: InitSegment, track_id: int) -> str:
    """What a track is called in URLs: as it was published, or after what it is."""
    if not feed.is_whole:
        return feed.track_name
    kind = init.by_id[track_id].kind
    alike = [track.track_id for track in init.tracks if track.kind == kind]
    return kind if len(alike) == 1 else f"{kind}-{alike.index(track_id) + 1}"
