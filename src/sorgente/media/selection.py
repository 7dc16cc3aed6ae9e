"""One picture and one sound of a stream that has more: for players that take no more.

A channel of several bit rates is one merged stream (see ``merger``): all of its tracks, on one
timeline. Browsers show the first picture in it, whatever else they download. Who asks for a picture
by its name gets that one, and the first sound, as if there were no others. The paths of the tracks
themselves cannot be put together again by a player: what an encoder sends after a break is spliced
there to the end of that one track (see ``splice``), so that each moves by another time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.merge import only
from sorgente.media.chunk import Buffer, Chunk, Form
from sorgente.media.track import Track

EVERYTHING = 0
"""In place of a track: what belongs to all of them, the init segment."""
NOTHING = b""


@dataclass(frozen=True, slots=True)
class Selection:
    """A form of chunks (see ``chunk.Form``): nothing but those of some tracks. Equal ones look
    alike, so a chunk is looked at once for all who chose the same."""

    form: Form
    tracks: frozenset[int]
    picture: int
    """The one that says where to begin."""
    init: Chunk = field(compare=False)
    pictures: bytes = field(compare=False)
    """All there are, highest first, as a list of RFC 9651; ``playing`` is the selected one."""

    def __call__(self, chunk: Chunk) -> Buffer:
        """The chunk, or nothing."""
        if chunk.track in self.tracks:
            return self.form(chunk)
        return self.form(self.init) if chunk.track == EVERYTHING else NOTHING

    def begins_at(self, chunk: Chunk) -> bool:
        """Whether the picture can begin here: key frames of bit rates need not fall together, and
        never come at once."""
        return chunk.track == self.picture and chunk.begins


class Menu:
    """What there is to select from: the tracks of a merged stream, whose ids count from 1."""

    def __init__(self, tracks: Sequence[Track], merged: InitSegment) -> None:
        self._merged = merged
        numbered = [*enumerate(tracks, start=1)]
        self._sounds = [number for number, track in numbered if track.kind == "audio"]
        self._pictures = sorted(
            ((number, track) for number, track in numbered if track.is_video),
            key=lambda one: (-_lines(one[1]), -_bit_rate(one[1])),
        )

    def select(self, name: str, form: Form) -> Selection | None:
        """The picture of that name, or else the highest, and the first sound; None: there is no
        choice."""
        if len(self._pictures) < 2 and len(self._sounds) < 2:
            return None
        names = {track.name: number for number, track in self._pictures}
        best = self._pictures[0][0] if self._pictures else self._sounds[0]
        picture = names.get(name, best)
        tracks = frozenset((picture, *self._sounds[:1]))
        init = Chunk.of(only(self._merged, tracks), 0.0)
        return Selection(form, tracks, picture, init, self._told(picture))

    def _told(self, selected: int) -> bytes:
        return b", ".join(
            b'"%b";height=%d;bandwidth=%d%b'
            % (
                track.name.encode(),
                _lines(track),
                _bit_rate(track),
                b";playing" if number == selected else b"",
            )
            for number, track in self._pictures
        )


def _lines(track: Track) -> int:
    return track.init.leading_track.height


def _bit_rate(track: Track) -> int:
    """bit/s: what a segment needed at most, before there is one what its encoder says."""
    return max(track.needs.bandwidth, track.init.leading_track.bitrate)
