"""The bytes of one connection, TCP or TLS: sent on the shortest way, and ended so that they arrive.

What a ``Transport`` does not do, or does at too high a price. Requests and responses are the
business of :class:`~.connection.Connection`, which is a stream that knows HTTP.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Final, cast

from sorgente.media.chunk import Buffer

RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""``struct linger``: on, for no time at all."""

TCP_INFO: Final = struct.Struct("120xQ")
"""Of Linux, as far as ``tcpi_bytes_acked`` (RFC 4898 tcpEStatsAppHCThruOctetsAcked; since 4.1)."""

LEAST_TAKEN: Final = 8 << 10
"""Bytes a second: 64 kbit/s. Who takes less sees nothing of what is live, and what is on its way to
him stays in memory, whatever has left the window."""


class Stream(asyncio.Protocol):
    """A transport, and who is at its other end."""

    __slots__ = ("_seen", "_socket", "_transport", "writable")

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._socket: int | None = None
        """Where to write past the transport, if nothing has to be encrypted."""
        self.writable = True
        """The other side takes more at once: as ``pause_writing`` and ``resume_writing`` say."""
        self._seen = (0.0, 0)
        """When it was looked how much the other side has taken, and how much that was."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._transport = transport
        encrypted = transport.get_extra_info("sslcontext") is not None
        self._socket = None if encrypted else _descriptor(transport)
        # Pause as soon as the kernel does not take everything: what is not sent yet stays in the
        # window, which holds it anyway (design §3 rule 4). asyncio's TLS compares with >=.
        transport.set_write_buffer_limits(high=1 if encrypted else 0)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever closed it."""
        self._socket = None  # its number is soon another's

    # Sending

    def send(self, data: Buffer, /) -> None:
        """Send, past the transport while nothing waits in it: a sixth of the cost of a delivery.

        The descriptor is the transport's. It is open until ``connection_lost``, by then nobody
        sends any more; and with a high-water mark of 0, what is not paused has nothing buffered
        that these bytes would overtake.
        """
        if self._socket is None or not self.writable:
            self._transport.write(data)
            return
        try:
            sent = os.write(self._socket, data)
        except OSError:
            sent = 0  # full or broken: the transport finds out, and knows what to do
        if sent < len(data):
            self._transport.write(memoryview(data)[sent:])

    def write(self, data: Buffer, /) -> None:
        """Send."""
        self._transport.write(data)

    def writelines(self, data: Sequence[Buffer], /) -> None:
        """Send several pieces."""
        self._transport.writelines(data)

    # Receipt

    @property
    def taken(self) -> int:
        """Bytes that the other side has acknowledged, in all, those of TLS with them; 0 where the
        system does not tell."""
        sock = self._transport.get_extra_info("socket")
        if sock is None or sys.platform != "linux":
            return 0
        try:
            told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO.size)
            return int(TCP_INFO.unpack(told)[0])
        except (OSError, struct.error):  # closed, no TCP, an older kernel
            return 0

    def look(self, now: float) -> None:
        """It takes no more at once, from ``now`` on."""
        self._seen = now, self.taken

    def takes(self, now: float) -> bool:
        """Whether the other side, which takes no more at once, takes it all the same, bit by bit:
        ``LEAST_TAKEN`` since it was asked last, or since the beginning of that."""
        since, before = self._seen
        self.look(now)
        return not self.writable and self._seen[1] - before >= LEAST_TAKEN * (now - since)

    # The end

    def _end_writing(self) -> None:
        """Say that nothing more comes, and read on, for whoever closes it later.

        Closing a socket with unread bytes in it resets the connection, and what was written last
        may be lost with it (RFC 9112 §9.6).
        """
        try:
            if self._transport.can_write_eof():
                self._transport.write_eof()
        except OSError:  # reset meanwhile: plain asyncio lets shutdown() raise
            self._transport.abort()
            return
        self._transport.resume_reading()

    def _reset_on_close(self) -> None:
        """Let the other side take the end, when it comes, for an accident."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def _descriptor(transport: asyncio.Transport) -> int | None:
    """Of the socket; None where a test has none."""
    sock = transport.get_extra_info("socket")
    return None if sock is None else sock.fileno()
