"""What an encoder's own playlist says of the track that is coming (DASH-IF Ingest §7, RFC 8216)."""

from __future__ import annotations

import re
from typing import Final

from sorgente.errors import BadRequest
from sorgente.media.addresses import Announced, Posted, family_of

MAX_LINE: Final = 4096
"""Characters. A line names a file, or tells a few attributes."""

_MAP: Final = re.compile(r'#EXT-X-MAP:(?:.*,)?URI="([^"]*)"')


def read_playlist(playlist: bytes) -> Posted:
    """What it says; nothing, if it lists other playlists.

    Raises:
        BadRequest: it is no playlist.
    """
    lines = playlist.decode("utf-8", "replace").splitlines()
    if not lines or lines[0].strip() != "#EXTM3U":
        raise BadRequest("the playlist does not begin with #EXTM3U")
    init = media = ""
    for line in lines:
        if len(line) > MAX_LINE:
            raise BadRequest(f"a line of the playlist has over {MAX_LINE} characters")
        if found := _MAP.match(line):
            init, media = found[1], ""
        elif init and line and not line.startswith("#"):
            media = line.strip()
    if not init:
        return Posted()
    announced = Announced(init=init, media=family_of(media) if media else None)
    return Posted((announced,), ended="#EXT-X-ENDLIST" in map(str.strip, lines))
