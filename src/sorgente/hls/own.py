"""The encoder's own media playlist, made fit for encoders that begin again.

What an encoder says of its media stays: durations, dates, parts, discontinuities. Said anew is

    URIs                          under the edition: there, a name is one object, whatever has its
                                  name next. HLS has no ``BaseURL``, so each is written out
    EXT-X-MEDIA-SEQUENCE,         of an encoder that began again, go on: players take no number that
    EXT-X-DISCONTINUITY-SEQUENCE  is less (RFC 8216 §6.2.1). What is left of the run before is
                                  listed first, with a discontinuity between
    EXT-X-ENDLIST                 when the event is over, by the encoder's word or without; not
                                  before, as it may begin again
    EXT-X-PLAYLIST-TYPE           gone: EVENT and VOD promise that nothing ever leaves

Segments that are not there any more are not listed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sorgente.hls.playlist import DISCONTINUITY, Entry, Playlist, playlist

PLAIN: Final = re.compile(r"(?:(?!\.)[A-Za-z0-9._~-]+/)?(?!\.)[A-Za-z0-9._~-]+", re.ASCII)
"""The URI of an object that is here: relative, at most one folder deep."""

_OF_OTHERS: Final = ("#EXT-X-STREAM-INF", "#EXT-X-KEY")
_WITH_URI: Final = ("#EXT-X-MAP:", "#EXT-X-PART:", "#EXT-X-PRELOAD-HINT:")
_URI: Final = re.compile(r'(?<=[:,])URI="([^"]*)"')
_SAID_ANEW: Final = frozenset(
    (
        *("#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE"),
        *("#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-ENDLIST", "#EXT-X-PLAYLIST-TYPE"),
    )
)


@dataclass(frozen=True, slots=True)
class Put:
    """An edition: what an encoder put, from its start to the next."""

    id: int
    playlist: bytes
    files: Collection[str]
    """Paths of its objects."""
    base: tuple[int, int] = (0, 0)
    """What is added to its numbers, of segments and of discontinuities."""


class _Elsewhere(Exception):
    """Of a playlist whose media are not here."""


@dataclass(slots=True)
class _Run:
    """What is left of an edition's playlist."""

    put: Put
    said: Playlist
    left: list[Entry]

    @classmethod
    def of(cls, put: Put, folder: str) -> _Run:
        said = playlist(put.playlist)
        kept = (at for at, each in enumerate(said.entries) if folder + each.uri in put.files)
        gone = next(kept, len(said.entries))
        return cls(put, said, said.entries[gone:])

    @property
    def first(self) -> int:
        """Number of its oldest segment, as players know it."""
        return self.end - len(self.left)

    @property
    def end(self) -> int:
        return self.put.base[0] + self.said.end

    @property
    def first_break(self) -> int:
        breaks = sum(entry.breaks for entry in self.left)
        return self.put.base[1] + self.said.end_break - breaks


def render(file: str, puts: Sequence[Put], *, ended: bool) -> bytes | None:
    """The playlist at path ``file``, oldest edition first; None if it is to stay as it is: one that
    lists playlists, is encrypted, or has its media elsewhere."""
    folder = "".join(file.rpartition("/")[:2])
    runs = _joined([_Run.of(put, folder) for put in puts])
    entries = runs[-1].said.entries
    others = any(tag.startswith(_OF_OTHERS) for each in entries for tag in each.tags)
    elsewhere = not all(PLAIN.fullmatch(each.uri) for each in entries)
    if others or elsewhere or not (ended or any(run.left for run in runs)):
        return None
    try:
        lines = [*_head(runs), *_segments(runs, folder)]
    except _Elsewhere:
        return None
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return ("\n".join(lines) + "\n").encode()


def _joined(runs: list[_Run]) -> list[_Run]:
    """The newest, and those before it as far as their numbers go on without a gap."""
    joined = [runs[-1]]
    for run in reversed(runs[:-1]):
        if not run.left or run.end != joined[0].first:
            break
        joined.insert(0, run)
    return joined


def _head(runs: list[_Run]) -> Iterator[str]:
    yield "#EXTM3U"
    for tag in ("#EXT-X-VERSION", "#EXT-X-TARGETDURATION"):
        yield f"{tag}:{max(run.said.number(tag) for run in runs)}"
    yield f"#EXT-X-MEDIA-SEQUENCE:{runs[0].first}"
    if runs[0].first_break:
        yield f"#EXT-X-DISCONTINUITY-SEQUENCE:{runs[0].first_break}"
    for tag, value in runs[-1].said.tags.items():
        if tag not in _SAID_ANEW:
            yield f"{tag}:{value}" if value else tag


def _segments(runs: list[_Run], folder: str) -> Iterator[str]:
    up = "../" * folder.count("/")
    listed = ""
    for run in runs:
        before = f"{up}e{run.put.id}/{folder}"
        if run is not runs[0]:
            yield DISCONTINUITY
        for entry in run.left:
            named = _placed(entry.map, before)
            if named != listed:
                yield named
                listed = named
            yield from (_placed(tag, before) for tag in entry.tags)
            yield _under(before, entry.uri)
    yield from (_placed(tag, before) for tag in runs[-1].said.tail)


def _placed(tag: str, before: str) -> str:
    if not tag.startswith(_WITH_URI):
        return tag
    return _URI.sub(lambda found: f'URI="{_under(before, found[1])}"', tag)


def _under(before: str, uri: str) -> str:
    if not PLAIN.fullmatch(uri):
        raise _Elsewhere
    return before + uri
