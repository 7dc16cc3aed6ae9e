"""Playlists of encoders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.errors import BadRequest
from sorgente.hls.posted import MAX_LINE, MAX_LINES, read_playlist
from sorgente.media.addresses import Announced, Listed, Posted

MEDIA = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:1
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="init.mp4"
#EXTINF:1.000000,
index0.m4s
#EXTINF:1.000000,
index1.m4s
"""
MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,URI="media_1.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=71968,CODECS="avc1.42c00c,mp4a.40.2",AUDIO="a"
media_0.m3u8
"""
TWO = Listed(0, 2)
TRACK = Announced(init="init.mp4", media=("index", ".m4s"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MEDIA, Posted((TRACK,), listed=TWO)),
        (MEDIA.replace("\n", "\r\n"), Posted((TRACK,), listed=TWO)),
        (MEDIA + "#EXT-X-ENDLIST\n", Posted((TRACK,), ended=True, listed=TWO)),
        (MEDIA.replace('URI="', 'BYTERANGE="800@0",URI="'), Posted((TRACK,), listed=TWO)),
        (
            MEDIA.partition("#EXTINF")[0],
            Posted((Announced(init="init.mp4"),), listed=Listed(0, 0)),
        ),
        (
            MEDIA.replace("SEQUENCE:0", "SEQUENCE:7").replace(
                "index1", "index1.m4s\n#EXT-X-DISCONTINUITY\nindex2"
            ),
            Posted((TRACK,), listed=Listed(7, 10, 0, 1)),
        ),
        (
            MEDIA + '#EXT-X-MAP:URI="init2.mp4"\n#EXTINF:1,\nnext-1.m4s\n',
            Posted((Announced(init="init2.mp4", media=("next-", ".m4s")),), listed=Listed(0, 3)),
        ),
        (MASTER, Posted()),
        (MEDIA.replace("#EXT-X-MAP", "#EXT-X-NAP"), Posted()),
        ("#EXTM3U", Posted()),
    ],
)
def test_what_it_says(text: str, says: Posted) -> None:
    assert read_playlist(text.encode()) == says


@pytest.mark.parametrize(
    "text",
    ["", "\n", "<MPD/>", " #EXTM3U2", "#EXTM3U\n" + "x" * 5000, "#EXTM3U" + "\na" * MAX_LINES],
)
def test_what_is_none(text: str) -> None:
    assert len("x" * 5000) > MAX_LINE
    with pytest.raises(BadRequest):
        read_playlist(text.encode())


@given(st.binary(max_size=300))
def test_rubbish_is_an_error_at_worst(data: bytes) -> None:
    for playlist in (data, MEDIA.encode() + data):
        try:
            read_playlist(playlist)
        except BadRequest:
            assert not playlist.startswith(b"#EXTM3U\n")
