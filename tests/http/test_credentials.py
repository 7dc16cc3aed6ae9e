"""The keys that requests bring, whoever wrote them."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.http.credentials import offered
from sorgente.http.request import Request

visible = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
keys = st.text(visible, min_size=1, max_size=40)
users = st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"]), max_size=10)


def request(authorization: bytes | None = None, query: bytes = b"") -> Request:
    return Request(
        method="POST",
        target=b"/ingest/live" + (b"?" + query if query else b""),
        version="1.1",
        headers={} if authorization is None else {b"authorization": authorization},
        keep_alive=True,
        peer="192.0.2.1:5000",
    )


def basic(pair: bytes) -> bytes:
    return b"Basic " + b64encode(pair)


@given(keys, users)
def test_a_key_comes_through_in_every_form(key: str, user: str) -> None:
    wanted = (key.encode(),)
    assert offered(request(b"Bearer " + key.encode())) == wanted
    assert offered(request(basic(f"{user}:{key}".encode()))) == wanted
    assert offered(request(query=f"a=b&key={quote(key, safe='')}".encode())) == wanted
    raw = key.replace("%", "%25").replace("&", "%26")  # what else could not stand there
    assert offered(request(query=f"key={raw}&key=another".encode())) == wanted


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_they_bring_nothing_breaks(authorization: bytes, query: bytes) -> None:
    for header in (authorization, b"Basic " + authorization, b"Bearer " + authorization):
        found = offered(request(header, query))
        assert len(found) <= 2
        assert all(found)


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (b"bearer abc", b"abc"),
        (b"BEARER   abc ", b"abc"),
        (basic(b":abc"), b"abc"),
        (basic(b"a:b:c:"), b"b:c:"),
        (basic("ü:ß".encode()), "ß".encode()),
        (basic(b"u:\xff\xfe"), b"\xff\xfe"),
        (b"bAsIc  " + b64encode(b"u:abc"), b"abc"),
        (basic(b"abc"), None),
        (basic(b"u:"), None),
        (b"Basic dTphYmM", None),  # without its padding
        (b"Basic !!!!", None),
        (b"Basic =", None),
        (b"Basic \xff\xff", None),
        (b"Basic", None),
        (b"Bearer", None),
        (b"Bearer ", None),
        (b"", None),
        (b"abc", None),
        (b'Digest username="u", response="abc"', None),
        # Several headers, as the connection joins them (RFC 9110 §5.3).
        (basic(b"u:abc") + b", " + basic(b"u:abc"), None),
        (basic(b"u:abc") + b", Bearer abc", None),
        (b"Bearer abc, Bearer abc", b"abc, Bearer abc"),
    ],
)
def test_the_header_as_others_write_it(authorization: bytes, expected: bytes | None) -> None:
    assert offered(request(authorization)) == (() if expected is None else (expected,))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"key=a+b/c=", b"a+b/c="),
        (b"key=a%2Bb%2fc%3D", b"a+b/c="),
        (b"takeover=1&key=abc", b"abc"),
        (b"key=abc&takeover=1", b"abc"),
        (b"key=first&key=second", b"first"),
        (b"key=a%", b"a%"),
        (b"key=%ff", b"\xff"),
        (b"key=", None),
        (b"key", None),
        (b"KEY=abc", None),
        (b"monkey=abc", None),
        (b"", None),
    ],
)
def test_the_query_as_others_write_it(query: bytes, expected: bytes | None) -> None:
    assert offered(request(query=query)) == (() if expected is None else (expected,))


def test_both_may_be_given() -> None:
    assert offered(request(b"Bearer a", b"key=b")) == (b"a", b"b")


def test_a_request_shows_neither() -> None:
    shown = repr(request(b"Bearer geheim", b"key=geheim"))
    assert shown == "<POST b'/ingest/live' from 192.0.2.1:5000>"
