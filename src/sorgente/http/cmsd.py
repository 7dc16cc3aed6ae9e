"""CMSD: what an origin says of an object to the caches and players behind it (CTA-5006).

Two response headers, structured fields of RFC 8941:

    CMSD-Static:  ot=v,sf=d,st=l,d=2000,br=3012,at=1795348802040,n="sorgente"      a dictionary
    CMSD-Dynamic: "sorgente";rd=35                                                  a list

*Static* belongs to the object: caches keep it with the bytes. *Dynamic* belongs to the answer:
every hop adds itself. Only what is known for certain is said; a key that is not there means just
that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from sorgente.media.snapshot import Kind

NAME: Final = b"sorgente"
"""Who says so (``n``)."""

ObjectType = Literal["m", "i", "v", "a", "tt", "o"]
"""Manifest, init segment, video, audio, timed text, other."""

OBJECT_TYPES: Final[Mapping[Kind, ObjectType]] = {
    "video": "v",
    "audio": "a",
    "text": "tt",
    "meta": "o",
}

AT_ONCE: Final = b'CMSD-Dynamic: "%b";rd=0\r\n' % NAME
"""Of an answer that waited for nothing."""


def static(
    object_type: ObjectType,
    *,
    live: bool = True,
    duration: int | None = None,
    bitrate: int | None = None,
    available_at: int | None = None,
) -> bytes:
    """The ``CMSD-Static`` line of a DASH object.

    ``duration`` in ms, ``bitrate`` in kbit/s; ``available_at`` is when its first byte was here, in
    ms since 1970. ``live``: the segments come about over time (``st=l``), and are not all there.
    """
    keys: list[tuple[bytes, int | None]] = [
        (b"d", duration),
        (b"br", bitrate),
        (b"at", available_at),
    ]
    numbers = b"".join([b",%b=%d" % (key, value) for key, value in keys if value is not None])
    stream = b"l" if live else b"v"
    return b'CMSD-Static: ot=%b,sf=d,st=%b%b,n="%b"\r\n' % (
        object_type.encode(),
        stream,
        numbers,
        NAME,
    )


def dynamic(delay: float) -> bytes:
    """The ``CMSD-Dynamic`` line of an answer whose first byte was there ``delay`` seconds after its
    request (``rd``)."""
    return b'CMSD-Dynamic: "%b";rd=%d\r\n' % (NAME, round(delay * 1000))
