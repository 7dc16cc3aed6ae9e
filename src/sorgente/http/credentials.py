"""The keys that a request brings: ``Authorization: Bearer``, ``Basic``, or ``?key=``."""

from __future__ import annotations

import binascii
from base64 import b64decode
from urllib.parse import unquote_to_bytes

from sorgente.http.request import Request


def offered(request: Request) -> tuple[bytes, ...]:
    """What ``request`` gives as a key, at most one in its header and one in its query. Whatever
    cannot be read is no key."""
    keys = (_in_header(request.header(b"authorization")), _in_query(request.query_string))
    return tuple(key for key in keys if key)


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


def _in_query(query: bytes) -> bytes:
    """Percent-decoded, but ``+`` stays: base64 has it, and no key the space it is in forms."""
    for field in query.split(b"&"):
        name, _, value = field.partition(b"=")
        if name == b"key":
            return unquote_to_bytes(value)
    return b""
