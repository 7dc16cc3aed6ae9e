"""Tracks as one progressive stream: what their timelines do to it."""

from __future__ import annotations

from fractions import Fraction

from sorgente.isobmff.split import TrackSplitter, split_init
from sorgente.isobmff.upload import InitSegment, MediaChunk
from sorgente.media.arrival import Arrival
from sorgente.media.channel import WHOLE, Channel
from sorgente.media.chunk import Chunk
from sorgente.media.epoch import Cause
from sorgente.media.fanout import Counters
from sorgente.media.merger import Merger
from sorgente.media.run import Placement, Run
from sorgente.media.track import Track
from sorgente.media.utc import UtcClock
from tests.support.journal import RecordingJournal
from tests.support.live import media_of, video
from tests.support.players import player
from tests.support.rules import channel_rules
from tests.support.uploads import units_of


def test_a_track_behind_the_others_on_a_new_timeline_does_not_go_below_zero() -> None:
    """The encoder is not to blame, and must not be refused."""
    channel = Channel("live", channel_rules(), RecordingJournal(), UtcClock(0.0, 0.0))
    subscriber, sink = player()
    channel.feed(WHOLE).subscribe(subscriber)
    upload = video(60)
    init, *media = units_of(upload.whole)
    assert isinstance(init, InitSegment)
    tracks = [Track(name, split_init(init)[1], Counters()) for name in "ab"]
    merger = Merger(lambda: channel.feed(WHOLE))
    merger.compose(tracks)
    old, new = (Run(Cause.FIRST, 0, 0, set()) for _ in range(2))
    for track, index, run in [(0, 0, old), (0, 50, new), (1, 10, new), (0, 51, new)]:
        chunk = media[index]
        assert isinstance(chunk, MediaChunk)
        [cut] = TrackSplitter(init).split(chunk)
        at = Placement(run, Fraction(cut.decode_time, 12800), Fraction(0))
        merger.take(Arrival(tracks[track], at, cut, Chunk.of(cut.data, 0.0)), 0.0)
    assert len(media_of(sink.body)) == 4
