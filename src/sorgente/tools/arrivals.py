"""A segment on its way in: which chunk was whole when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sorgente.errors import MediaError
from sorgente.isobmff.init_segment import InitSegment, InitTrack
from sorgente.isobmff.upload import MediaChunk, RawBytes, UploadParser

NOT_MEDIA: Final = "it is not fragmented MP4"


@dataclass(frozen=True, slots=True)
class ChunkSeen:
    """A chunk that came. Media times in ticks of the track."""

    at: float
    """When its last byte was here, by the clock of the reader."""
    size: int
    decode_time: int
    earliest: int
    """Presentation time, by the edit list."""
    duration: int
    sync: bool
    """It begins with a sync sample."""
    produced: float | None
    """``prft``: UTC, seconds since 1970, at which the earliest sample was there; None: not said."""


class ChunkReader:
    """Bytes of one response in, chunks out. After ``broken`` nothing more comes.

    Without ``init`` the response brings its own.
    """

    def __init__(self, init: InitSegment | None = None) -> None:
        self._parser = UploadParser(init=init)
        self.init = init
        self.broken = ""
        """What is wrong with the bytes."""

    def feed(self, data: bytes, at: float) -> list[ChunkSeen]:
        """The chunks that ``data`` completes."""
        if self.broken:
            return []
        seen: list[ChunkSeen] = []
        try:
            for unit in self._parser.feed(data):
                if isinstance(unit, RawBytes):
                    self.broken = NOT_MEDIA
                elif isinstance(unit, InitSegment):
                    self.init = unit
                elif isinstance(unit, MediaChunk):
                    seen += _seen(unit, at)
        except MediaError as error:
            self.broken = str(error)
        return seen

    def seconds(self, ticks: int) -> float:
        """Of the leading track."""
        return ticks / self.init.leading_track.timescale if self.init else 0.0

    def finish(self) -> None:
        """The body is at its end: is it one of a chunk?"""
        if self.broken:
            return
        try:
            for _ in self._parser.finish():
                pass
        except MediaError as error:
            self.broken = str(error)


def _presented(ticks: int, track: InitTrack, movie_timescale: int) -> int:
    """Where a time in the media is presented, by the edit list (ISO/IEC 14496-12 §8.6.6)."""
    edits = track.edit_list
    empty = edits.empty_duration * track.timescale // max(1, movie_timescale)
    return ticks - edits.media_time + empty


def _seen(chunk: MediaChunk, at: float) -> list[ChunkSeen]:
    leading = chunk.init.leading_track
    media = chunk.track(leading.track_id)
    if media is None:
        return []
    produced = [
        each.unix_seconds
        for each in chunk.fragment.reference_times
        if each.track_id == leading.track_id
    ]
    return [
        ChunkSeen(
            at,
            len(chunk.data),
            media.base_decode_time,
            _presented(media.earliest_time, leading, chunk.init.movie_timescale),
            media.duration,
            chunk.random_access,
            produced[0] if produced else None,
        )
    ]
