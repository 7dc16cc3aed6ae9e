"""Where an upload goes: the URL grammar of what encoders send (design §2, DASH-IF Ingest §6).

    /ingest                                          the default channel as one stream
    /ingest/{channel}                                a channel as one stream
    /ingest/{channel}/{track}                        a track: one long body, or a body per object
    /ingest/{channel}/Streams({track}.cmfv)          the same, and nothing but CMAF
    /ingest/{channel}/Switching({set})/Streams(…)    the same, one bit rate of a set
    /ingest/{channel}/{track}/{file}.cmfv            an object: init segment or segment
    /ingest/{channel}/{file}.mpd                     a manifest that says what is coming

A track is called as in the path, without the extension. Content decides what a body is, never the
name of a file; but for ``mpd``, and for what is certainly no CMAF.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sorgente.errors import NotFound, UnsupportedMedia
from sorgente.http.request import name
from sorgente.media.channel import WHOLE
from sorgente.media.publisher import Form

DEFAULT_CHANNEL: Final = "live"

STREAMS: Final = re.compile(rb"Streams\((.*)\)")
SWITCHING: Final = re.compile(rb"Switching\((.*)\)")

MEDIA_EXTENSIONS: Final = frozenset(
    b"cmfv cmfa cmft cmfm mp4 m4v m4a m4s init header".split()
)  # fmt: skip
MANIFEST_EXTENSION: Final = b"mpd"


@dataclass(frozen=True, slots=True)
class TrackPath:
    """Media."""

    channel: str
    track: str
    form: Form
    switching_set: str = ""
    """As the path calls it; empty where it does not."""


@dataclass(frozen=True, slots=True)
class ManifestPath:
    """A manifest."""

    channel: str


def ingest_path(rest: Sequence[bytes]) -> TrackPath | ManifestPath:
    """What a path means, given as its segments behind ``/ingest``, percent-decoded.

    Raises:
        BadRequest: a name that is none.
        NotFound: no such path.
        UnsupportedMedia: a file that is neither CMAF nor a manifest.
    """
    match rest:
        case []:
            return TrackPath(DEFAULT_CHANNEL, WHOLE, Form.ANY)
        case [channel]:
            return TrackPath(name(channel, "channel"), WHOLE, Form.ANY)
        case [channel, switching, streams] if (of := SWITCHING.fullmatch(switching)) and (
            stream := STREAMS.fullmatch(streams)
        ):
            return _stream(channel, stream[1], name(of[1], "switching set"))
        case [channel, streams] if stream := STREAMS.fullmatch(streams):
            return _stream(channel, stream[1])
        case [channel, file] if _extension(file) == MANIFEST_EXTENSION:
            return ManifestPath(name(channel, "channel"))
        case [channel, track]:
            return TrackPath(name(channel, "channel"), _track(track), Form.ANY)
        case [channel, track, file]:
            _check_file(file)
            return TrackPath(name(channel, "channel"), name(track, "track"), Form.OBJECT)
    raise NotFound("there is nothing at this path")


def _stream(channel: bytes, stream: bytes, switching_set: str = "") -> TrackPath:
    return TrackPath(name(channel, "channel"), _track(stream), Form.CMAF, switching_set)


def _track(file: bytes) -> str:
    return name(_stem(file), "track")


def _check_file(file: bytes) -> None:
    name(file, "file")
    extension = _extension(file)
    if extension and extension not in MEDIA_EXTENSIONS:
        raise UnsupportedMedia(f"a .{extension.decode()} is nothing that is taken here")


def _extension(file: bytes) -> bytes:
    return file.rpartition(b".")[2].lower() if b"." in file else b""


def _stem(file: bytes) -> bytes:
    return file.rpartition(b".")[0] if _extension(file) in MEDIA_EXTENSIONS else file
