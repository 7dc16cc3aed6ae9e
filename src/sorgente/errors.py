"""What can go wrong, each with the HTTP status that tells the other side.

OriginError                   a status, and one line that says what and how much
├── MediaError                the bytes of an upload
│   ├── MalformedBox      400 not a box, or a box that contradicts itself
│   ├── TruncatedUpload   400 the upload ended inside a box
│   ├── MissingInit       412 media, and nothing that says how to read them
│   ├── UnsupportedMedia  415 something else than fragmented MP4, where only that is taken
│   └── BoxTooLarge       413 a box, or a chunk, over its limit
├── BadRequest            400 a request that means nothing to us
├── Unauthorized          401 a key is needed, and was not given, or another one
├── Forbidden             403 there is no key, so only this machine may publish
├── TokenNeeded           401 watching takes a token
├── InvalidToken          401 this is none, or not any more
├── InsufficientScope     403 the token is good, and for something else
├── RefusedByProgram 401, 403 the program of --authorize-url says no
├── Undecided             503 … or nothing
├── AdminKeyNeeded        401 looking after the origin takes a key
├── NoAdminKey            403 … and there is none
├── TooManyTracks         403 a channel has as many tracks as it may
├── NotFound              404 nothing is there
├── MethodNotAllowed      405 … with this method
├── RequestTimeout        408 nothing came for too long
├── PublisherConflict     409 somebody else publishes
├── TakenOver             409 somebody else publishes now
├── EndedByOperator       410 whoever runs the origin has ended the event
├── LengthRequired        411 a body whose end nobody can tell
├── BodyTooLarge          413 a request body where we expect a small one
├── UriTooLong            414
├── UnsupportedEncoding   415 a coded body we do not decode
├── HeadTooLarge          431
├── TooManyFromAddress    429
├── NotImplementedCoding  501 a transfer coding we do not know
├── Overloaded            503 a bound of the origin is reached
├── ShuttingDown          503
└── OutOfMemory           507
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime


class OriginError(Exception):
    """Anything the other side did that has an answer; ``str()`` is the one line of the answer."""

    status = 500
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """What the answer says besides."""


class MediaError(OriginError):
    """The bytes of an upload are not what they began as."""

    status = 400


class MalformedBox(MediaError):
    """Not a box, or a box that contradicts itself (ISO/IEC 14496-12 §4.2)."""


class TruncatedUpload(MediaError):
    """The upload ended inside a box."""


class BoxTooLarge(MediaError):
    """A box, or a chunk, larger than its limit."""

    status = 413


class MissingInit(MediaError):
    """Media of a track whose init segment is not known."""

    status = 412

    def __init__(self, track: str) -> None:
        super().__init__(f"missing or incorrect init: send the init segment of {track} first")


class UnsupportedMedia(MediaError):
    """Not fragmented MP4, on a path for nothing else."""

    status = 415


class BadRequest(OriginError):
    """A request that means nothing to us."""

    status = 400


class Unauthorized(OriginError):
    """A key is needed, and was not given, or another one. DASH-IF Ingest §5 has 403 here; but only
    a challenge makes ffmpeg send what stands in its URL."""

    status = 401
    headers = ((b"WWW-Authenticate", b'Basic realm="sorgente"'),)

    def __init__(self, *, wrong: bool, or_token: bool = False) -> None:
        """``or_token``: one of those does as well."""
        what = "a key or a token" if or_token else "a key"
        super().__init__(
            "that is not the key to publish here"
            if wrong
            else f"publishing takes {what}: "
            "http://any:KEY@HOST/…, Authorization: Bearer KEY or ?key="
        )


class Forbidden(OriginError):
    """There is no key, so only this machine may publish."""

    status = 403

    def __init__(self) -> None:
        super().__init__(
            "no key is set, so only the origin's own machine may publish, and no proxy on it: "
            "set one with --publish-key KEY or SORGENTE_PUBLISH_KEY"
        )


class TokenNeeded(OriginError):
    """Watching takes a token, and none was given: nothing to call an error (RFC 6750 §3.1)."""

    status = 401
    headers = ((b"WWW-Authenticate", b'Bearer realm="sorgente"'),)

    def __init__(self) -> None:
        super().__init__(
            "watching this takes a token: /t/TOKEN/…, Authorization: Bearer TOKEN or ?token="
        )


class InvalidToken(OriginError):
    """A token that is none, that nobody known here has signed, or whose time is not now."""

    status = 401

    def __init__(self, why: str) -> None:
        """``why`` is a clause in ASCII without quotes (RFC 6750 §3), in words of ours alone."""
        super().__init__(f"the token is not valid: {why}")
        self.headers = ((b"WWW-Authenticate", _challenge("invalid_token", why)),)


class InsufficientScope(OriginError):
    """The token is good, and for something else."""

    status = 403

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.headers = ((b"WWW-Authenticate", _challenge("insufficient_scope", why)),)


def _challenge(error: str, description: str) -> bytes:
    """RFC 6750 §3."""
    said = f'Bearer realm="sorgente", error="{error}", error_description="{description}"'
    return said.encode("ascii")


class RefusedByProgram(OriginError):
    """The operator's program says no, with 401 or 403."""

    def __init__(self, status: int, why: str, *, to_watch: bool = False) -> None:
        super().__init__(why or "you may not")
        self.status = status
        if status == 401:
            # At Basic, ffmpeg sends what stands in its URL; and a browser asks for a password.
            self.headers = TokenNeeded.headers if to_watch else Unauthorized.headers


class Undecided(OriginError):
    """The operator's program does not say anything: not now."""

    status = 503

    def __init__(self) -> None:
        super().__init__("whether you may cannot be found out at the moment; come again")


class AdminKeyNeeded(OriginError):
    """Looking after the origin takes a key, which was not given, or another one."""

    status = 401
    # No Basic: a browser would ask for a user, and send the password to every page of the origin.
    headers = ((b"WWW-Authenticate", b'Bearer realm="sorgente"'),)

    def __init__(self, *, wrong: bool) -> None:
        super().__init__(
            "that is not the admin key"
            if wrong
            else "this takes the admin key: Authorization: Bearer KEY or ?key="
        )


class NoAdminKey(OriginError):
    """Looking after the origin takes a key, and there is none."""

    status = 403

    def __init__(self) -> None:
        super().__init__(
            "no admin key is set, so only the origin's own machine may look, and nobody may change "
            "anything: set one with --admin-key KEY or SORGENTE_ADMIN_KEY"
        )


class TooManyTracks(OriginError):
    """A channel has as many tracks as it may. What the encoder sends of the others is welcome, so
    it is told in a way that makes none give up (DASH-IF Ingest §5: 403)."""

    status = 403


class NotFound(OriginError):
    """Nothing is there."""

    status = 404


class MethodNotAllowed(OriginError):
    """The path is right, the method is not."""

    status = 405

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{method} is not for this path, which takes {', '.join(allowed)}")
        self.headers = ((b"Allow", ", ".join(allowed).encode()),)


class RequestTimeout(OriginError):
    """Nothing, or too little, came for too long."""

    status = 408


class PublisherConflict(OriginError):
    """Somebody else has the right to publish."""

    status = 409

    def __init__(self, channel: str, who: str, since: float, wall: float) -> None:
        began = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        super().__init__(
            f"{channel} is published by {who} since {began} ({wall - since:.0f} s); "
            "?takeover=1 ends that"
        )


class ChannelConflict(OriginError):
    """A channel is one muxed stream, or tracks with a path each; not both."""

    status = 409

    def __init__(self, channel: str, *, by_track: bool) -> None:
        how = "track by track" if by_track else "as one stream"
        super().__init__(f"{channel} is published {how} already")


class TakenOver(OriginError):
    """Somebody else took the right to publish over."""

    status = 409

    def __init__(self, channel: str, who: str) -> None:
        super().__init__(f"{channel} was taken over by {who}")


class EndedByOperator(OriginError):
    """Whoever runs the origin has ended the event."""

    status = 410

    def __init__(self, channel: str) -> None:
        super().__init__(f"{channel} was ended by the operator of this origin")


class Gone(OriginError):
    """It was there, and has left the window."""

    status = 410


class LengthRequired(OriginError):
    """A body that nobody can tell the end of (RFC 1945 §7.2.2)."""

    status = 411


class BodyTooLarge(OriginError):
    """A request body where only a small one makes sense."""

    status = 413


class UriTooLong(OriginError):
    """The request target is over its limit."""

    status = 414


class UnsupportedEncoding(OriginError):
    """A Content-Encoding we do not decode."""

    status = 415
    headers = ((b"Accept-Encoding", b"identity"),)  # RFC 9110 §15.5.16; manifests: gzip too


class RangeNotSatisfiable(OriginError):
    """The range asked for begins behind the end (RFC 9110 §15.5.17)."""

    status = 416

    def __init__(self, size: int) -> None:
        super().__init__(f"there are {size} bytes")
        self.headers = ((b"Content-Range", b"bytes */%d" % size),)


class TooManyFromAddress(OriginError):
    """One address holds too many connections."""

    status = 429


class HeadTooLarge(OriginError):
    """The request head is over its limit."""

    status = 431


class NotImplementedCoding(OriginError):
    """A Transfer-Encoding other than ``chunked`` (RFC 9112 §6.1: 501)."""

    status = 501


class Overloaded(OriginError):
    """A bound of the origin is reached: channels, connections, waiting players."""

    status = 503


class ShuttingDown(OriginError):
    """The origin is going away."""

    status = 503

    def __init__(self) -> None:
        super().__init__("the origin is shutting down")


class OutOfMemory(OriginError):
    """The memory for media is used up, and nothing more can be evicted."""

    status = 507
