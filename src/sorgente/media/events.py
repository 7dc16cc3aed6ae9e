"""What metadata tracks tell: events, which manifests list by their period.

An event is known by the timeline it is on, scheme, value and id. Told again, as encoders do for as
long as it is on, it says nothing new; told otherwise (its end is known now), it replaces what was
told before. It stands in the period that it begins in, once. When that period is gone from the
window and the event is not over, it stands in the oldest period of its timeline that is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from sorgente.isobmff.event_samples import UNKNOWN, SampleEvent, has_events, sample_events
from sorgente.isobmff.fragment import parse_chunk
from sorgente.media.arrival import Arrival
from sorgente.media.period import Period
from sorgente.media.run import Run
from sorgente.media.snapshot import EventSnapshot, EventStreamSnapshot, PeriodSnapshot
from sorgente.media.track import MAX_SCHEME

MAX_EVENTS: Final = 256
"""Of a channel: an event every few seconds in a window of a quarter of an hour. Every player gets
them with every manifest, so there are not more for a longer one."""

MAX_PAYLOAD: Final = 1 << 16
"""Bytes of all events of a channel together, for the same reason. SCTE 35 takes 20 to 100 each."""

_MAX_TIME: Final = (1 << 64) - 1  # of what a manifest can write: xs:unsignedLong

Key = tuple[Run, str, str, int]
Kind = tuple[str, str, int]
"""Scheme, value, ticks per second."""


@dataclass(frozen=True, slots=True)
class _Told:
    """An event, as it was told last."""

    run: Run
    """Whose timeline its times are on."""
    timescale: int
    event: SampleEvent
    over_at: float
    """Seconds on our clock: from then on it is a matter of the window."""

    @property
    def key(self) -> Key:
        return self.run, self.event.scheme, self.event.value, self.event.event_id

    @property
    def kind(self) -> Kind:
        return self.event.scheme, self.event.value, self.timescale

    @property
    def starts_at(self) -> Fraction:
        """Seconds on the run's timeline."""
        return Fraction(self.event.presentation_time, self.timescale)

    @property
    def ends_at(self) -> Fraction | None:
        """The same; None: nobody knows."""
        if self.event.duration == UNKNOWN:
            return None
        return self.starts_at + Fraction(self.event.duration, self.timescale)


class Events:
    """Those of one channel, for as long as its window."""

    def __init__(self) -> None:
        self._told: dict[Key, _Told] = {}
        """What was told of longest ago first."""
        self._payload = 0
        """Bytes."""

    def note(self, arrival: Arrival, now: float) -> bool:
        """A chunk came in; whether it tells something new."""
        track = arrival.track
        if not has_events(track.init.leading_track):
            return False
        media = parse_chunk(arrival.cut.data, 0, track.init)
        news = [
            self._add(_Told(arrival.at.run, track.timescale, event, _over(event, arrival, now)))
            for event in sample_events(media)
        ]
        while len(self._told) > MAX_EVENTS or self._payload > MAX_PAYLOAD:
            self._drop(next(iter(self._told)))
        return any(news)

    def expire(self, horizon: float) -> bool:
        """Let those go that were over at ``horizon`` (seconds); whether there were any."""
        over = [key for key, told in self._told.items() if told.over_at < horizon]
        for key in over:
            self._drop(key)
        return bool(over)

    def snapshots(self, periods: Sequence[Period]) -> tuple[PeriodSnapshot, ...]:
        """What manifests show of ``periods``, oldest first, with the events of each."""
        by_period: defaultdict[str, list[_Told]] = defaultdict(list)
        for told in self._told.values():
            period = _period_of(told, periods)
            if period is not None:
                by_period[period.id].append(told)
        return tuple(
            replace(period.snapshot(), event_streams=_streams(by_period[period.id], period))
            for period in periods
        )

    def _add(self, told: _Told) -> bool:
        """Whether it is new."""
        event = told.event
        if not event.scheme or len(event.scheme + event.value) > MAX_SCHEME:
            return False
        if event.presentation_time > _MAX_TIME or len(event.payload) > MAX_PAYLOAD:
            return False
        before = self._told.get(told.key)
        if before is not None:
            self._drop(told.key)
        self._told[told.key] = told
        self._payload += len(event.payload)
        return before is None or (before.event, before.timescale) != (event, told.timescale)

    def _drop(self, key: Key) -> None:
        self._payload -= len(self._told.pop(key).event.payload)


def _over(event: SampleEvent, arrival: Arrival, now: float) -> float:
    """Seconds: when an event is over, as the end of the chunk that tells of it is now; not before
    now, as it is on, or was when the encoder told of it."""
    duration = 0 if event.duration == UNKNOWN else event.duration
    ahead = event.presentation_time + duration - arrival.cut.end_time
    return now + max(0, ahead) / arrival.track.timescale


def _period_of(told: _Told, periods: Sequence[Period]) -> Period | None:
    """Where an event stands; None: in none of ``periods``."""
    own = [period for period in periods if period.run is told.run]
    begun = [period for period in own if period.epoch.media_start <= told.starts_at]
    if begun:
        end = begun[-1].ended_at
        return begun[-1] if end is None or begun[-1].epoch.wall(told.starts_at) < end else None
    over = told.ends_at is not None and own and told.ends_at <= own[0].epoch.media_start
    return own[0] if own and not over else None


def _streams(all_told: Sequence[_Told], period: Period) -> tuple[EventStreamSnapshot, ...]:
    by_kind: defaultdict[Kind, list[SampleEvent]] = defaultdict(list)
    for told in all_told:
        by_kind[told.kind].append(told.event)
    return tuple(
        EventStreamSnapshot(
            scheme=scheme,
            value=value,
            timescale=timescale,
            presentation_time_offset=round(period.epoch.media_start * timescale),
            events=tuple(sorted(map(_event, events), key=lambda event: (event.time, event.id))),
        )
        for (scheme, value, timescale), events in sorted(by_kind.items())
    )


def _event(event: SampleEvent) -> EventSnapshot:
    """Of one that began before its timeline did, what is left: manifests have no negative times."""
    start = max(0, event.presentation_time)
    gone = start - event.presentation_time
    known = event.duration != UNKNOWN
    return EventSnapshot(
        time=start,
        duration=max(0, event.duration - gone) if known else None,
        id=event.event_id,
        payload=event.payload,
    )
