"""What a channel's tracks add up to: periods on the wall clock, segments on a common grid.

    upload ─▶ TrackSplitter ─▶ Timeline ─▶ held until the timeline has settled and the grid is known
                                   └─────▶ Track.open / append: segments, closed at key frames

All tracks of a period share its grid (:mod:`~.grid`): video is cut at random access points,
everything else at the first chunk whose middle lies behind a line of it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from typing import Final

from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.silence import silent_init
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
from sorgente.media.slate import on_time, slates, wanted
from sorgente.media.snapshot import PresentationSnapshot
from sorgente.media.sparse import first_open, passed, strays
from sorgente.media.timeline import Placement, Run, Timeline, latency_target
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

SILENT_TRACK: Final = "silence"
"""The name of a track that is silent for want of one with sound."""

MAX_DESCRIBED: Final = 256
"""Tracks whose switching set is remembered: more than any channel has."""


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
        """By names of tracks, as manifests that were posted say."""
        self._sources: dict[Feed, Source] = {}
        self._runs: dict[Track, Run] = {}
        self._attendance = Attendance()
        self._waiting = Waiting(rules.window_bytes)
        self._periods: deque[Period] = deque()
        self._key_frames = KeyFrames()
        self._last_number = 0
        """The highest that a segment of a forgotten track has had."""
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
    def _latency_target(self) -> Fraction:
        """Seconds; there is a period."""
        newest = self._periods[-1]
        wanted = self._rules.latency_target
        return wanted or latency_target(newest.segment_duration, newest.chunk_duration)

    @property
    def _shows_slates(self) -> bool:
        return bool(self._periods) and any(m.slates for m in self._periods[-1].members.values())

    @property
    def changes_soon(self) -> bool:
        """The next manifest is as good as there: an encoder is away. Who has this one waits."""
        if not self._periods or self._periods[-1].ended_at is not None:
            return False
        return any(member.gone or member.slates for member in self._periods[-1].members.values())

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
        return PresentationSnapshot(
            channel=self.name,
            revision=self.revision,
            changed_at=self._changed_at,
            periods=tuple(period.snapshot() for period in self._periods),
            window=Fraction(self._rules.window),
            latency_target=self._latency_target,
            ended=self.ended,
            farewell=self._farewell_until is not None,
        )

    def find(self, track: Track, number: int, now: float) -> Segment | Absence:
        """What a request for segment ``number`` of ``track`` meets."""
        due, utc = 0, Fraction(self._utc.at(now))
        if self._periods and not self.ended:
            due = self._periods[-1].number_due(utc)
        found = track.find(number, due)
        if isinstance(found, Absence) and track.is_sparse and passed(number, self._periods, utc):
            return Absence.EMPTY
        return Absence.NEXT if found is Absence.EMPTY and now < self._noticed_at else found

    def due_in(self, number: int, now: float) -> float:
        """Seconds until segment ``number`` begins, by the clock; 0 if it should have begun."""
        if not self._periods:
            return 0.0
        start = self._periods[-1].starts_at(number)
        return max(0.0, float(start - Fraction(self._utc.at(now))))

    def await_announcement(self, key: object, call: Callable[[], None]) -> None:
        """Call ``call`` with the next period, or when there will be none."""
        self._awaiting[key] = call

    def await_no_longer(self, key: object) -> None:
        """Whoever waited is gone."""
        self._awaiting.pop(key, None)

    # What comes in

    def describe(self, switching_sets: Mapping[str, str], now: float) -> None:
        """What tracks belong to, by their names; the init segment's own word counts for more."""
        told = {**self._switching_sets, **switching_sets}
        self._switching_sets = dict(list(told.items())[-MAX_DESCRIBED:])
        joined = [track for track in self.tracks.values() if self._join_set(track)]
        if joined:
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
        cuts = source.splitter.split(media)
        at_once = Counter[int]()
        for cut in cuts:
            at_once[cut.track_id] += cut.duration
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
        self._show_slates(now)
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
        self._show_slates(now)
        self._pass_by(now)
        if self._ends_at is not None and now >= self._ends_at:
            self._ends_at = None
            self._end(now)
        if self._farewell_until is not None and now >= self._farewell_until:
            self._farewell_until = None
            if self._periods:
                self._periods[-1].end(with_slates=False)
                self._change(now)
        if self._periods and now >= self._noticed_at:
            for track in self.tracks.values():
                track.refuse(below=self._periods[-1].epoch.start_number)
        self._expire(now)
        self._forget_periods(now)
        self._forget_tracks()

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
            self._leave(track)  # what comes is of another timeline
            self._runs[track] = at.run
        period = self._period_of(at)
        member = None if period is None else period.members.get(track.name)
        if period is None or member is None:
            self._waiting.add(arrival)
            self._try_to_announce(now)
            return
        member.returning = member.gone or member.slates > 0
        if self._renew(arrival, period, now):
            return
        self._merger.take(arrival, now)
        if not member.returning:
            self._put(arrival, period, now)

    def _put(self, arrival: Arrival, period: Period, now: float) -> None:
        """Place a chunk that has just come. Where players were told that there is nothing, none
        comes: it goes where they have yet to look, unless the period is over."""
        number, utc = period.begins(arrival), Fraction(self._utc.at(now))
        if number is not None and arrival.track.is_sparse and passed(number, self._periods, utc):
            if period is not self._periods[-1]:
                return
            number = first_open(period, utc)
        self._place(arrival, period, number, now)

    def _leave(self, track: Track) -> None:
        """Its upload, or its timeline, is over: a slate follows if there can be one, or its segment
        closes at its last whole chunk."""
        member = self._periods[-1].members.get(track.name) if self._periods else None
        if member is None or member.slate is None:
            track.close()
        else:
            member.gone = True

    def _show_slates(self, now: float) -> None:
        """Stand in for what does not come."""
        if not self._periods or self._periods[-1].ended_at is not None:
            return
        period, utc = self._periods[-1], Fraction(self._utc.at(now))
        for member in period.members.values():
            if not wanted(member, period, utc):
                continue
            for arrival in slates(member, period, utc, now):
                member.slates += 1
                number = period.begins(arrival)
                if number is not None:
                    period.open(arrival, number)
                if member.track.growing is None:
                    break  # it never had a segment
                member.track.append(arrival.chunk, arrival.cut.duration)
                member.end = arrival.cut.end_time

    def _period_of(self, at: Placement) -> Period | None:
        epoch = at.epoch
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
            self._key_frames.note(arrival.starts_at)
        member = period.members[track.name]
        track.append(arrival.chunk, cut.duration, at_once=arrival.at_once)
        member.note_chunk(arrival)
        if member.note():
            self._change(now)

    def _renew(self, arrival: Arrival, period: Period, now: float) -> bool:
        """Open a new period where a segment of the leading track starts, if one is due: the clock
        has drifted, a track has come or gone or is back, the rhythm of key frames has changed."""
        run, track, start = arrival.at.run, arrival.track, arrival.starts_at
        if period is not self._periods[-1] or run is not self.timeline.run:
            return False
        heard = self._attendance.present(run, start, now)
        alive = _by_name(heard.union(period.stand_ins(heard)))
        if not arrival.can_begin or track is not period.leader_of(alive):
            return False
        back = period.members[track.name].returning
        if not back and period.begins(arrival) is None:
            return False
        if back and not run.due and not on_time(arrival, period, Fraction(self._utc.at(now))):
            return False
        members = period.members.values()
        composed = alive == [member.track for member in members]
        returned = any(member.returning for member in members)
        strays = not back and track.is_video and period.grid.strays(start)
        if composed and not (run.due or returned or strays or period.misplaced(start)):
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
        tracks = _by_name({arrival.track for arrival in self._waiting} | self._attendance.sparse)
        if self._periods and not set(self._periods[-1].going_on) <= set(tracks):
            return  # one track began anew; the others follow at a random access point
        leading = next((track for track in tracks if track.is_video), None)
        rhythm = Rhythm.of_sound() if leading is None else self._first_rhythm(leading)
        leads = [leading] if leading else [t for t in tracks if not t.is_sparse] or tracks
        start = self._first_start(run, leads, now)
        if start is not None and rhythm is not None:
            self._announce(run, start, rhythm, tracks, now)

    def _first_start(self, run: Run, leads: list[Track], now: float) -> Fraction | None:
        """Seconds on the run's timeline where its first period may start; None: not yet.

        At the first chunk that can begin a segment; but if slates are shown, at one that has just
        come: players go on with what they have decoded, slates too, until the next key picture
        behind the start (Chromium's ``SourceBufferStream``).
        """
        starts = [a.starts_at for a in self._waiting if a.can_begin and a.track in leads]
        if not self._shows_slates:
            return min(starts, default=None)
        edge = Fraction(self._utc.at(now)) - Fraction(run.offset, NS)
        newest = max(starts, default=None)
        late = newest is None or edge - newest > self._latency_target
        return None if late else newest

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
        last = max([self._last_number, *(track.last_number for track in self.tracks.values())])
        epoch = self.timeline.open(start, self._utc.at(now), last)
        before = self._periods[-1] if self._periods else None
        promised = 0
        if before is not None:
            self._show_slates(now)
            promised = before.number_due(Fraction(self._utc.at(now)) + NOTICE)
            self._noticed_at = now + NOTICED_SECONDS
            before.end_before(epoch)
            if before.run is not run:
                self._key_frames.begin()
            tracks = _by_name(tracks + before.stand_ins(tracks))
        elif self._by_track:
            tracks = _by_name(tracks + self._silence_for(tracks))
        arrivals = self._waiting.take_all()
        target = self._rules.segment_target
        period = Period(run, epoch, rhythm, target, arrivals, tracks, before)
        self._periods.append(period)
        for track in tracks:
            track.inits[epoch.id] = track.init
        for track in self.tracks.values():
            track.expect(epoch.start_number, promised)
        came = {arrival.track for arrival in arrivals} | self._attendance.here
        for member in period.members.values():
            member.gone = member.track not in came
        if self._by_track:
            self._merger.compose([track for track in tracks if track in came])
        for track in self.tracks.values():
            if track not in tracks or before is None or before.run is not run:
                track.close()
        keys = [a.starts_at for a in arrivals if a.track is period.leading and a.can_begin]
        for arrival in arrivals:
            if arrival.starts_at >= min(keys, default=start):
                self._merger.take(arrival, now)
            where = self._period_of(arrival.at)
            if where is not None and arrival.track.name in where.members:
                self._place(arrival, where, where.begins(arrival), now)
        self._show_slates(now)
        for track in tracks:
            self._close_if_full(track)
        self._change(now)
        awaiting, self._awaiting = self._awaiting, {}
        for call in awaiting.values():
            call()

    def _silence_for(self, tracks: list[Track]) -> list[Track]:
        """A track of silence where there is no other sound: some may come later."""
        dense = [track for track in tracks if not track.is_sparse]
        if not dense or SILENT_TRACK in self.tracks or any(t.kind == "audio" for t in dense):
            return []
        silent = Track(SILENT_TRACK, silent_init(), self._counters)
        self.tracks[SILENT_TRACK] = silent
        return [silent]

    def _close_if_full(self, track: Track) -> None:
        """Whole segments are over when they are here, not when the next one begins."""
        last, growing = self._attendance.delivered(track), track.growing
        period = None if last is None else self._period_of(last.at)
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
        utc = Fraction(self._utc.at(now))
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
        self._runs = {}
        promised = 0
        if self._periods:
            known = Fraction(self._utc.at(now)) + Fraction(FAREWELL) + AFTERWARDS
            promised = self._periods[-1].number_due(known)
        for track in self.tracks.values():
            track.finish(promised)
        if self._periods:
            self._periods[-1].end(with_slates=True)
            self.ended = True
            self._farewell_until = now + FAREWELL
            self._change(now)

    def _expire(self, now: float) -> None:
        """Let the oldest segments go, of whatever track, that are more than the window allows."""
        horizon = now - self._rules.window
        while self.tracks:
            track = min(self.tracks.values(), key=_oldest_received_at)
            young = _oldest_received_at(track) >= horizon
            if young and self.bytes_held <= self._rules.window_bytes:
                break
            if not track.drop_oldest():
                break

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
        for track in [track for track in self.tracks.values() if track.name not in used]:
            del self.tracks[track.name]
            self._runs.pop(track, None)
            self.timeline.forget(track.name)
            self._last_number = max(self._last_number, track.last_number)
            track.refuse()

    def _change(self, now: float) -> None:
        self.revision += 1
        self._changed_at = Fraction(self._utc.at(now)).limit_denominator(1000)


def _by_name(tracks: Iterable[Track]) -> list[Track]:
    return sorted(tracks, key=lambda track: track.name)


def _oldest_received_at(track: Track) -> float:
    """Seconds: when the last chunk of the oldest segment came that may go."""
    oldest = track.oldest_complete
    return inf if oldest is None else oldest.chunks[-1].received_at


def _track_name(feed: Feed, init: InitSegment, track_id: int) -> str:
    """What a track is called in URLs: as it was published, or after what it is."""
    if not feed.is_whole and len(init.tracks) == 1:
        return feed.track_name
    kind = init.by_id[track_id].kind
    alike = [track.track_id for track in init.tracks if track.kind == kind]
    name = kind if len(alike) == 1 else f"{kind}-{alike.index(track_id) + 1}"
    return name if feed.is_whole else f"{feed.track_name}-{name}"
