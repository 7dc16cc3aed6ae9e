"""What players get while an encoder, or one of its tracks, is away: the last picture, and silence.

Stock players do not survive that alone (measured, dash.js 5.2.1 and Shaka 5.2.12): a pause of 3 s
left dash.js seeking for ever, a track that vanished or came late ended both, and after every stall
Shaka stayed late by as much. So a period goes on with slates on the same timeline, in the same
numbers. Nobody stalls, nobody leaves the target, and the encoder comes back with a new period, at a
key frame, as after any restart.

    real ──upload closed, or silent for SILENT_SECONDS──▶ slated ──new period──▶ real
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from sorgente.isobmff.slate import Sample, slate
from sorgente.isobmff.split import TrackChunk
from sorgente.media.arrival import Arrival
from sorgente.media.chunk import Chunk
from sorgente.media.member import Member
from sorgente.media.period import Period
from sorgente.media.run import Placement

SILENT_SECONDS: Final = Fraction(1)
"""An encoder that is connected may send nothing for so long, and for its longest chunk: networks
do. A slate lasts until the next key frame, which is worse than to stall for a moment."""

CHUNK_SECONDS: Final = Fraction(1, 5)
"""Of a slate, at most: less than half of the least default latency target."""

LEAST_SECONDS: Final = Fraction(1, 100)
"""Not worth a chunk."""

MOST_SECONDS: Final = 60
"""Missing at a time: by the word of one hostile chunk, a period may have begun years ago."""

ON_TIME_SECONDS: Final = Fraction(2, 5)
"""A chunk later than this by what was announced needs another announcement first, which the
timeline asks for (its ``LATE``)."""


def wanted(member: Member, period: Period, utc: Fraction) -> bool:
    """Whether a track has to be stood in for, at ``utc`` seconds."""
    if member.is_away:
        return True
    silent = period.epoch.media(utc) - Fraction(member.end, member.timescale)
    sent = max(member.chunk_duration, Fraction(member.track.last_object, member.timescale))
    return silent > SILENT_SECONDS + sent


def slates(member: Member, period: Period, utc: Fraction, now: float) -> Iterator[Arrival]:
    """Chunks that bring a track up to ``utc``. Each has to be placed before the next is asked
    for: they begin at ``member.end``."""
    sample = member.slate
    if sample is None:
        return
    timescale = member.timescale
    until = int(period.epoch.media(utc) * timescale)
    member.end = max(member.end, until - MOST_SECONDS * timescale)
    most = int(CHUNK_SECONDS * timescale)
    least = sample.duration or int(LEAST_SECONDS * timescale)
    while (missing := until - member.end) >= least:
        durations = [min(missing, most)]
        if sample.duration:
            durations = [sample.duration] * max(1, durations[0] // sample.duration)
        yield _arrival(member, period, durations, sample, now)


def on_time(arrival: Arrival, period: Period, utc: Fraction) -> bool:
    """Whether a chunk comes when it was announced, or as good as that."""
    return utc - period.epoch.wall(arrival.starts_at + arrival.duration) <= ON_TIME_SECONDS


def _arrival(
    member: Member, period: Period, durations: list[int], sample: Sample, now: float
) -> Arrival:
    track_id = member.init.leading_track.track_id
    data = slate(track_id, member.end, durations, sample, member.slates)
    cut = TrackChunk(
        track_id=track_id,
        data=data,
        decode_time=member.end,
        duration=sum(durations),
        earliest_time=member.end + sample.composition_offset,
        sample_count=len(durations),
        random_access=True,
        contains_random_access=True,
    )
    at = Placement(period.run, Fraction(member.end, member.timescale), Fraction(0))
    return Arrival(member.track, at, cut, Chunk.of(data, now, random_access=True))
