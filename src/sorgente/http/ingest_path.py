"""Where an upload goes: the URL grammar of what encoders send (design §2, DASH-IF Ingest §6).

    /ingest                                          the default channel as one stream
    /ingest/{channel}                                a channel as one stream
    /ingest/{channel}/{track}                        a track: one long body, or a body per object
    /ingest/{channel}/Streams({track}.cmfv)          the same, and nothing but CMAF
    /ingest/{channel}/Switching({set})/Streams(…)    the same, one bit rate of a set
    /ingest/{channel}/{track}/{file}.cmfv            an object: init segment or segment
    /ingest/{channel}/{file}.cmfv                    a track, or an object whose name says of which
    /ingest/{channel}/[{track}/]{file}.mpd           a manifest that says what is coming; m3u8 too

A track is called as in the path, without the extension. Content decides what a body is, never the
name of a file; but for manifests, and for what is certainly no CMAF.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from sorgente.errors import NotFound, UnsupportedMedia
from sorgente.http.request import name
from sorgente.media.channel import WHOLE
from sorgente.media.publisher import Form

DEFAULT_CHANNEL: Final = "live"

STREAMS: Final = re.compile(rb"Streams\((.*)\)")
SWITCHING: Final = re.compile(rb"Switching\((.*)\)")

FILE_EXTENSIONS: Final = frozenset((b"mp4", b"m4v", b"m4a", b"m4s", b"init", b"header"))
"""Of encoders of DASH and HLS (DASH-IF Ingest §7)."""
MEDIA_EXTENSIONS: Final = FILE_EXTENSIONS | {b"cmfv", b"cmfa", b"cmft", b"cmfm"}
MANIFEST_EXTENSIONS: Final = frozenset((b"mpd", b"m3u8"))
OTHER_EXTENSIONS: Final = frozenset(
    b"ts m2ts mts webm mkv flv vtt webvtt srt key jpg jpeg png".split()
)
"""Of files that encoders put beside a manifest and that are no CMAF. Each would be a track of
bytes, answered 200, which nobody can play: ``ffmpeg -f hls`` sends MPEG-TS unless told otherwise,
``-f dash`` WebM for VP9."""

WHAT_TO_SET: Final = {
    "ts": ", but fragmented MP4 (ffmpeg: -hls_segment_type fmp4)",
    "webm": ", but fragmented MP4 (ffmpeg: -dash_segment_type mp4)",
}


@dataclass(frozen=True, slots=True)
class TrackPath:
    """Media."""

    channel: str
    track: str
    form: Form
    switching_set: str = ""
    """As the path calls it; empty where it does not."""
    file: str = ""
    """Of an object that the encoder may list in a manifest: the path that it has there."""


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """Media; the content and the name say of which track (:mod:`~sorgente.media.addresses`)."""

    channel: str
    file: str
    track: str
    """If it is a track of its own: one long body."""


@dataclass(frozen=True, slots=True)
class ManifestPath:
    """A manifest, or a playlist."""

    channel: str
    file: str
    """With the folder it is in, if any."""

    @property
    def is_playlist(self) -> bool:
        """It is one of HLS."""
        return self.file.lower().endswith(".m3u8")


IngestPath: TypeAlias = TrackPath | ObjectPath | ManifestPath


def ingest_path(rest: Sequence[bytes]) -> IngestPath:
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
        case [channel, *folder, file] if len(folder) < 2 and (
            _extension(file) in MANIFEST_EXTENSIONS
        ):
            path = [*(name(each, "track") for each in folder), name(file, "file")]
            return ManifestPath(name(channel, "channel"), "/".join(path))
        case [channel, file] if _extension(file) in MEDIA_EXTENSIONS:
            track = _track(file)
            return ObjectPath(name(channel, "channel"), name(file, "file"), track)
        case [channel, file] if _extension(file) in OTHER_EXTENSIONS:
            name(file, "file")
            raise _no_cmaf(file)
        case [channel, track]:
            return TrackPath(name(channel, "channel"), _track(track), Form.ANY)
        case [channel, track, file]:
            _check_file(file)
            at = TrackPath(name(channel, "channel"), name(track, "track"), Form.OBJECT)
            if _extension(file) not in FILE_EXTENSIONS:
                return at
            return replace(at, form=Form.FILE, file=f"{at.track}/{file.decode()}")
    raise NotFound("there is nothing at this path")


def is_file(rest: Sequence[bytes]) -> bool:
    """Whether it looks like one object of many, be it one that is refused."""
    return len(rest) > 1 and b"." in rest[-1]


def _stream(channel: bytes, stream: bytes, switching_set: str = "") -> TrackPath:
    return TrackPath(name(channel, "channel"), _track(stream), Form.CMAF, switching_set)


def _track(file: bytes) -> str:
    return name(_stem(file), "track")


def _check_file(file: bytes) -> None:
    name(file, "file")
    extension = _extension(file)
    if extension and extension not in MEDIA_EXTENSIONS:
        raise _no_cmaf(file)


def _no_cmaf(file: bytes) -> UnsupportedMedia:
    extension = _extension(file).decode()
    instead = WHAT_TO_SET.get(extension, "")
    return UnsupportedMedia(f"a .{extension} is nothing that is taken here{instead}")


def _extension(file: bytes) -> bytes:
    return file.rpartition(b".")[2].lower() if b"." in file else b""


def _stem(file: bytes) -> bytes:
    return file.rpartition(b".")[0] if _extension(file) in MEDIA_EXTENSIONS else file
