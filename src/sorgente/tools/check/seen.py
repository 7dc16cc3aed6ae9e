"""All that was seen of a presentation while it was watched."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from sorgente.tools.check.answers import Asked
from sorgente.tools.check.media import GAP_SECONDS, SegmentSeen, TrackSeen
from sorgente.tools.check.updates import Update
from sorgente.tools.mpd.presentation import Mpd
from sorgente.tools.mpd.segments import Segment
from sorgente.tools.server_clock import ClockSeen


@dataclass
class Seen:
    """All that was seen."""

    url: str
    clock: ClockSeen
    mpds: list[Mpd] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    """But for segments, which have their answer themselves."""
    tracks: dict[tuple[str, str], TrackSeen] = field(default_factory=dict)
    """By period and representation id."""
    lost: list[tuple[str, str]] = field(default_factory=list)
    """(what, why): requests without any answer."""
    unreadable: list[str] = field(default_factory=list)
    """Why an MPD later than the first could not be read."""
    not_followed: int = 0
    """Representations over the limit."""
    wall_gap: float = 0.0
    """UTC of the presentation − UTC of this machine."""
    over: bool = False
    """The event ended meanwhile."""

    def end_of(self, period_id: str) -> Fraction | None:
        """UTC at which a period ends, by the newest MPD that has it; None: it goes on."""
        for mpd in reversed(self.mpds):
            for period in mpd.periods if mpd.on_wall_clock else ():
                if period.id == period_id:
                    return period.end
        return None

    def taken_back(self, period_id: str, segment: Segment) -> bool:
        """It begins where its period has ended.

        Nobody knows beforehand that an encoder breaks off: an MPD promises what goes on, until the
        next one ends the period (§5.4) and with it what was to come.
        """
        end = self.end_of(period_id)
        return end is not None and segment.starts + GAP_SECONDS >= end

    def kept(self) -> dict[tuple[str, str], TrackSeen]:
        """The tracks, each with the segments that were not taken back."""
        return {
            key: replace(track, segments=self._kept(key[0], track))
            for key, track in self.tracks.items()
        }

    def _kept(self, period_id: str, track: TrackSeen) -> list[SegmentSeen]:
        return [
            replace(each, period_end=self.end_of(period_id))
            for each in track.segments
            if not self.taken_back(period_id, each.segment)
        ]
