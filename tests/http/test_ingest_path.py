"""The URL grammar of uploads."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.errors import BadRequest, NotFound, OriginError, UnsupportedMedia
from sorgente.http.ingest_path import IngestPath, ManifestPath, ObjectPath, TrackPath, ingest_path
from sorgente.http.request import NAME
from sorgente.media.channel import WHOLE
from sorgente.media.publisher import Form


def parsed(path: str) -> IngestPath:
    return ingest_path([unquote_to_bytes(part) for part in path.split("/")] if path else [])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", TrackPath("live", WHOLE, Form.ANY)),
        ("ch", TrackPath("ch", WHOLE, Form.ANY)),
        ("ch.isml", TrackPath("ch.isml", WHOLE, Form.ANY)),
        ("ch/v", TrackPath("ch", "v", Form.ANY)),
        ("ch/v.cmfv", ObjectPath("ch", "v.cmfv", "v")),
        ("ch/v.1.CMFV", ObjectPath("ch", "v.1.CMFV", "v.1")),
        ("ch/v.x", TrackPath("ch", "v.x", Form.ANY)),
        ("ch/Streams(v.cmfv)", TrackPath("ch", "v", Form.CMAF)),
        ("ch/Streams(v)", TrackPath("ch", "v", Form.CMAF)),
        ("ch/Streams%28a-128k.cmfa%29", TrackPath("ch", "a-128k", Form.CMAF)),
        ("ch/Switching(s1)/Streams(v.cmfv)", TrackPath("ch", "v", Form.CMAF, "s1")),
        ("ch/Switching%28s1%29/Streams%28v%29", TrackPath("ch", "v", Form.CMAF, "s1")),
        ("ch/v/init.cmfv", TrackPath("ch", "v", Form.OBJECT)),
        ("ch/v/1234.cmfv", TrackPath("ch", "v", Form.OBJECT)),
        ("ch/t/1.cmft", TrackPath("ch", "t", Form.OBJECT)),
        ("ch/m/1.cmfm", TrackPath("ch", "m", Form.OBJECT)),
        ("ch/v/1.m4s", TrackPath("ch", "v", Form.FILE, file="v/1.m4s")),
        ("ch/v/init.mp4", TrackPath("ch", "v", Form.FILE, file="v/init.mp4")),
        ("ch/v/1234", TrackPath("ch", "v", Form.OBJECT)),
        (
            "ch/chunk-stream0-00042.m4s",
            ObjectPath("ch", "chunk-stream0-00042.m4s", "chunk-stream0-00042"),
        ),
        ("ch/manifest.mpd", ManifestPath("ch", "manifest.mpd")),
        ("ch/x.MPD", ManifestPath("ch", "x.MPD")),
        ("ch/index.m3u8", ManifestPath("ch", "index.m3u8")),
        ("ch/v0/index.m3u8", ManifestPath("ch", "v0/index.m3u8")),
    ],
)
def test_paths(path: str, expected: IngestPath) -> None:
    assert parsed(path) == expected


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("ch/", BadRequest),
        ("/v", BadRequest),
        ("ch/..", BadRequest),
        ("ch/%2e%2e/v.cmfv", BadRequest),
        ("ch/v/..%2f..%2fetc", BadRequest),
        ("ch/v/..", BadRequest),
        ("ch/Streams()", BadRequest),
        ("ch/Streams(.cmfv)", BadRequest),
        ("ch/Streams(../v.cmfv)", BadRequest),
        ("ch/Streams(%2e%2e)", BadRequest),
        ("ch/Streams(v.cmfv", BadRequest),
        ("ch/Streams(v%00.cmfv)", BadRequest),
        ("ch/Switching()/Streams(v.cmfv)", BadRequest),
        ("ch/Switching(s)/Streams()", BadRequest),
        ("ch/Switching(s)/v", BadRequest),
        ("ch/" + "v" * 65, BadRequest),
        ("../x.mpd", BadRequest),
        ("%2e%2e/x.mpd", BadRequest),
        ("ch/v/1.ts", UnsupportedMedia),
        ("ch/index0.ts", UnsupportedMedia),
        ("ch/chunk-stream0-00001.webm", UnsupportedMedia),
        ("ch/captions.vtt", UnsupportedMedia),
        ("ch/..ts/", BadRequest),
        ("ch/v/1.vtt", UnsupportedMedia),
        ("ch/v/../index.m3u8", NotFound),
        ("ch/../index.m3u8", BadRequest),
        ("ch/%2e%2e/x.mpd", BadRequest),
        ("ch/..%2fx.m3u8", BadRequest),
        ("ch/a%2fb.m4s", BadRequest),
        ("ch/v0.ts/x.ts", UnsupportedMedia),
        ("ch/a/b/1.cmfv", NotFound),
    ],
)
def test_what_is_no_path(path: str, error: type[OriginError]) -> None:
    with pytest.raises(error):
        parsed(path)


@given(st.lists(st.binary(max_size=80), max_size=5))
def test_whatever_it_is_names_are_names(rest: list[bytes]) -> None:
    try:
        path = ingest_path(rest)
    except (BadRequest, NotFound, UnsupportedMedia):
        return
    assert NAME.fullmatch(path.channel.encode())
    if isinstance(path, TrackPath):
        assert path.track == WHOLE or NAME.fullmatch(path.track.encode())
