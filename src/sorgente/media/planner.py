"""When the next period is due, where it starts, and which tracks it is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from sorgente.media.arrival import Arrival, Waiting
from sorgente.media.attendance import Attendance
from sorgente.media.minimum import NS
from sorgente.media.period import Period
from sorgente.media.rhythm import KeyFrames, Rhythm
from sorgente.media.slate import on_time
from sorgente.media.timeline import Run, Timeline, latency_target
from sorgente.media.track import Track


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
        """Seconds that players of ``period`` are to be behind the encoder."""
        return self._latency or latency_target(period.segment_duration, period.chunk_duration)

    def next(self, newest: Period, arrival: Arrival, now: float, utc: Fraction) -> Plan | None:
        """The period to open with ``arrival``, where a segment of the leading track starts, if one
        is due: the clock has drifted, a track has come or gone or is back, the rhythm of key frames
        has changed."""
        run, track, start = arrival.at.run, arrival.track, arrival.presented_at
        if run is not self._timeline.run:
            return None
        heard = self._attendance.present(run, start, now)
        alive = by_name(heard.union(newest.stand_ins(heard)))
        if not arrival.can_begin or track is not newest.leader_of(alive):
            return None
        back = newest.members[track.name].returning
        if not back and newest.begins(arrival) is None:
            return None
        if back and not run.due and not on_time(arrival, newest, utc):
            return None
        members = newest.members.values()
        composed = alive == [member.track for member in members]
        returned = any(member.returning for member in members)
        strays = not back and track.is_video and newest.grid.strays(start)
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
        if run.epochs and self._is_followed(run, newest, now):
            return None  # a newcomer: it waits for the next segment of the others
        self._waiting.keep_only(lambda arrival: arrival.at.run is run)
        if not self._waiting or not run.ready(float(utc)):
            return None
        tracks = by_name({arrival.track for arrival in self._waiting} | self._attendance.sparse)
        if newest is not None and not set(newest.going_on) <= set(tracks):
            return None  # one track began anew; the others follow at a random access point
        leading = next((track for track in tracks if track.is_video), None)
        rhythm = Rhythm.of_sound() if leading is None else self._first_rhythm(leading, newest)
        leads = [leading] if leading else [t for t in tracks if not t.is_sparse] or tracks
        start = self._first_start(run, newest, leads, utc)
        return None if start is None or rhythm is None else Plan(run, start, rhythm, tracks)

    def _is_followed(self, run: Run, newest: Period | None, now: float) -> bool:
        """Whether a track of the newest period is still sent, so that its segments go on."""
        latest = max((arrival.starts_at for arrival in self._waiting), default=Fraction(0))
        present = self._attendance.present(run, latest, now)
        members = newest.members.values() if newest is not None else ()
        return any(m.track in present and not m.track.is_sparse for m in members)

    def _first_start(
        self, run: Run, newest: Period | None, leads: list[Track], utc: Fraction
    ) -> Fraction | None:
        """Seconds on the run's timeline where its first period may start; None: not yet.

        At the first chunk that can begin a segment; but if slates are shown, at one that has just
        come: players go on with what they have decoded, slates too, until the next key picture
        behind the start (Chromium's ``SourceBufferStream``). Likewise behind a period of the run.
        """
        starts = [a.presented_at for a in self._waiting if a.can_begin and a.track in leads]
        if newest is None or not (newest.shows_slates or run.epochs):
            return min(starts, default=None)
        edge = utc - Fraction(run.offset, NS)
        latest = max(starts, default=None)
        late = latest is None or edge - latest > self.latency_target(newest)
        return None if late else latest

    def _first_rhythm(self, leading: Track, newest: Period | None) -> Rhythm | None:
        """Of an encoder that has just come, or come back; None while it is not known."""
        rhythm = Rhythm.of([arrival for arrival in self._waiting if arrival.track is leading])
        if newest is None or newest.leading is not leading:
            return rhythm
        if rhythm is None:
            return newest.rhythm  # if it does otherwise now, that shows
        return replace(rhythm, steady=rhythm.steady and newest.rhythm.steady)


def by_name(tracks: Iterable[Track]) -> list[Track]:
    """In the order that manifests show them in."""
    return sorted(tracks, key=lambda track: track.name)
