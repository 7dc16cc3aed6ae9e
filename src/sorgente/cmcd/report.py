"""One report of one player, by whatever way it came. Keys: CTA-5004 §5, CTA-5004-B.

    query      ?CMCD=bl%3D2100%2Cot%3Dv%2Csid%3D%22…%22
    headers    CMCD-Request: bl=2100   CMCD-Object: ot=v   CMCD-Session: sid="…"   CMCD-Status: bs
    event      POST, a line each: e=ps,sta=r,sid="…",ts=…,v=2

Version 2 has lists where version 1 has numbers: ``br=(3000;v 128;a)``. Both are read alike,
whatever ``v`` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from sorgente.cmcd.dictionary import Members, flag, members, number, numbers, token

QUERY: Final = re.compile(rb"[?&]CMCD=([^&#]++)").search
"""The parameter, in a request target."""

HEADERS: Final = (b"cmcd-session", b"cmcd-object", b"cmcd-request", b"cmcd-status")
"""Lower case. The first one has the session, without which nothing counts."""

MAX_SESSION: Final = 64
"""Bytes of a session's name (CTA-5004 §5, ``sid``)."""

MAX_BUFFER: Final = 3_600_000.0
"""ms of media, or of a stall: an hour."""
MAX_LATENCY: Final = 86_400_000.0
"""ms: a day of time shift. Shaka 5.2 counts from another zero than ours, and says -56 years."""
MAX_BIT_RATE: Final = 10_000_000.0
"""kbit/s, of media: uncompressed 8K needs five times as much, which nobody streams."""
MAX_THROUGHPUT: Final = 1_000_000_000.0
"""kbit/s."""
MAX_RATE: Final = 100.0
"""Times real time."""

Format = Literal["dash", "hls", "smooth", "other"]
State = Literal["starting", "playing", "seeking", "rebuffering", "paused", "waiting", "ended",
                "failed", "quit", "preloading"]  # fmt: skip

FORMATS: Final[Mapping[bytes, Format]] = {b"d": "dash", b"h": "hls", b"s": "smooth", b"o": "other"}
STATES: Final[Mapping[bytes, State]] = {
    b"s": "starting", b"p": "playing", b"k": "seeking", b"r": "rebuffering", b"a": "paused",
    b"w": "waiting", b"e": "ended", b"f": "failed", b"q": "quit", b"d": "preloading",
}  # fmt: skip

OTHER: Final = b"o"
"""An object that is neither picture nor sound."""

ESCAPES: Final = tuple(
    (b"%%%02X" % ord(character), character) for character in (b",", b"=", b'"', b";", b"(", b")")
)
"""What players have to escape in any report: decoding these as words is four times as fast as
:func:`unquote_to_bytes`, which does the rest."""


class Pair(NamedTuple):
    """A number for the picture, or for both if they come together; and one for the sound."""

    video: float | None = None
    audio: float | None = None


UNKNOWN: Final = Pair()


class Report(msgspec.Struct, frozen=True):
    """What a player says, as far as it does: None is that it does not."""

    session: bytes
    format: Format | None = None
    state: State | None = None
    buffer: Pair = UNKNOWN
    """Seconds of media."""
    bit_rate: Pair = UNKNOWN
    """bit/s, as encoded, of what is being asked for."""
    throughput: float | None = None
    """bit/s, as measured by the player."""
    latency: float | None = None
    """Seconds behind live."""
    playback_rate: float = 1.0
    """Times real time; 1 is what need not be said."""
    starved: bool = False
    """The buffer ran dry since the report before."""
    starved_seconds: float | None = None
    """How long that took, once it is over."""
    failed: bool = False
    """It tells of an error."""


def of_request(target: bytes, headers: Mapping[bytes, bytes]) -> Report | None:
    """What a request says by its query, or by its headers; None: nothing that could be read."""
    query = QUERY(target)
    if query is not None:
        return of_text(_decoded(query[1]))
    return of_text(b",".join([headers[each] for each in HEADERS if each in headers]))


def of_text(text: bytes) -> Report | None:
    """What a dictionary says; None: it is none, or nobody knows whose."""
    said = members(text)
    if said is None:
        return None
    session = said.get(b"sid", b"").strip(b'" ')
    if not 0 < len(session) <= MAX_SESSION:
        return None
    get = said.get
    about = token(get(b"ot"))
    throughput = numbers(get(b"mtp"), MAX_THROUGHPUT)
    starved = numbers(get(b"bsd"), MAX_BUFFER)
    latency = number(get(b"ltc"), MAX_LATENCY)
    rate = number(get(b"pr"), MAX_RATE)
    return Report(
        session,
        FORMATS.get(token(get(b"sf"))),
        STATES.get(token(get(b"sta"))),
        _pair(said, b"bl", about, MAX_BUFFER, 0.001),
        # Of a session, and not of an object, Shaka tells the sum: it would be added to its parts.
        _pair(said, b"br", about or OTHER, MAX_BIT_RATE, 1000.0),
        max(throughput)[0] * 1000.0 if throughput else None,
        None if latency is None else latency / 1000.0,
        1.0 if rate is None else rate,
        flag(get(b"bs")),
        max(starved)[0] / 1000.0 if starved else None,
        get(b"e") == b"e",
    )


def _pair(said: Members, key: bytes, about: bytes, maximum: float, unit: float) -> Pair:
    """What is said of picture and sound, by each number's own token, or by the object's."""
    value = said.get(key)
    if value is None:
        return UNKNOWN
    video = audio = None
    for found, own in numbers(value, maximum):
        match own or about:
            case b"v" | b"av" | b"":
                video = found * unit
            case b"a":
                audio = found * unit
    return Pair(video, audio)


def _decoded(value: bytes) -> bytes:
    """A query parameter's value. URLSearchParams, which newer players use, writes blanks as +."""
    if b"+" in value:
        value = value.replace(b"+", b" ")
    for escape, character in ESCAPES:
        value = value.replace(escape, character)
    return unquote_to_bytes(value) if b"%" in value else value
