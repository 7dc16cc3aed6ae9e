"""What an encoder's own playlist says of the track that is coming (DASH-IF Ingest §7, RFC 8216)."""

from __future__ import annotations

import re
from typing import Final

from sorgente.errors import BadRequest
from sorgente.hls.playlist import Playlist, playlist
from sorgente.media.addresses import Announced, Listed, Posted, family_of

MAX_LINE: Final = 4096
"""Characters. A line names a file, or tells a few attributes."""

MAX_LINES: Final = 1 << 17
"""A day of segments of two seconds, with a date each."""

_MAP: Final = re.compile(r'#EXT-X-MAP:(?:.*,)?URI="([^"]*)"')


def read_playlist(text: bytes) -> Posted:
    """What it says; nothing, if it lists other playlists.

    Raises:
        BadRequest: it is no playlist.
    """
    lines = text.decode("utf-8", "replace").split("\n")
    if lines[0].strip() != "#EXTM3U":
        raise BadRequest("the playlist does not begin with #EXTM3U")
    if len(lines) > MAX_LINES:
        raise BadRequest(f"the playlist has {len(lines)} lines, and may have {MAX_LINES}")
    if any(len(line) > MAX_LINE for line in lines):
        raise BadRequest(f"a line of the playlist has over {MAX_LINE} characters")
    said = playlist(text)
    found = _MAP.match(said.map)
    if found is None:
        return Posted()
    media = next((each.uri for each in reversed(said.entries) if each.map == said.map), "")
    announced = Announced(init=found[1], media=family_of(media) if media else None)
    return Posted((announced,), ended="#EXT-X-ENDLIST" in said.tags, listed=_listed(said))


def _listed(said: Playlist) -> Listed:
    return Listed(said.first, said.end, said.first_break, said.end_break)
