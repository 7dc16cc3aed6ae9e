"""A request, and what makes one acceptable beyond what llhttp checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

import msgspec

from sorgente.errors import (
    BadRequest,
    LengthRequired,
    NotImplementedCoding,
    UnsupportedEncoding,
)

NAME: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""Channels and tracks: what is safe in a path, a log line and a label without quoting."""

WITH_BODY: Final = ("POST", "PUT")
"""Methods of a request that is nothing without its body."""


class Request(msgspec.Struct, frozen=True, eq=False):
    """The head of a request: a struct, which is made in a third of a dataclass's time."""

    method: str
    target: bytes
    version: str
    """``1.1`` or ``1.0``."""
    headers: Mapping[bytes, bytes]
    """By name, in lower case. Lines of one name are one value, joined by ``, `` (RFC 9110 §5.3)."""
    keep_alive: bool
    peer: str
    """Address and port of the other side, for people."""
    token: bytes = b""
    """With what its path began, in front of ``target`` (``/t/{token}/…``)."""

    def __repr__(self) -> str:
        """Without headers and query, which may hold a key."""
        return f"<{self.method} {self.path!r} from {self.peer}>"

    def header(self, name: bytes) -> bytes | None:
        """The value of ``name``, given in lower case."""
        return self.headers.get(name)

    @property
    def path(self) -> bytes:
        """The target without its query, still percent-encoded."""
        target = self.target.partition(b"?")[0]
        if target[:1] != b"/":
            # absolute-form (RFC 9112 §3.2.2): a server MUST take it
            target = b"/" + target.partition(b"://")[2].partition(b"/")[2]
        return target

    @property
    def query_string(self) -> bytes:
        """What is behind the question mark."""
        return self.target.partition(b"?")[2]

    def query(self, name: str) -> str | None:
        """The first value of a query parameter. Never takes part in finding media (design §2)."""
        fields = parse_qs(self.query_string.decode("ascii", "replace"), keep_blank_values=True)
        return fields.get(name, [None])[0]

    @property
    def expects_continue(self) -> bool:
        """The client waits for a 100 before it sends its body (RFC 9110 §10.1.1)."""
        expect = self.header(b"expect")
        return self.version == "1.1" and expect is not None and expect.lower() == b"100-continue"

    @property
    def content_length(self) -> int | None:
        """Bytes of the body; None if it is chunked, or there is none."""
        length = self.header(b"content-length")
        return None if length is None else int(length)

    @property
    def has_body(self) -> bool:
        """A body is announced, be it empty."""
        headers = self.headers
        length = headers.get(b"content-length") or b"0"
        return length != b"0" or b"transfer-encoding" in headers

    @property
    def is_gzip(self) -> bool:
        """Its body is packed (RFC 9110 §8.4.1.3)."""
        coding = self.header(b"content-encoding")
        return coding is not None and coding.strip().lower() in (b"gzip", b"x-gzip")

    @property
    def who(self) -> str:
        """The other side, for people: its address and what it says it is."""
        agent = self.header(b"user-agent")
        if agent is None:
            return self.peer
        printable = agent.decode("ascii", "replace").replace("�", "?")[:100]
        return f"{self.peer} ({printable})"


def check(request: Request) -> None:
    """Refuse what llhttp lets through and we do not want.

    Raises:
        BadRequest, LengthRequired, NotImplementedCoding, UnsupportedEncoding
    """
    headers = request.headers
    if request.version not in ("1.1", "1.0"):
        raise BadRequest(f"HTTP/{request.version} is not spoken here, HTTP/1.1 is")
    host = headers.get(b"host")
    if (host is None and request.version == "1.1") or (host is not None and b", " in host):
        # RFC 9112 §3.2: a server MUST answer 400 to none and to several, which are joined by now.
        raise BadRequest("a request has one Host header")
    coding = headers.get(b"transfer-encoding")
    if coding is not None:
        if request.version == "1.0":
            # RFC 9112 §6.1: the framing is faulty, somebody in front may read it another way.
            raise BadRequest("Transfer-Encoding has no place in HTTP/1.0")
        if coding.strip().lower() != b"chunked":
            raise NotImplementedCoding("of transfer codings, only chunked is known here")
    if request.version == "1.0" and request.method in WITH_BODY and request.content_length is None:
        # Until the connection ends is no length for a request: its bytes would be taken for the
        # next one. In HTTP/1.1, neither a length nor a coding means that there is no body.
        raise LengthRequired("in HTTP/1.0, a body has a Content-Length")
    content_coding = headers.get(b"content-encoding")
    if content_coding is not None and content_coding.strip().lower() not in (b"identity", b""):
        # Manifests of encoders may be packed: the router knows which path is one.
        may_be_manifest = request.is_gzip and request.path.startswith(b"/ingest/")
        if not may_be_manifest:
            raise UnsupportedEncoding("bodies are taken as they are, without a Content-Encoding")


def name(segment: bytes, what: str) -> str:
    """``segment`` as the name of a channel or track.

    Raises:
        BadRequest: it is not one.
    """
    if NAME.fullmatch(segment) is None or segment in (b".", b".."):
        raise BadRequest(f"a {what} name is 1 to 64 of A-Z a-z 0-9 . _ - and not . or ..")
    return segment.decode("ascii")
