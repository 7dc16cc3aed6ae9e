"""The keys that a request brings: ``Authorization: Bearer``, ``Basic`` or ``?key=``. And a token:
the same headers, ``?token=``, or what stands in front of its path, ``/t/{token}/live/…``.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from sorgente.http.request import Request

PREFIX: Final = b"/t/"
"""What a path begins with that has a token in it."""

COMPACT: Final = re.compile(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){2,4}")
"""What looks like a JWT, signed or encrypted (RFC 7515 §7.1, RFC 7516 §7.1)."""


class Shown(NamedTuple):
    """A token, and whether it was in the path."""

    token: bytes
    in_path: bool


def offered(request: Request) -> tuple[bytes, ...]:
    """What ``request`` gives as a key, at most one in its header and one in its query. Whatever
    cannot be read is no key."""
    keys = (
        _in_header(request.header(b"authorization")),
        _in_query(request.query_string, b"key"),
    )
    return tuple(key for key in keys if key)


def shown(request: Request) -> Shown | None:
    """The token that ``request`` gives: that in front of its path counts first, then that in its
    query; what stands in its header may be for a proxy on the way."""
    if request.token:
        return Shown(request.token, in_path=True)
    token = _in_query(request.query_string, b"token")
    if not token:
        token = _in_header(request.header(b"authorization"))
    return Shown(token, in_path=False) if token else None


def shown_to_publish(request: Request) -> bytes:
    """The token that ``request`` gives, be it where a key is given; empty if there is none."""
    token = request.token or _in_query(request.query_string, b"token")
    return token or next(filter(COMPACT.fullmatch, offered(request)), b"")


def without_prefix(request: Request) -> Request:
    """``request`` as if its token had been given in another way: what is made of it, and what is
    said of it, is the same for all tokens."""
    path = request.path
    if not path.startswith(PREFIX):
        return request
    token, slash, rest = path[len(PREFIX) :].partition(b"/")
    if not (token and slash):
        return request
    _, mark, query = request.target.partition(b"?")
    return msgspec.structs.replace(request, target=b"/" + rest + mark + query, token=token)


def _in_header(authorization: bytes | None) -> bytes:
    """Of several headers, which are one by now with commas in it, none is read: what stands in
    front of us may have looked at another one."""
    scheme, _, credentials = (authorization or b"").partition(b" ")
    match scheme.lower():
        case b"bearer":  # RFC 6750 §2.1
            return credentials.strip(b" ")
        case b"basic":
            return _password(credentials.strip(b" "))
    return b""


def _password(credentials: bytes) -> bytes:
    """Behind the first colon; a user has none (RFC 7617 §2). Which user does not matter."""
    try:
        return b64decode(credentials, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _in_query(query: bytes, wanted: bytes) -> bytes:
    """Percent-decoded, but ``+`` stays: base64 has it, and no key the space it is in forms."""
    for field in query.split(b"&"):
        name, _, value = field.partition(b"=")
        if name == wanted:
            return unquote_to_bytes(value)
    return b""
