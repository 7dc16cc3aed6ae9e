"""Proxies in front of the origin: for whom they speak, if they are those we know.

A proxy names its client in every request (``X-Forwarded-For``, or ``Forwarded`` of RFC 7239), or
once, in front of everything else on a connection (HAProxy's PROXY protocol, versions 1 and 2).
Anybody can write such a line, so it counts only from addresses that the operator has named.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from sorgente.errors import BadRequest
from sorgente.http.address import Address, read_address

Network = IPv4Network | IPv6Network

MAX_LINE: Final = 107
"""Bytes of a header of version 1, at most (PROXY protocol §2.1)."""

MAX_HEADER: Final = 4096
"""Bytes of one of version 2: ten times what HAProxy says of a client's certificate."""

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED: Final = struct.Struct(">12sBBH")
_IPV4: Final = struct.Struct(">4s4sHH")
_IPV6: Final = struct.Struct(">16s16sHH")
_LOCAL, _PROXY = 0x20, 0x21
_ADDRESSES: Final = {0x11: (_IPV4, IPv4Address), 0x21: (_IPV6, IPv6Address)}

_FOR: Final = re.compile(rb'for="?([^",;]+)', re.IGNORECASE)
_WITH_PORT: Final = re.compile(r"\[(?P<six>[^\]]+)\](:\d+)?|(?P<four>[\d.]+):\d+")

Peer = tuple[str, int]
"""Address and port."""


class Proxies:
    """Those whose word counts."""

    __slots__ = ("_networks",)

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = tuple(networks)

    def trusts(self, host: str) -> bool:
        """Whether ``host`` is one of them."""
        if not self._networks:
            return False
        address = _address(host)
        return address is not None and self._knows(address)

    def client(self, headers: Mapping[bytes, bytes]) -> str | None:
        """Whom a trusted proxy speaks for: the last that is not one of them. None if it does not
        say, or says what is no address."""
        for said in reversed(list(_chain(headers))):
            address = _address(said)
            if address is None:
                return None
            if not self._knows(address):
                return str(address)
        return None

    def _knows(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _chain(headers: Mapping[bytes, bytes]) -> Iterator[str]:
    """Who asked, as each proxy on the way has added it."""
    forwarded_for = headers.get(b"x-forwarded-for")
    if forwarded_for is not None:
        parts: Sequence[bytes] = forwarded_for.split(b",")
    else:
        parts = _FOR.findall(headers.get(b"forwarded", b""))
    for part in parts:
        yield part.strip().decode("ascii", "replace")


def _address(said: str) -> Address | None:
    """With or without a port."""
    with_port = _WITH_PORT.fullmatch(said)
    return read_address(said if with_port is None else with_port["six"] or with_port["four"])


def read_header(data: bytes) -> tuple[Peer | None, int] | None:
    """The client that the PROXY header at the start of ``data`` names (None: the proxy itself
    asks), and how long the header is; None if more has to come.

    Raises:
        BadRequest: it is none.
    """
    if data.startswith(SIGNATURE):
        return _read_binary(data)
    if data.startswith(b"PROXY "):
        return _read_line(data)
    if SIGNATURE.startswith(data) or b"PROXY ".startswith(data):
        return None
    raise BadRequest("connections of a proxy begin with a PROXY header here, and this one does not")


def _read_line(data: bytes) -> tuple[Peer | None, int] | None:
    """Version 1: ``PROXY TCP4 client origin port port``."""
    line, end, _ = data[:MAX_LINE].partition(b"\r\n")
    if not end:
        if len(data) >= MAX_LINE:
            raise BadRequest(f"a PROXY header has {MAX_LINE} bytes at most")
        return None
    _, family, *fields = line.decode("ascii", "replace").split(" ")
    size = len(line) + len(end)
    if family == "UNKNOWN":
        return None, size
    try:
        client, _, port, _ = fields
        address = {"TCP4": IPv4Address, "TCP6": IPv6Address}[family](client)
        return (str(address), int(port)), size
    except (ValueError, KeyError):
        raise BadRequest("the PROXY header does not say TCP4 or TCP6 and addresses") from None


def _read_binary(data: bytes) -> tuple[Peer | None, int] | None:
    """Version 2."""
    if len(data) < _FIXED.size:
        return None
    _, command, family, length = _FIXED.unpack_from(data)
    size = _FIXED.size + length
    if size > MAX_HEADER:
        raise BadRequest(f"a PROXY header has {MAX_HEADER} bytes at most, not {size}")
    if len(data) < size:
        return None
    if command == _LOCAL or (command == _PROXY and family not in _ADDRESSES):
        return None, size  # it checks whether we are there; or a client without an IP address
    if command != _PROXY:
        raise BadRequest(f"PROXY protocol: no command {command:#04x} is known")
    layout, kind = _ADDRESSES[family]
    if length < layout.size:
        raise BadRequest("the PROXY header is too short for its addresses")
    client, _, port, _ = layout.unpack_from(data, _FIXED.size)
    return (str(kind(client)), port), size
