"""What a channel's tracks add up to: periods on the wall clock, segments on a common grid.

    upload ─▶ TrackSplitter ─▶ Timeline ─▶ held until the timeline has settled and the grid is known
                                   └─────▶ Track.open / append: segments, closed at key frames

All tracks of a period share its grid (:mod:`~.grid`): video is cut at random access points,
everything else at the first chunk whose middle lies behind a line of it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.split import TrackSplitter, split_init
from sorgente.isobmff.upload import MediaChunk
from sorgente.media.arrival import Arrival, Waiting, moved
from sorgente.media.attendance import Attendance
from sorgente.media.catalogue import Catalogue
from sorgente.media.chunk import Chunk
from sorgente.media.events import Events
from sorgente.media.failover import Failover
from sorgente.media.fanout import Counters
from sorgente.media.feed import Feed
from sorgente.media.merger import Merger
from sorgente.media.period import Period
from sorgente.media.planner import Plan, Planner, by_name
from sorgente.media.publisher import Outcome
from sorgente.media.rhythm import KeyFrames
from sorgente.media.segment import Segment
from sorgente.media.snapshot import PresentationSnapshot
from sorgente.media.sparse import first_open, passed, strays
from sorgente.media.timeline import Epoch, Run, Timeline
from sorgente.media.track import Absence, Track
from sorgente.media.utc import UtcClock

LEAD: Final = 1
"""Seconds that tracks of uploads of their own are moved later, all alike: more than the priming of
any audio codec or the reordering of any video codec, which lead below zero (see ``split``)."""

FAREWELL: Final = 5.0
"""Seconds that a manifest of an event that is over keeps its timeline: until those who watch have
seen its end. Then it becomes one of a recording, on a timeline of its own (``dash.recording``)."""

AFTERWARDS: Final = Fraction(3)
"""Seconds more until the last player knows: a look at the manifest, one that was late, and what a
player asks for ahead. What the clock promises until then is empty: Shaka dies of a 404 when the
manifest is static."""

NOTICE: Final = 3
"""Seconds until all players have seen a new period: two looks at the manifest, and one that was
late. So long, the old one's segments are asked for."""

NOTICED_SECONDS: Final = 0.2
"""Until players have the manifest of a new period, which they are sent at once if they wait for it.
Requests that a period ends under are held so long: dash.js goes on to the next period at once if it
knows of it when the answer comes."""


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
        self._counters = counters
        self._catalogue = Catalogue(counters)
        self.tracks = self._catalogue.tracks
        """By name."""
        self.revision = 0
        self.ended = False
        self._rules = rules
        self._utc = utc
        self._merger = merger
        self._by_track = False
        """The tracks come in uploads of their own."""
        self._broken = False
        """One of them broke off."""
        self._changed_at = Fraction(0)
        self._sources: dict[Feed, Source] = {}
        self._runs: dict[Track, Run] = {}
        self._attendance = Attendance()
        self._waiting = Waiting(rules.window_bytes)
        self._failover = Failover()
        self._events = Events()
        self._periods: deque[Period] = deque()
        self._key_frames = KeyFrames()
        self._planner = Planner(
            self.timeline, self._attendance, self._waiting, self._key_frames, rules.latency_target
        )
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
    def changes_soon(self) -> bool:
        """The next manifest is as good as there: an encoder is away. Who has this one waits."""
        return bool(self._periods) and self._periods[-1].is_interrupted

    @property
    def held(self) -> int:
        """Requests that wait for what is next."""
        return len(self._awaiting) + sum(track.held for track in self.tracks.values())

    @property
    def bytes_held(self) -> int:
        """Memory of all segments, and of chunks that have none yet, in bytes."""
        return self._waiting.bytes_held + self._catalogue.bytes_held

    @property
    def newest_period(self) -> Period | None:
        """What is on the air, or was last."""
        return self._periods[-1] if self._periods else None

    @property
    def latency_target(self) -> Fraction | None:
        """Seconds that players are asked to aim at; None while there is nothing to announce."""
        period = self.newest_period
        return None if period is None else self._planner.latency_target(period)

    @property
    def key_frame_interval(self) -> Fraction | None:
        """Seconds between the newest two key frames of the leading track, as far as is known."""
        period = self.newest_period
        return self._key_frames.interval or (None if period is None else period.rhythm.longest)

    @property
    def drift(self) -> Fraction:
        """Seconds that media come later than announced, without jitter."""
        run = self.timeline.run
        return Fraction(0) if run is None else run.drift

    def snapshot(self) -> PresentationSnapshot | None:
        """For a manifest; None while there is nothing to announce."""
        if not self._periods:
            return None
        return PresentationSnapshot(
            channel=self.name,
            revision=self.revision,
            changed_at=self._changed_at,
            periods=self._events.snapshots(self._periods),
            window=Fraction(self._rules.window),
            latency_target=self._planner.latency_target(self._periods[-1]),
            ended=self.ended,
            farewell=self._farewell_until is not None,
        )

    def find(self, track: Track, number: int, now: float) -> Segment | Absence:
        """What a request for segment ``number`` of ``track`` meets."""
        due, utc = 0, self._utc_at(now)
        if self._periods and not self.ended:
            due = self._periods[-1].number_due(utc)
        found = track.find(number, due)
        if isinstance(found, Absence) and track.is_sparse and passed(number, self._periods, utc):
            return Absence.EMPTY
        awaited = now < self._noticed_at or self._failover.promises(track, number)
        return Absence.NEXT if found is Absence.EMPTY and awaited else found

    def due_in(self, number: int, now: float) -> float:
        """Seconds until segment ``number`` begins, by the clock; 0 if it should have begun."""
        if not self._periods:
            return 0.0
        start = self._periods[-1].starts_at(number)
        return max(0.0, float(start - self._utc_at(now)))

    def await_announcement(self, key: object, call: Callable[[], None]) -> None:
        """Call ``call`` with the next period, or when there will be none."""
        self._awaiting[key] = call

    def await_no_longer(self, key: object) -> None:
        """Whoever waited is gone."""
        self._awaiting.pop(key, None)

    # What comes in

    def describe(self, switching_sets: Mapping[str, str], now: float) -> None:
        """What tracks belong to, by their names; the init segment's own word counts for more."""
        if self._catalogue.describe(switching_sets):
            self._change(now)

    def opened(self, feed: Feed, init: InitSegment, now: float) -> None:
        """See :class:`~.feed.Observer`."""
        lead = None if feed.is_whole else LEAD
        self._by_track = not feed.is_whole
        tracks: dict[int, Track] = {}
        for track_id, alone in split_init(init).items():
            name = _track_name(feed, init, track_id)
            track, resumes = self._catalogue.enter(name, alone)
            self.timeline.begin(
                name, alone.leading_track.timescale, resumes=resumes, sparse=track.is_sparse
            )
            if not resumes:
                self._waiting.forget({track})  # of another init segment, which it has no more
            tracks[track_id] = track
            track.pulse.pause()
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
        cuts = source.splitter.split(media)
        at_once = Counter[int]()
        for cut in cuts:
            at_once[cut.track_id] += cut.duration
            if cut.unix_time is not None:
                source.tracks[cut.track_id].pulse.note_age(utc - cut.unix_time)
        for track_id, ticks in at_once.items():
            track = source.tracks[track_id]
            track.pulse.note(now, ticks / track.timescale)
        for cut in cuts:
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
            arrival = Arrival(track, at, cut, own, at_once[cut.track_id])
            if track.is_sparse and (self.ended or strays(arrival)):
                continue
            if track.is_sparse and self._events.note(arrival, now):
                self._change(now)
            self._attendance.note(arrival, now)
            self._take(arrival, now)
        if self.bytes_held > self._rules.window_bytes:
            self._expire(now)

    def delivered(self, feed: Feed, now: float) -> None:
        """See :class:`~.feed.Observer`."""
        for track in self._sources[feed].tracks.values():
            if self._attendance.deliver(track) and track.last_object > track.longest_chunk:
                track.longest_chunk = track.last_object
                if any(period.note(track) for period in self._periods):
                    self._change(now)
            self._close_if_full(track)

    def closed(self, feed: Feed, outcome: Outcome, now: float) -> None:
        """See :class:`~.feed.Observer`."""
        source = self._sources.pop(feed, None)
        if source is None:
            return
        for track in source.tracks.values():
            self._leave(track)
            self._attendance.leave(track)
            self.timeline.leave(track.name)
        self._stand_in(now)
        if self._sources:  # those who go on do not wait for its rhythm
            self._waiting.forget(set(source.tracks.values()))
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
            self._announce_first(now)
        self._stand_in(now)
        self._pass_by(now)
        if self._ends_at is not None and now >= self._ends_at:
            self._ends_at = None
            self._end(now)
        if self._farewell_until is not None and now >= self._farewell_until:
            self._farewell_until = None
            if self._periods:
                self._periods[-1].end(with_slates=False)
                self._change(now)
        if self._periods:
            self._failover.tick(self._periods[-1], self._utc_at(now))
        if self._periods and now >= self._noticed_at:
            for track in self.tracks.values():
                if track not in self._failover.played:
                    track.refuse(below=self._periods[-1].epoch.start_number)
        self._expire(now)
        self._forget_periods(now)
        self._forget_tracks()

    def conclude(self, now: float) -> None:
        """No encoder is awaited any longer: the event is over with the next tick."""
        if self._ends_at is not None:
            self._ends_at = now

    def drop_oldest(self) -> int:
        """Let the oldest segment go, or what waits to be in one; return the bytes that frees."""
        return self._catalogue.drop_oldest() or self._waiting.drop_oldest()

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
            self._leave(track)  # what comes is of another timeline
            self._runs[track] = at.run
        period = self._period_of(arrival.epoch)
        member = None if period is None else period.members.get(track.name)
        if period is None or member is None:
            self._waiting.add(arrival)
            self._announce_first(now)
            return
        member.returning = member.gone or member.slates > 0 or member.is_outdated
        plan = self._plan_behind(period, arrival, now)
        if plan is not None:
            self._waiting.add(arrival)
            self._announce(plan, now)
            return
        self._merger.take(arrival, now)
        if not member.returning:
            self._put(arrival, period, now)

    def _put(self, arrival: Arrival, period: Period, now: float) -> None:
        """Place a chunk that has just come. Where players were told that there is nothing, none
        comes: it goes where they have yet to look, unless the period is over."""
        number, utc = period.begins(arrival), self._utc_at(now)
        if number is not None and arrival.track.is_sparse and passed(number, self._periods, utc):
            if period is not self._periods[-1]:
                return
            number = first_open(period, utc)
        self._place(arrival, period, number, now)

    def _leave(self, track: Track) -> None:
        """Its upload, or its timeline, is over: a slate follows if there can be one, or its segment
        closes at its last whole chunk."""
        member = self._periods[-1].members.get(track.name) if self._periods else None
        if member is not None and member.slate is not None:
            member.gone = True
        elif track not in self._failover.played:
            track.close()

    def _stand_in(self, now: float) -> None:
        """Fill up what does not come."""
        if self._periods and self._periods[-1].ended_at is None:
            self._failover.fill(self._periods[-1], self._utc_at(now), now)

    def _period_of(self, epoch: Epoch | None) -> Period | None:
        if epoch is None:
            return None
        return next((p for p in reversed(self._periods) if p.epoch is epoch), None)

    def _place(self, arrival: Arrival, period: Period, number: int | None, now: float) -> None:
        """Put a chunk into segment ``number``, which it begins, or into the growing one."""
        track, cut = arrival.track, arrival.cut
        if number is not None:
            period.open(arrival, number)
        elif track.growing is None:
            return  # nothing to start a segment with
        if track is period.leading and cut.random_access:
            self._key_frames.note(arrival.presented_at)
        member = period.members[track.name]
        member.append(arrival)
        member.note_chunk(arrival)
        self._failover.hear(arrival, member.init, now)
        if member.note():
            self._change(now)

    def _plan_behind(self, period: Period, arrival: Arrival, now: float) -> Plan | None:
        """What is to follow ``period`` with ``arrival``; None: it goes on."""
        if period is not self._periods[-1]:
            return None
        return self._planner.next(period, arrival, now, self._utc_at(now))

    def _announce_first(self, now: float) -> None:
        """Open the period that what waits is to begin, if it is due."""
        newest = self._periods[-1] if self._periods else None
        plan = self._planner.first(newest, now, self._utc_at(now))
        if plan is not None:
            self._announce(plan, now)

    def _announce(self, plan: Plan, now: float) -> None:
        """Open a period, and place what waited for it."""
        run, tracks = plan.run, plan.tracks
        before = self._periods[-1] if self._periods else None
        promised = 0
        if before is not None:
            self._stand_in(now)
            tracks = by_name(tracks + before.stand_ins(tracks))
            promised = self._see_off(before, run, tracks, now)
        elif self._by_track:
            tracks = by_name(tracks + self._catalogue.silence_for(tracks))
        last = self._catalogue.last_number
        epoch = self.timeline.open(plan.start, self._utc.at(now), last)
        if before is not None:
            before.end_before(epoch)
        arrivals = [arrival for arrival in self._waiting.take_all() if arrival.at.run is run]
        target = self._rules.segment_target
        period = Period(run, epoch, plan.rhythm, target, arrivals, tracks, before)
        self._periods.append(period)
        self._counters.periods += 1
        for track in tracks:
            track.inits[epoch.id] = track.init
        stay = [] if before is None else period.take_over(before, tracks, promised)
        for track in self.tracks.values():
            if track not in stay:
                track.expect(epoch.start_number, promised)
        came = {arrival.track for arrival in arrivals} | self._attendance.here
        for member in period.members.values():
            member.gone = member.track not in came
        if self._by_track:
            self._merger.compose([track for track in tracks if track in came])
        for track in self.tracks.values():
            goes_on = track in tracks or track in self._failover.played
            if not goes_on or before is None or before.run is not run:
                track.close()
        self._place_waiting(arrivals, period, plan.start, now)
        self._stand_in(now)
        for track in tracks:
            self._close_if_full(track)
        self._change(now)
        awaiting, self._awaiting = self._awaiting, {}
        for call in awaiting.values():
            call()

    def _see_off(self, before: Period, run: Run, tracks: list[Track], now: float) -> int:
        """``tracks`` go on in another period. Returns the last number that players may ask
        ``before`` for until they know."""
        promised = before.number_due(self._utc_at(now) + NOTICE)
        self._noticed_at = now + NOTICED_SECONDS
        if before.run is run:
            self._failover.see_off(before, tracks, promised, now)
        else:
            self._failover.clear()
            self._key_frames.begin()
        return promised

    def _place_waiting(
        self, arrivals: list[Arrival], period: Period, start: Fraction, now: float
    ) -> None:
        """Put what waited for ``period`` where it belongs; ``start``: seconds on its run's
        timeline. What is merged begins with a picture."""
        keys = [a.starts_at for a in arrivals if a.track is period.leading and a.can_begin]
        for arrival in arrivals:
            if arrival.starts_at >= min(keys, default=start):
                self._merger.take(arrival, now)
            where = self._period_of(arrival.epoch)
            if where is not None and arrival.track.name in where.members:
                self._place(arrival, where, where.begins(arrival), now)

    def _close_if_full(self, track: Track) -> None:
        """Whole segments are over when they are here, not when the next one begins."""
        last, growing = self._attendance.delivered(track), track.growing
        period = None if last is None else self._period_of(last.at.epoch)
        if last is None or period is None or growing is None or growing.epoch != period.id:
            return
        if period.grid.completes(growing.number, last.ends_at, last.duration):
            track.close()

    # What is sparse

    def _heeds(self, source: Source) -> bool:
        """Whether the event goes on with it: text and metadata alone do not keep one alive that had
        more."""
        return source.is_dense or all(track.is_sparse for track in self.tracks.values())

    def _pass_by(self, now: float) -> None:
        """Let nobody wait for what sparse tracks do not say."""
        utc = self._utc_at(now)
        for track in self._attendance.sparse if self._periods else ():
            growing = track.growing
            if growing is not None and passed(growing.number, self._periods, utc):
                track.close()
            track.refuse(below=first_open(self._periods[-1], utc))

    # Ends

    def _end(self, now: float) -> None:
        """The event is over: what is kept stays to be seen, with an end."""
        self._merger.finish(clean=False)
        self._waiting.take_all()
        self._failover.clear()
        self._runs = {}
        promised = 0
        if self._periods:
            known = self._utc_at(now) + Fraction(FAREWELL) + AFTERWARDS
            promised = self._periods[-1].number_due(known)
        for track in self.tracks.values():
            track.finish(promised)
        if self._periods:
            self._periods[-1].end(with_slates=True)
            self.ended = True
            self._farewell_until = now + FAREWELL
            self._change(now)

    def _expire(self, now: float) -> None:
        """Let go what is more than the window allows."""
        left = self._rules.window_bytes - self._waiting.bytes_held
        self._catalogue.expire(now - self._rules.window, left)
        if self._events.expire(now - self._rules.window):
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

    def _forget_tracks(self) -> None:
        """Let tracks go that nobody sends and no period shows: there is no end of names."""
        used = {name for period in self._periods for name in period.members}
        used.update(t.name for source in self._sources.values() for t in source.tracks.values())
        used.update(arrival.track.name for arrival in self._waiting)
        for track in self._catalogue.forget_all_but(used):
            self._runs.pop(track, None)
            self.timeline.forget(track.name)

    def _utc_at(self, now: float) -> Fraction:
        """Seconds."""
        return Fraction(self._utc.at(now))

    def _change(self, now: float) -> None:
        self.revision += 1
        self._changed_at = self._utc_at(now).limit_denominator(1000)


def _track_name(feed: Feed, init: InitSegment, track_id: int) -> str:
    """What a track is called in URLs: as it was published, or after what it is."""
    if not feed.is_whole and len(init.tracks) == 1:
        return feed.track_name
    kind = init.by_id[track_id].kind
    alike = [track.track_id for track in init.tracks if track.kind == kind]
    name = kind if len(alike) == 1 else f"{kind}-{alike.index(track_id) + 1}"
    return name if feed.is_whole else f"{feed.track_name}-{name}"
