"""The start of a connection behind a proxy that speaks the PROXY protocol."""

from __future__ import annotations

import asyncio
from typing import cast

from sorgente.errors import BadRequest
from sorgente.http.connection import Connection
from sorgente.http.household import Household
from sorgente.http.proxies import Peer, read_header


class Preface(asyncio.Protocol):
    """Reads the header, then makes way for a :class:`~.connection.Connection` of the client's.

    Who is no proxy of ours has none: his first bytes are a request's.
    """

    __slots__ = ("_household", "_received", "_transport")

    def __init__(self, household: Household) -> None:
        self._household = household
        self._received = b""
        self._transport: asyncio.Transport | None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the header, for as long as a request head may take."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        host, _ = (transport.get_extra_info("peername") or ("", 0))[:2]
        if self._household.proxies.trusts(host):
            self._household.after(self._household.limits.head_seconds, self._give_up)
        else:
            self._make_way(None, b"")

    def data_received(self, data: bytes) -> None:
        """Read the header."""
        self._received += data
        try:
            header = read_header(self._received)
        except BadRequest as error:
            self._make_way(None, b"").request_breaks(error)
            return
        if header is not None:
            peer, size = header
            self._make_way(peer, self._received[size:])

    def connection_lost(self, exc: Exception | None) -> None:
        """The proxy has changed its mind."""
        self._transport = None

    def _give_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _make_way(self, peer: Peer | None, data: bytes) -> Connection:
        transport, self._transport = self._transport, None
        assert transport is not None, "it was not lost"
        connection = Connection(self._household, peer)
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if data and not transport.is_closing():
            connection.data_received(data)
        return connection
