"""Requests that two readers could understand differently: refused, and the connection closed.

Behind each vector stands a request that must never be answered, and a publisher that must never
come to be.
"""

from __future__ import annotations

import pytest

from tests.support.origin import InProcess

SMUGGLED = b"POST /ingest/smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
POST = b"POST /ingest/front HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"

HEADS = {
    "both lengths": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, reversed": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths that differ": POST + b"Content-Length: 4\r\nContent-Length: 0\r\n\r\nabcd",
    "two lengths alike": POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": POST + b"Content-Length: 4, 4\r\n\r\nabcd",
    "a length with a sign": POST + b"Content-Length: +4\r\n\r\nabcd",
    "a negative length": POST + b"Content-Length: -4\r\n\r\nabcd",
    "a length in hex": POST + b"Content-Length: 0x4\r\n\r\nabcd",
    "a length with an underscore": POST + b"Content-Length: 1_0\r\n\r\nabcdefghij",
    "a length with a fraction": POST + b"Content-Length: 4.0\r\n\r\nabcd",
    "a length with a space inside": POST + b"Content-Length: 1 0\r\n\r\nabcdefghij",
    "an empty length": POST + b"Content-Length:\r\n\r\n",
    "a length over 64 bits": POST + b"Content-Length: 18446744073709551620\r\n\r\nabcd",
    "a length in other digits": POST + "Content-Length: ٤\r\n\r\nabcd".encode(),
    "a coding that is not known": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "identity as a coding": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "an empty coding": POST + b"Transfer-Encoding:\r\n\r\n",
    "a coding that is nearly chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked in quotes": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "chunked with a vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked, then another": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "another, then chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n",
    "a coding with a space before the colon": POST
    + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a length with a space before the colon": POST + b"Content-Length : 4\r\n\r\nabcd",
    "a folded header": POST + b"X: y\r\n Content-Length: 4\r\n\r\nabcd",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a header line that begins with a space": b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n",
    "bare line feeds": GET.replace(b"\r\n", b"\n") + b"\n",
    "one bare line feed": GET + b"X: y\nContent-Length: 4\r\n\r\nabcd",
    "a bare line feed at the end of the head": GET + b"\n",
    "a bare carriage return": GET + b"X: y\rContent-Length: 4\r\n\r\nabcd",
    "a carriage return too many": GET + b"X: y\r\r\n\r\n",
    "NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "NUL in a name": GET + b"X\0: ab\r\n\r\n",
    "NUL in the target": b"GET /health\0z HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a name": GET + b": x\r\n\r\n",
    "a header without a colon": GET + b"Header\r\n\r\n",
    "a name that is no token": GET + b"X(y): z\r\n\r\n",
    "two hosts": GET + b"Host: y\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "a space in the target": b"GET /health z HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method in lower case": b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method that is none": b"G@T /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a version that is none": b"GET /healthz HTTP/1.1.1\r\nHost: x\r\n\r\n",
    "a version to come": b"GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n",
    "a version before versions": b"GET /healthz HTTP/0.9\r\nHost: x\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
}
BODIES = {
    "a size with a sign": b"+4\r\nabcd\r\n0\r\n\r\n",
    "a negative size": b"-4\r\nabcd\r\n0\r\n\r\n",
    "a size with 0x": b"0x4\r\nabcd\r\n0\r\n\r\n",
    "a size with an underscore": b"0_4\r\nabcd\r\n0\r\n\r\n",
    "a size that is no number": b"xyz\r\nabcd\r\n0\r\n\r\n",
    "an empty size": b"\r\nabcd\r\n0\r\n\r\n",
    "a size with a space before it": b" 4\r\nabcd\r\n0\r\n\r\n",
    "a size with a space behind it": b"4 \r\nabcd\r\n0\r\n\r\n",
    "a size over 64 bits": b"10000000000000004\r\nabcd\r\n0\r\n\r\n",
    "a size behind a bare line feed": b"4\nabcd\r\n0\r\n\r\n",
    "a frame ended by a bare line feed": b"4\r\nabcd\n0\r\n\r\n",
    "a frame that is longer than it says": b"4\r\nabcde\r\n0\r\n\r\n",
    "a frame that is shorter than it says": b"5\r\nabcd\r\n0\r\n\r\n",
    "a bare line feed in an extension": b"4;x=\ny\r\nabcd\r\n0\r\n\r\n",
    "a bare carriage return in an extension": b"4;x=\ry\r\nabcd\r\n0\r\n\r\n",
    "NUL in an extension": b"4;x=\0\r\nabcd\r\n0\r\n\r\n",
    "bare line feeds at the end": b"4\r\nabcd\r\n0\n\n",
    "a trailer without a colon": b"4\r\nabcd\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
}
VECTORS = {**HEADS, **{name: CHUNKED + body for name, body in BODIES.items()}}


async def assert_refused(origin: InProcess, data: bytes, piece: int) -> None:
    before = await origin.metric("sorgente_bytes_in_total")
    wire = await origin.connect()
    try:
        for at in range(0, len(data), piece):
            await wire.send(data[at : at + piece])
    except (ConnectionResetError, BrokenPipeError):
        assert piece < len(data)  # the rest comes too late
    response = await wire.response()
    assert response.complete
    assert response.status in (400, 501), response
    assert response.headers["connection"] == "close"
    assert response.headers["access-control-allow-origin"] == "*"
    assert await wire.ends() == b"", "one answer, and nothing behind it"
    await origin.until_metric("sorgente_publishers", 0)
    assert origin.broker.get("smuggled") is None
    came = await origin.metric("sorgente_bytes_in_total") - before
    assert came <= 5, "not a byte of what is behind"


@pytest.mark.parametrize("vector", VECTORS)
async def test_nothing_gets_through_behind(origin: InProcess, vector: str) -> None:
    data = VECTORS[vector] + SMUGGLED
    for piece in (len(data), 1):
        await assert_refused(origin, data, piece)


@pytest.mark.parametrize("vector", ["both lengths", "one bare line feed", "two hosts"])
async def test_a_bad_request_behind_good_ones_is_refused_in_its_turn(
    origin: InProcess, vector: str
) -> None:
    wire = await origin.connect()
    await wire.send((GET + b"\r\n") * 3 + VECTORS[vector] + SMUGGLED)
    for _ in range(3):
        assert (await wire.response()).status == 200
    assert (await wire.response()).status == 400
    assert await wire.ends() == b""
    assert origin.broker.get("smuggled") is None


@pytest.mark.parametrize("status", [404, 405, 409])
@pytest.mark.parametrize("framing", [b"Content-Length: 1000", b"Transfer-Encoding: chunked"])
async def test_an_early_answer_ends_the_connection_so_that_a_body_is_never_a_request(
    origin: InProcess, framing: bytes, status: int
) -> None:
    """A client that stops at the answer, and one that goes on, mean different things by it."""
    await (await origin.publish("/ingest/taken")).send(b"mine")
    await origin.until_metric("sorgente_publishers", 1)
    target = {404: b"/nowhere", 405: b"/play", 409: b"/ingest/taken"}[status]
    wire = await origin.connect()
    await wire.send(b"POST " + target + b" HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n")
    response = await wire.response("POST")
    assert response.status == status
    assert response.headers["connection"] == "close"
    await wire.send(SMUGGLED)
    wire.half_close()
    assert await wire.ends() == b""
    assert origin.broker.get("smuggled") is None
