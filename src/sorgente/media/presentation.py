"""What a channel's tracks add up to: periods on the wall clock, segments on a common grid.

    upload ─▶ Source ─▶ Waiting, until the timeline has settled and the grid is known
                 │         ▼ Planner: a period
                 └────▶ Segmenter: segments, closed at key frames

All tracks of a period share its grid (:mod:`~.grid`): video is cut at random access points,
everything else at the first chunk whose middle lies behind a line of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.split import split_init
from sorgente.isobmff.upload import MediaChunk
from sorgente.media.arrival import Arrival
from sorgente.media.attendance import Attendance
from sorgente.media.catalogue import Catalogue
from sorgente.media.chunk import Chunk
from sorgente.media.ending import LAST_ONE_KNOWS, Ending
from sorgente.media.events import Events
from sorgente.media.failover import Failover
from sorgente.media.fanout import Counters
from sorgente.media.feed import Feed
from sorgente.media.merger import Merger
from sorgente.media.minimum import NS
from sorgente.media.period import Period
from sorgente.media.planner import Plan, Planner, by_name
from sorgente.media.publisher import Outcome
from sorgente.media.retention import Retention
from sorgente.media.rhythm import KeyFrames
from sorgente.media.run import Run
from sorgente.media.segment import Segment
from sorgente.media.segmenter import Segmenter
from sorgente.media.snapshot import PresentationSnapshot
from sorgente.media.source import Source, track_name
from sorgente.media.sparse import passed, strays
from sorgente.media.timeline import Timeline, least_window
from sorgente.media.track import Absence, Track
from sorgente.media.utc import UtcClock
from sorgente.media.waiting import Waiting

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
    """Seconds, at least: see :attr:`Presentation.depth`."""
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
        self.ending = Ending(rules.linger, rules.absence)
        self._rules = rules
        self._utc = utc
        self._merger = merger
        self._by_track = False
        """The tracks come in uploads of their own."""
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
        self._segmenter = Segmenter(
            self._periods, self._attendance, self._key_frames, self._failover
        )
        self.retention = Retention(
            rules.window_bytes,
            self._periods,
            self._catalogue,
            self._waiting,
            self._segmenter,
            self._sources,
        )
        self._noticed_at = 0.0
        """Seconds: when players will have seen the newest period."""
        self._awaiting: dict[object, Callable[[], None]] = {}

    # What there is

    @property
    def over(self) -> bool:
        """Nothing is here, and nothing is expected."""
        return not self._sources and not self._periods and not self._awaiting

    @property
    def ended(self) -> bool:
        """The event is over, and still to be seen."""
        return self.ending.over

    @property
    def changes_soon(self) -> bool:
        """The next manifest is as good as there: an encoder is away, or what has come waits to be
        announced. Who has this one waits."""
        return bool(self._periods) and (bool(self._waiting) or self._periods[-1].is_interrupted)

    @property
    def held(self) -> int:
        """Requests that wait for what is next."""
        return len(self._awaiting) + sum(track.held for track in self.tracks.values())

    @property
    def bytes_held(self) -> int:
        """Memory, in bytes."""
        return self.retention.bytes_held

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
    def depth(self) -> Fraction:
        """Seconds that are kept, and announced: the window; or more, if players need more to be as
        late as they are asked to, and to be told of the end while there is something left."""
        window, period = Fraction(self._rules.window), self.newest_period
        if period is None:
            return window
        least = least_window(period.segment_duration, self._planner.latency_target(period))
        return max(window, least, LAST_ONE_KNOWS)

    @property
    def key_frame_interval(self) -> Fraction | None:
        """Seconds between the newest two key frames of the leading track, as far as is known; since
        the newest, if one is missing."""
        period, run = self.newest_period, self.timeline.run
        known = self._key_frames.interval or (None if period is None else period.rhythm.longest)
        if not known or run is None or period is None or run is not period.run:
            return known
        return self._key_frames.missing(Fraction(run.end, NS), known) or known

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
            window=self.depth,
            latency_target=self._planner.latency_target(self._periods[-1]),
            ended=self.ended,
            farewell=self.ending.is_farewell,
        )

    def find(self, track: Track, number: int, now: float) -> Segment | Absence:
        """What a request for segment ``number`` of ``track`` meets."""
        due, utc = 0, self._utc_at(now)
        if self._periods and not self.ending.over:
            due = self._periods[-1].number_due(utc)
        found = track.find(number, due)
        if isinstance(found, Absence) and track.is_sparse and passed(number, self._periods, utc):
            return Absence.EMPTY
        awaited = now < self._noticed_at or self._failover.promises(track, number)
        return Absence.NEXT if found is Absence.EMPTY and awaited else found

    def due_in(self, number: int, now: float) -> float:
        """Seconds until the first chunk of segment ``number`` is due, by the clock; 0 if it should
        be there."""
        if not self._periods:
            return 0.0
        newest = self._periods[-1]
        first_chunk = newest.starts_at(number) + newest.chunk_duration
        return max(0.0, float(first_chunk - self._utc_at(now)))

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
        self._by_track = not feed.is_whole
        tracks: dict[int, Track] = {}
        for track_id, alone in split_init(init).items():
            name = track_name(feed, init, track_id)
            track, resumes = self._catalogue.enter(name, alone)
            self.timeline.begin(
                name, alone.leading_track.timescale, resumes=resumes, sparse=track.is_sparse
            )
            if not resumes:
                self._waiting.forget({track})  # of another init segment, which it has no more
            tracks[track_id] = track
            track.pulse.pause()
        if not self._sources:
            self.ending.broken = False
        source = Source(init, tracks, self.timeline, whole=feed.is_whole)
        self._sources[feed] = source
        self._attendance.expect(tracks.values())
        if self._heeds(source) and self.ending.call_off():
            self._change(now)

    def received(self, feed: Feed, media: MediaChunk, chunk: Chunk | None, now: float) -> None:
        """See :class:`~.feed.Observer`."""
        source = self._sources[feed]
        if source.note_events(media):
            self._change(now)
        segment = self._periods[-1].segment_duration if self._periods else None
        for arrival in source.arrivals(media, chunk, now, self._utc, segment):
            track = arrival.track
            if track.is_sparse and (self.ended or strays(arrival)):
                continue
            if track.is_sparse and self._events.note(arrival, now):
                self._change(now)
            self._attendance.note(arrival, now)
            self._take(arrival, now)
        if self.retention.is_full:
            self._expire(now)

    def delivered(self, feed: Feed, now: float) -> None:
        """See :class:`~.feed.Observer`."""
        for track in self._sources[feed].tracks.values():
            if self._attendance.deliver(track) and self._segmenter.note_object(track):
                self._change(now)
            self._segmenter.close_if_full(track)

    def closed(self, feed: Feed, outcome: Outcome, now: float) -> None:
        """See :class:`~.feed.Observer`."""
        if outcome is Outcome.COMPLETE and feed in self._sources and not self._periods:
            self._announce_only(self._sources[feed], now)
        source = self._sources.pop(feed, None)
        if source is None:
            return
        for track in source.tracks.values():
            self._segmenter.leave(track)
            self._attendance.leave(track)
            self.timeline.leave(track.name)
        self._segmenter.stand_in(self._utc_at(now), now)
        if self._sources:  # those who go on do not wait for its rhythm
            self._waiting.forget(set(source.tracks.values()))
        if self._heeds(source):
            self.ending.broken |= outcome is not Outcome.COMPLETE
        if not self.ending.is_near and not any(map(self._heeds, self._sources.values())):
            self._waiting.take_all()  # of a timeline that ended before it had a grid
            if not self.ending.broken:
                self._merger.finish(clean=True)
            self.ending.expect(outcome, now)

    def tick(self, now: float) -> None:
        """Do what only time brings about."""
        if self._waiting:
            self._announce_first(now)
        utc = self._utc_at(now)
        self._segmenter.stand_in(utc, now)
        self._segmenter.pass_by(utc)
        if self.ending.comes(now):
            self._end(now)
        if self.ending.is_known(now) and self._periods:
            self._periods[-1].end(with_slates=False)
            self._change(now)
        if self._periods:
            self._failover.tick(self._periods[-1], utc)
        if self._periods and now >= self._noticed_at:
            for track in self.tracks.values():
                if track not in self._failover.played:
                    track.refuse(below=self._periods[-1].epoch.start_number)
        self._expire(now)
        if self.retention.forget_periods(all_of_them=self.ended) and self._periods:
            self._change(now)
        self._forget_tracks()

    def conclude(self, now: float) -> None:
        """No encoder is awaited any longer: the event is over with the next tick."""
        self.ending.hasten(now)

    def close(self) -> None:
        """The origin shuts down: nothing that grows looks complete."""
        for track in self.tracks.values():
            track.abandon()
        awaiting, self._awaiting = self._awaiting, {}
        for call in awaiting.values():
            call()

    # From arrivals to periods

    def _take(self, arrival: Arrival, now: float) -> None:
        track, at = arrival.track, arrival.at
        if self._runs.get(track) is not at.run:
            self._segmenter.leave(track)  # what comes is of another timeline
            self._runs[track] = at.run
        period = self._segmenter.period_of(arrival.epoch)
        member = None if period is None else period.members.get(track.name)
        if period is None or member is None:
            if period in (None, self.newest_period):  # one that is over goes on without it
                self._waiting.add(arrival)
                self._announce_first(now)
            return
        member.returning = member.is_away or member.is_outdated
        plan = self._plan_behind(period, arrival, now)
        if plan is not None:
            self._waiting.add(arrival)
            self._announce(plan, now)
            return
        self._merger.take(arrival, now)
        if member.returning:
            return
        if self._segmenter.put(arrival, period, self._utc.at(now), now):
            self._change(now)

    def _plan_behind(self, period: Period, arrival: Arrival, now: float) -> Plan | None:
        """What is to follow ``period`` with ``arrival``; None: it goes on."""
        if period is not self._periods[-1]:
            return None
        return self._planner.next(period, arrival, now, self._utc.at(now))

    def _announce_first(self, now: float) -> None:
        """Open the period that what waits is to begin, if it is due."""
        newest = self._periods[-1] if self._periods else None
        plan = self._planner.first(newest, now, self._utc_at(now))
        if plan is not None:
            self._announce(plan, now)

    def _announce_only(self, source: Source, now: float) -> None:
        """Open a period for an event that is as good as over, with ``source``, before it was
        announced: one group of pictures may be all there is of it."""
        plan = self._planner.only(set(source.tracks.values()))
        if plan is not None:
            self._announce(plan, now)
            self._expire(now)  # of what stands in until now, if it waited for long

    def _announce(self, plan: Plan, now: float) -> None:
        """Open a period, and place what waited for it."""
        run, tracks = plan.run, plan.tracks
        before = self._periods[-1] if self._periods else None
        promised = 0
        if before is not None:
            self._segmenter.stand_in(self._utc_at(now), now)
            tracks = by_name(tracks + before.stand_ins(tracks))
            promised = self._see_off(before, run, tracks, now)
        elif self._by_track:
            tracks = by_name(tracks + self._catalogue.silence_for(tracks))
        # What the one before has promised stays its own: short segments outrun the numbers.
        last = max(self._catalogue.last_number, promised)
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
        self._segmenter.stand_in(self._utc_at(now), now)
        for track in tracks:
            self._segmenter.close_if_full(track)
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
        begin = min(keys, default=start)
        for arrival in arrivals:
            if arrival.starts_at >= begin:
                self._merger.take(arrival, now)
            if self._segmenter.put_waiting(arrival, now):
                self._change(now)

    def _heeds(self, source: Source) -> bool:
        """Whether the event goes on with it: text and metadata alone do not keep one alive that had
        more."""
        return source.is_dense or all(track.is_sparse for track in self.tracks.values())

    # Ends

    def _end(self, now: float) -> None:
        """The event is over: what is kept stays to be seen, with an end."""
        self._merger.finish(clean=False)
        self._waiting.take_all()
        self._failover.clear()
        self._runs = {}
        promised = 0
        if self._periods:
            known = self._utc_at(now) + LAST_ONE_KNOWS
            promised = self._periods[-1].number_due(known)
        for track in self.tracks.values():
            track.finish(promised)
        if self._periods:
            self._periods[-1].end(with_slates=True)
            self.ending.begin(now)
            self._change(now)

    def _expire(self, now: float) -> None:
        """Let go what is more than the window allows."""
        horizon = now - float(self.depth)
        self.retention.expire(horizon)
        if self._events.expire(horizon):
            self._change(now)

    def _forget_tracks(self) -> None:
        """Let tracks go that nobody sends and no period shows: there is no end of names."""
        used = {name for period in self._periods for name in period.members}
        used.update(t.name for source in self._sources.values() for t in source.tracks.values())
        used.update(track.name for track in self._waiting.tracks)
        for track in self._catalogue.forget_all_but(used):
            self._runs.pop(track, None)
            self.timeline.forget(track.name)

    def _utc_at(self, now: float) -> Fraction:
        """Seconds."""
        return Fraction(self._utc.at(now))

    def _change(self, now: float) -> None:
        self.revision += 1
        self._changed_at = self._utc_at(now).limit_denominator(1000)
