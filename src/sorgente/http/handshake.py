"""TLS handshakes: how long each may take, and how many may be under way.

A listener of asyncio's begins any number of them. So a connection is accepted in the clear, its
socket is taken over before a byte is read, and TLS begins on that.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Final, cast

from sorgente.http.tls import Certificate

MAX_HANDSHAKES: Final = 2048
"""Under way at a time. A thousand players come at once when a match begins, and each costs a
millisecond of a core. Those of who says nothing add up, 56 KB each, until its time is over."""

NOT_TLS: Final = frozenset(
    {"HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL",
     "UNEXPECTED_MESSAGE", "PACKET_LENGTH_TOO_LONG"}
)  # fmt: skip
"""What OpenSSL says of bytes that are no ClientHello."""


class Failure(Enum):
    """Why nobody was let in."""

    TIMEOUT = "It took too long."
    CROWDED = "It was the oldest when there was one too many."
    NOT_TLS = "Something else is spoken: HTTP, or nothing known."
    ALERT = "The other side broke off, and said so: as a rule, it does not trust the certificate."
    GONE = "The other side left without a word."
    INCOMPATIBLE = "No version or cipher in common, or TLS that is wrong."


class Handshakes:
    """All of them. It is a listener's protocol factory: of ``connections``, once the other side has
    shaken hands."""

    def __init__(
        self,
        certificate: Certificate,
        connections: Callable[[], asyncio.Protocol],
        refused: Callable[[int], None],
        *,
        seconds: float,
        goodbye_seconds: float,
    ) -> None:
        """``refused`` is told how many are under way when there is one too many. ``seconds`` for a
        handshake, ``goodbye_seconds`` for the other side's close_notify at the end."""
        self.failures = dict.fromkeys(Failure, 0)
        self._certificate = certificate
        self._connections = connections
        self._refused = refused
        self._seconds = seconds
        self._goodbye_seconds = goodbye_seconds
        self._under_way: dict[socket.socket, asyncio.Task[None]] = {}

    def __call__(self) -> asyncio.Protocol:
        """For a connection that has just come."""
        return Newcomer(self._begin)

    def close(self) -> None:
        """Drop them all."""
        for sock in tuple(self._under_way):
            self._drop(sock)

    def _begin(self, sock: socket.socket) -> None:
        """If it is one too many, the oldest is dropped: an honest one takes a tenth of a second, so
        that is one of who says nothing."""
        if len(self._under_way) >= MAX_HANDSHAKES:
            self._refused(len(self._under_way))
            self.failures[Failure.CROWDED] += 1
            self._drop(next(iter(self._under_way)))
        self._under_way[sock] = asyncio.get_running_loop().create_task(self._shake(sock))

    def _drop(self, sock: socket.socket) -> None:
        self._under_way.pop(sock).cancel()
        _hang_up(sock)

    async def _shake(self, sock: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connections,
                sock,
                ssl=self._certificate.context,
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=self._goodbye_seconds,
            )
        except OSError as error:
            self.failures[_failure(error)] += 1
            _hang_up(sock)
        finally:
            self._under_way.pop(sock, None)


class Newcomer(asyncio.Protocol):
    """A connection as it is accepted: its socket is taken out of the transport."""

    __slots__ = ("_take",)

    def __init__(self, take: Callable[[socket.socket], None]) -> None:
        self._take = take

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it."""
        transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        transport.abort()  # which closes its descriptor, not the connection
        self._take(sock)


def _failure(error: OSError) -> Failure:
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if "ALERT" in reason:
            return Failure.ALERT
        return Failure.NOT_TLS if reason in NOT_TLS else Failure.INCOMPATIBLE
    # asyncio's own; a socket says ConnectionResetError or the like
    return Failure.TIMEOUT if isinstance(error, ConnectionAbortedError) else Failure.GONE


def _hang_up(sock: socket.socket) -> None:
    """Whoever has the socket now closes it."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
