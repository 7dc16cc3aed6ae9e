"""What encoders are told, clause by clause (DASH-IF Live Media Ingest v1.2, RFC 9110): the status,
a line that says why, and whether the connection goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from sorgente.http.posted import MAX_MANIFEST
from sorgente.isobmff.scanner import BoxLimits
from sorgente.keys import Key
from tests.support import boxes
from tests.support.live import video
from tests.support.objects import segments
from tests.support.transport import (
    LOCAL,
    House,
    RecordingTransport,
    body_of,
    header,
    request,
    status,
)

UPLOAD = video(50, gop=25)
(FIRST, SECOND) = segments(UPLOAD, chunks=25)
ELSEWHERE = "192.0.2.7"
HUGE = UPLOAD.init + boxes.u32(BoxLimits().max_box + 1) + b"moof" + bytes(99)


@dataclass(frozen=True)
class Case:
    """A request, what is answered, and who says so."""

    clause: str
    path: str
    body: bytes
    status: int
    says: bytes
    method: str = "PUT"
    version: str = "1.1"
    lines: tuple[bytes, ...] = ()
    host: str = LOCAL
    key: Key | None = None
    stays: bool = True
    """The connection."""
    sized: bool = True
    """The body has a Content-Length."""


CASES = [
    Case("§6.2 1: an empty POST is answered", "a/v/1.cmfv", b"", 200, b"0 bytes"),
    Case("§7: an object to remove that is not there", "a/v/9.m4s", b"", 404, b"has no", "DELETE"),
    Case("§5: 403 without permission", "a/v/1.cmfv", UPLOAD.init, 403, b"--publish-key",
         host=ELSEWHERE, stays=False),
    Case("RFC 9110 §15.5.2: 401, as ffmpeg waits for it", "a/v/1.cmfv", UPLOAD.init, 401, b"key",
         key=Key("k" * 16), stays=False),
    Case("§5: 404, no such publishing point", "a/b/c/d.cmfv", UPLOAD.init, 404, b"nothing at"),
    Case("§5: 404, no such publishing point", "a/b/c/d", UPLOAD.init, 404, b"nothing at",
         stays=False),
    Case("§5: 412, no init segment", "a/v/1.cmfv", FIRST, 412, b"missing or incorrect init"),
    Case("§5: 412, no init segment", "a/chunk-0-1.m4s", FIRST, 412, b"missing or incorrect init"),
    Case("§5: 412, no init segment", "a/Streams(v.cmfv)", FIRST, 412, b"missing or incorrect init"),
    Case("§5: 415, MPEG-TS", "a/v/1.ts", b"\x47" * 188, 415, b".ts"),
    Case("§5: 415, MPEG-TS by another name", "a/v/1.m4s", b"\x47" * 188, 415, b"fragmented MP4"),
    Case("RFC 9110 §15.5.16: 415, a coding", "a/v/1.cmfv", b"\x1f\x8b\x08", 415,
         b"Content-Encoding", lines=(b"Content-Encoding: gzip",)),
    Case("RFC 9110 §15.5.16: 415, a manifest's, but for gzip", "a/x.mpd", b"\x1f\x8b\x08", 415,
         b"Content-Encoding", lines=(b"Content-Encoding: br",), stays=False),
    Case("RFC 9110 §15.5.12: 411", "a", UPLOAD.whole, 411, b"Content-Length", "POST", "1.0",
         sized=False, stays=False),
    Case("RFC 9110 §15.5.14: 413, a manifest", "a/x.mpd", b"<" * (MAX_MANIFEST + 1), 413,
         b"may have 1048576 bytes"),
    Case("RFC 9110 §15.5.14: 413, a box", "a/v/1.cmfv", HUGE, 413,
         b"moof"),
    Case("§5: 400, no name", "a/%2e%2e/1.cmfv", UPLOAD.init, 400, b"name is"),
    Case("§5: 400, a cut body", "a/v/1.cmfv", UPLOAD.init + FIRST[:-1], 400, b"ended"),
    Case("§5: 400, no XML", "a/x.mpd", b"<MPD", 400, b"not XML"),
    Case("§5: 400, no playlist", "a/x.m3u8", b"<MPD/>", 400, b"#EXTM3U"),
    Case("RFC 9110 §14.5: 400, a part", "a/v/1.cmfv", UPLOAD.init, 400, b"ranges",
         lines=(b"Content-Range: bytes 0-9/99",)),
]  # fmt: skip


def send(house: House, transport: RecordingTransport, case: Case) -> bytes:
    head = f"{case.method} /ingest/{case.path} HTTP/{case.version}".encode()
    length = (b"Content-Length: %d" % len(case.body),) if case.sized else ()
    transport.receive(request(head, *length, *case.lines, body=case.body))
    return transport.take()


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.clause}, {case.path}")
def test_what_encoders_are_told(case: Case, method: str) -> None:
    """§5: PUT and POST are one thing."""
    house = House(key=case.key)
    transport = house.connect(case.host)
    if case.method != "DELETE":
        case = replace(case, method=method)
    answer = send(house, transport, case)
    assert status(answer) == case.status
    told = body_of(answer)
    assert case.says in told
    assert told.count(b"\n") == 1, "one line"
    assert len(told) < 250
    assert transport.eof is not case.stays
    assert (header(answer, b"Connection") == b"close") is not case.stays
    if case.stays:
        again = Case("", "a/other/1.cmfv", UPLOAD.init, 200, b"")
        assert status(send(house, transport, again)) == 200


def test_one_that_cannot_be_decoded_says_what_can() -> None:
    house = House()
    answer = send(house, house.connect(), next(each for each in CASES if each.lines))
    assert header(answer, b"Accept-Encoding") == b"identity"


def test_an_encoder_of_http_1_0_with_a_length_is_welcome() -> None:
    house = House()
    case = Case("", "a", UPLOAD.whole, 200, b"", "POST", "1.0")
    assert status(send(house, house.connect(), case)) == 200


@pytest.mark.parametrize("path", ["a/v9/1.cmfv", "a/Streams(v9.cmfv)", "a/init-v9.m4s"])
def test_one_track_too_many(path: str) -> None:
    """§5: 403, and what is here already is welcome on the same connection."""
    house = House(tracks=2)
    transport = house.connect()
    for track in ("v1", "v2"):
        assert (
            status(send(house, transport, Case("", f"a/{track}/1", UPLOAD.init, 200, b""))) == 200
        )
    answer = send(house, transport, Case("", path, UPLOAD.init, 403, b""))
    assert status(answer) == 403
    assert body_of(answer) == b"a has 2 tracks, and --max-tracks allows 2\n"
    assert header(answer, b"Connection") is None
    assert status(send(house, transport, Case("", "a/v1/2", FIRST, 200, b""))) == 200
    assert status(send(house, transport, Case("", "a/v2/2", FIRST, 200, b""))) == 200
    assert not transport.closed
