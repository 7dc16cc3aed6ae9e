"""A media playlist as its encoder wrote it, taken apart (RFC 8216 §4.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MOST_DIGITS: Final = 15
"""Of a number in a playlist: what is exact in every player."""

_NUMBER: Final = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}", re.ASCII)

OF_ALL: Final = frozenset(
    f"#EXT-X-{name}"
    for name in (
        *("VERSION", "TARGETDURATION", "MEDIA-SEQUENCE", "DISCONTINUITY-SEQUENCE", "ENDLIST"),
        *("PLAYLIST-TYPE", "I-FRAMES-ONLY", "INDEPENDENT-SEGMENTS", "START", "DEFINE"),
        *("ALLOW-CACHE", "SERVER-CONTROL", "PART-INF"),
    )
)
"""Tags of the playlist; all others are of the segment behind them."""
MAP: Final = "#EXT-X-MAP"
DISCONTINUITY: Final = "#EXT-X-DISCONTINUITY"


@dataclass(slots=True)
class Entry:
    """A segment: its URI, and what stands before it."""

    uri: str
    tags: list[str]
    map: str
    """The line that names its init segment; empty if none does."""

    @property
    def breaks(self) -> int:
        """Discontinuities before it."""
        return self.tags.count(DISCONTINUITY)


@dataclass(slots=True)
class Playlist:
    """See the module."""

    tags: dict[str, str] = field(default_factory=dict)
    """Of all of it: what stands behind the name."""
    entries: list[Entry] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    """Tags behind the last segment: of parts of the next."""
    map: str = ""
    """Behind the last segment."""

    def number(self, tag: str) -> int:
        """What a tag says; 0 if it says no number."""
        text = self.tags.get(tag, "")
        return int(text) if _NUMBER.fullmatch(text) else 0

    @property
    def first(self) -> int:
        """Media sequence number."""
        return self.number("#EXT-X-MEDIA-SEQUENCE")

    @property
    def end(self) -> int:
        """Media sequence number of what comes next."""
        return self.first + len(self.entries)

    @property
    def first_break(self) -> int:
        """Discontinuity sequence number, before any discontinuity in it."""
        return self.number("#EXT-X-DISCONTINUITY-SEQUENCE")

    @property
    def end_break(self) -> int:
        """Discontinuity sequence number of the last segment."""
        return self.first_break + sum(entry.breaks for entry in self.entries)


def playlist(text: bytes) -> Playlist:
    """It, whatever it is: one that lists other playlists has entries without a sense."""
    made, tags = Playlist(), list[str]()
    for line in map(str.strip, text.decode("utf-8", "replace").split("\n")[1:]):
        tag, _, value = line.partition(":")
        if not line:
            continue
        if not line.startswith("#"):
            made.entries.append(Entry(line, tags, made.map))
            tags = []
        elif tag in OF_ALL:
            made.tags[tag] = value
        elif tag == MAP:
            made.map = line
        else:
            tags.append(line)
    made.tail = tags
    return made
