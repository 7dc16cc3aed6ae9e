"""What goes on in the place of a track whose encoder is away.

    the only one of its kind    slates (:mod:`~.slate`), until it is back
    a bit rate among others     slates up to the next key frame of another one, its *understudy*;
                                from there on the chunks of that one, behind its init segment

A player that watches a bit rate that dies would switch, but has to be told: by a period without it,
which begins a segment later, and which players ask for a segment or two later still. Until then
they ask for what they were promised. Media Source Extensions take an init segment wherever a
segment may begin (§3.5.1, "segment parser loop"), so what comes under the dead one's numbers may be
another bit rate; players append what they get, and go on showing pictures that move.

    dead         ▌▌▌▌▌✕░░░[i]▌▌▌▌▌▌▌▌│[i]▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌│      ░ slates, [i] init segment
    understudy   ▌▌▌▌▌▌▌▌▌   ▌▌▌▌▌▌▌▌│   ▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌│▌▌▌
                             key     └ period without the dead one
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from msgspec.structs import replace

from sorgente.isobmff.init_segment import InitSegment
from sorgente.media.arrival import Arrival
from sorgente.media.member import Member
from sorgente.media.period import Period
from sorgente.media.slate import LEAST_SECONDS, slates, wanted
from sorgente.media.snapshot import SwitchingKey
from sorgente.media.track import Track

OVERDUE_SECONDS: Final = 1
"""After which a segment that should have ended is ended without the key frame that ends it."""


@dataclass(slots=True)
class Part:
    """A bit rate that died in a period, and who plays it."""

    period: Period
    member: Member
    understudy: Track
    begun: bool = False
    """With a key frame."""
    last: int | None = None
    """Number of the last segment that players were promised; None while the period goes on."""


class Failover:
    """See the module: of one presentation."""

    def __init__(self) -> None:
        self._parts: dict[Track, Part] = {}
        """By track that died."""

    @property
    def played(self) -> Collection[Track]:
        """Bit rates that others go on for."""
        return self._parts.keys()

    def promises(self, track: Track, number: int) -> bool:
        """Whether segment ``number`` of ``track``, in a period that is over, is yet to come."""
        part = self._parts.get(track)
        return part is not None and part.last is not None and number <= part.last

    def fill(self, period: Period, utc: Fraction, now: float) -> None:
        """Stand in for what does not come in ``period``, the newest, up to ``utc`` seconds."""
        for member in period.members.values():
            if wanted(member, period, utc):
                part = self._cast(member, period, among=period)
                until = utc if part is None else min(utc, _shown(period, part.understudy))
                _show_slates(member, period, until, now)

    def hear(self, arrival: Arrival, init: InitSegment, now: float) -> None:
        """A chunk was placed, which decodes with ``init``: it is that of all who are played by its
        track, too."""
        if self._parts:
            for part in list(self._parts.values()):
                if part.understudy is arrival.track and arrival.at.run is part.period.run:
                    self._play(part, arrival, init, now)

    def see_off(self, before: Period, tracks: list[Track], promised: int, now: float) -> None:
        """``tracks`` go on in another period of the same run. Who does not is asked for some
        segments more, up to number ``promised``: it is played until then, or shows slates for one
        segment."""
        for track, part in list(self._parts.items()):
            if track in tracks or part.understudy not in tracks:
                del self._parts[track]
            elif part.last is None:
                part.last = promised
        number = before.number_after(tracks)
        if number is None:
            return
        for member in before.members.values():
            if member.gone and member.track not in tracks and member.track not in self._parts:
                _show_slates(member, before, before.starts_at(number + 1), now)

    def clear(self) -> None:
        """What players were promised does not come: another run begins, or the event is over."""
        self._parts.clear()

    def tick(self, newest: Period, utc: Fraction) -> None:
        """End what is over, and find another for an understudy that is gone itself."""
        for part in [part for part in self._parts.values() if part.last is not None]:
            assert part.last is not None
            over = utc >= part.period.starts_at(part.last + 1) + OVERDUE_SECONDS
            if over or self._cast(part.member, part.period, among=newest) is None:
                self._end(part)

    # Inside

    def _cast(self, member: Member, period: Period, among: Period) -> Part | None:
        """Who plays ``member`` of ``period``: the same as before, or another one of those who are
        ``among`` the members of a period now; None: nobody can."""
        part = self._parts.get(member.track)
        if part is not None and part.period is not period:
            part = None
        if part is not None and _is_there(among.members.get(part.understudy.name)):
            return part
        found = _understudy(member, among)
        if found is None:
            self._parts.pop(member.track, None)
            return None
        last = None if part is None else part.last
        part = self._parts[member.track] = Part(period, member, found.track, last=last)
        return part

    def _play(self, part: Part, arrival: Arrival, init: InitSegment, now: float) -> None:
        """Put a chunk of the understudy's into the dead track."""
        member, period, track = part.member, part.period, part.member.track
        own = _in_terms_of(member, arrival)
        if not part.begun:
            missing = own.cut.decode_time - member.end
            if not arrival.can_begin or missing < -LEAST_SECONDS * member.timescale:
                return
            _show_slates(member, period, period.epoch.wall(arrival.starts_at), now)
            part.begun = True
        number = period.grid.number_at(own)
        if arrival.can_begin and number > track.last_number:
            if part.last is not None and number > part.last:
                self._end(part)
                return
            period.open(own, number)
        if part.last is not None and period.following is not None:
            track.expect(period.following.start_number, part.last)
        if track.growing is not None:
            member.append(own, init)

    def _end(self, part: Part) -> None:
        part.member.track.close()
        self._parts.pop(part.member.track, None)


def _show_slates(member: Member, period: Period, until: Fraction, now: float) -> None:
    """Stand in for one track with what it can show by itself; ``until``: UTC, seconds."""
    for arrival in slates(member, period, until, now):
        member.slates += 1
        number = period.begins(arrival)
        if number is not None:
            period.open(arrival, number)
        if member.track.growing is None:
            break  # it never had a segment
        member.append(arrival)


def _understudy(member: Member, among: Period) -> Member | None:
    """The next lower bit rate that its players can switch to, or the lowest."""
    if not member.track.is_video:
        return None
    key = _switching_key(member)
    others = [
        other
        for other in among.members.values()
        if other.track is not member.track and _is_there(other) and _switching_key(other) == key
    ]
    lower = [other for other in others if other.bandwidth <= member.bandwidth]
    if lower:
        return max(lower, key=lambda other: other.bandwidth)
    return min(others, key=lambda other: other.bandwidth, default=None)


def _is_there(member: Member | None) -> bool:
    return member is not None and not member.is_away


def _switching_key(member: Member) -> tuple[SwitchingKey, bool]:
    """The same for tracks that one may play for another: a key for one is none for the other, so
    both are encrypted, or neither."""
    track, facts = member.track, member.init.leading_track
    key = SwitchingKey.of(
        kind=track.kind,
        switching_set=track.switching_set,
        language=facts.language,
        roles=facts.roles,
        codec=facts.codec,
    )
    return key, facts.sample_entry.encrypted


def _shown(period: Period, track: Track) -> Fraction:
    """UTC, seconds: how far a track of ``period`` has come."""
    member = period.members[track.name]
    return period.epoch.wall(Fraction(member.end, member.timescale))


def _in_terms_of(member: Member, arrival: Arrival) -> Arrival:
    """A chunk as if it were of that member's track: in its ticks."""
    timescale = member.timescale
    start, end = round(arrival.starts_at * timescale), round(arrival.ends_at * timescale)
    cut = replace(
        arrival.cut,
        decode_time=start,
        duration=end - start,
        earliest_time=round(arrival.presented_at * timescale),
    )
    return replace(arrival, track=member.track, cut=cut, at_once=0)
