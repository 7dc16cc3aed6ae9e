"""When the next period is due, where it starts, and which tracks it is made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from sorgente.media.arrival import Arrival
from sorgente.media.attendance import Attendance
from sorgente.media.minimum import NS
from sorgente.media.period import Period
from sorgente.media.rhythm import KeyFrames, Rhythm
from sorgente.media.run import Run
from sorgente.media.slate import on_time, wanted
from sorgente.media.timeline import Timeline, latency_target, least_target
from sorgente.media.track import Track
from sorgente.media.waiting import Strand, Waiting


@dataclass(frozen=True, slots=True)
class Plan:
    """A period that is due."""

    run: Run
    start: Fraction
    """Seconds on the run's timeline."""
    rhythm: Rhythm
    tracks: list[Track]
    """By name; those that stand in for others not among them."""


class Planner:
    """See the module. Looks at what others keep; all it changes is what waits in vain."""

    def __init__(
        self,
        timeline: Timeline,
        attendance: Attendance,
        waiting: Waiting,
        key_frames: KeyFrames,
        latency: Fraction | None,
    ) -> None:
        """``latency``: seconds that players are to be behind, if the operator says so."""
        self._timeline = timeline
        self._attendance = attendance
        self._waiting = waiting
        self._key_frames = key_frames
        self._latency = latency

    def latency_target(self, period: Period) -> Fraction:
        """Seconds that players of ``period`` are to be behind what comes in.

        An operator counts from the encoder. What that has used up (so it says: its clock may be
        wrong) is made up for as far as players are known to get by, and no further.
        """
        segment, chunk = period.segment_duration, period.chunk_duration
        usual, asked = latency_target(segment, chunk), self._latency
        if asked is None:
            return usual
        left = max(asked - period.epoch.encoder_delay, min(asked, usual))
        return max(left, least_target(segment, chunk))

    def next(self, newest: Period, arrival: Arrival, now: float, utc: float) -> Plan | None:
        """The period to open with ``arrival``, where a segment of the leading track starts, if one
        is due: the clock has drifted, a track has come or gone or is back, the rhythm of key frames
        has changed. ``utc``: seconds."""
        run, track, leading = arrival.at.run, arrival.track, newest.leading
        if run is not self._timeline.run or not arrival.can_begin:
            return None
        start = arrival.presented_at
        if track is not leading and self._attendance.is_present(leading, run, start, now):
            return None  # nearly every chunk of sound: what follows is for the others
        heard = self._attendance.present(run, start, now)
        if not _has_pictures(newest, heard):
            heard = {track for track in heard if not track.is_video}  # see `_led_anew`
        alive = by_name(heard.union(newest.stand_ins(heard)))
        if track is not newest.leader_of(alive):
            return None
        leader = newest.members[track.name]
        back = leader.returning
        if not back and newest.begins(arrival) is None:
            return None
        if back and not run.due and not on_time(arrival, newest, Fraction(utc)):
            return None
        members = newest.members.values()
        composed = alive == [member.track for member in members]
        returned = any(member.returning for member in members)
        was_away = back and not leader.cut  # for how long says nothing of its rhythm
        strays = not was_away and track.is_video and newest.grid.strays(start)
        if composed and not (run.due or returned or strays or newest.misplaced(start)):
            return None
        rhythm = newest.rhythm
        if strays:
            rhythm = self._key_frames.broken(rhythm, start, now)
        return Plan(run, start, rhythm, alive)

    def first(self, newest: Period | None, now: float, utc: Fraction) -> Plan | None:
        """The first period of a run, once its timeline has settled and its rhythm is known."""
        run = self._timeline.run
        assert run is not None, "arrivals make runs"
        self._waiting.keep_only(self._timeline.undecided | {run})
        strands = self._waiting.of(run)
        if newest is not None and run.epochs and self._is_followed(run, newest, strands, now):
            return self._led_anew(run, newest, strands, now, utc)
        if not strands or not run.ready(float(utc)):
            return None
        tracks = by_name(strands.keys() | self._attendance.sparse)
        if newest is not None and not _going_on(newest, utc) <= set(tracks):
            return None  # one track began anew; the others follow at a random access point
        leading = next((track for track in tracks if track.is_video), None)
        leads = [leading] if leading else [t for t in tracks if not t.is_sparse] or tracks
        led = [strands[track] for track in leads if track in strands]
        start = self._first_start(run, newest, led, utc)
        if start is None:
            return None
        if leading is None:
            dense = [track for track in leads if not track.is_sparse]
            rhythm: Rhythm | None = Rhythm.of_sound(self._waiting.chunks(run, dense))
        else:
            rhythm = _first_rhythm(leading, self._rhythm(run, leading), newest)
        return None if rhythm is None else Plan(run, start, rhythm, tracks)

    def only(self, ended: Collection[Track]) -> Plan | None:
        """The first period of an event of which ``ended`` has come to its end, while a second key
        picture was awaited. What there is is a group."""
        run = self._timeline.run
        strands = {} if run is None else self._waiting.of(run)
        if run is None or not strands.keys() & set(ended):
            return None
        tracks = by_name(strands.keys() | self._attendance.sparse)
        leading = next((track for track in tracks if track.is_video), None)
        led = [] if leading is None else self._waiting.chunks(run, [leading])
        keys = [arrival for arrival in led if arrival.can_begin]
        if not keys:
            return None
        begins = min(key.starts_at for key in keys)
        group = sum((a.duration for a in led if a.starts_at >= begins), Fraction(0))
        rhythm = Rhythm.of(led) or (Rhythm(group, group, steady=True) if group else None)
        start = min(key.presented_at for key in keys)
        return None if rhythm is None else Plan(run, start, rhythm, tracks)

    def _is_followed(
        self, run: Run, newest: Period, strands: Mapping[Track, Strand], now: float
    ) -> bool:
        """Whether a track of the newest period is still sent, so that its segments go on."""
        present = self._attendance.present(run, _latest(strands), now)
        members = newest.members.values()
        return any(m.track in present and not m.track.is_sparse for m in members)

    def _led_anew(
        self, run: Run, newest: Period, strands: Mapping[Track, Strand], now: float, utc: Fraction
    ) -> Plan | None:
        """Newcomers wait for the next segment of the others: see `next`. But pictures, where there
        are none any more, lead from their first key picture on."""
        heard = self._attendance.present(run, _latest(strands), now)
        pictures = [track for track in strands if track.is_video]
        if not pictures or _has_pictures(newest, heard):
            return None
        leading = by_name(pictures)[0]
        start = self._first_start(run, newest, [strands[leading]], utc)
        if start is None:
            return None
        rhythm = self._rhythm(run, leading) or (newest.rhythm if newest.leading.is_video else None)
        return None if rhythm is None else Plan(run, start, rhythm, by_name(heard | {leading}))

    def _rhythm(self, run: Run, leading: Track) -> Rhythm | None:
        """Of what waits of one track; None with less than two key frames, and only these have been
        counted then."""
        if len(self._waiting.of(run)[leading].keys) < 2:
            return None
        return Rhythm.of(self._waiting.chunks(run, [leading]))

    def _first_start(
        self, run: Run, newest: Period | None, led: Sequence[Strand], utc: Fraction
    ) -> Fraction | None:
        """Seconds on the run's timeline where its first period may start; None: not yet.

        At the first chunk that can begin a segment; but if slates are shown, at one that has just
        come: players go on with what they have decoded, slates too, until the next key picture
        behind the start (Chromium's ``SourceBufferStream``). Likewise behind a period of the run.
        """
        keys = [strand.keys for strand in led if strand.keys]
        if newest is None or not (newest.shows_slates or run.epochs):
            return min((each[0].presented_at for each in keys), default=None)
        edge = utc - Fraction(run.offset, NS)
        latest = max((each[-1].presented_at for each in keys), default=None)
        late = latest is None or edge - latest > self.latency_target(newest)
        return None if late else latest


def _latest(strands: Mapping[Track, Strand]) -> Fraction:
    return max((strand.latest for strand in strands.values()), default=Fraction(0))


def _going_on(newest: Period, utc: Fraction) -> set[Track]:
    """Tracks of ``newest`` whose encoders are there: they write segments, and these are no slates;
    nor would they be, if there could be any. Sparse ones are not waited for."""
    return {
        member.track
        for member in newest.members.values()
        if not (member.track.is_sparse or wanted(member, newest, utc))
        and member.track.growing is not None
    }


def _has_pictures(newest: Period, heard: Collection[Track]) -> bool:
    """Whether a track of ``newest`` that is there has pictures."""
    return any(track.is_video and track.name in newest.members for track in heard)


def _first_rhythm(leading: Track, rhythm: Rhythm | None, newest: Period | None) -> Rhythm | None:
    """Of an encoder that has just come, or come back, and shows ``rhythm``; None while it is not
    known."""
    if newest is None or newest.leading is not leading:
        return rhythm
    if rhythm is None:
        return newest.rhythm  # if it does otherwise now, that shows
    return replace(rhythm, steady=rhythm.steady and newest.rhythm.steady)


def by_name(tracks: Iterable[Track]) -> list[Track]:
    """In the order that manifests show them in."""
    return sorted(tracks, key=lambda track: track.name)
