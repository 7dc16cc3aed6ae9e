"""The listening sockets: options that the connections they accept inherit, set once.

Linux hands them on at accept; where a system does not, nothing but speed is lost.
"""

from __future__ import annotations

import socket
from typing import Final, Protocol

BACKLOG: Final = 4096
"""Connections the kernel may hold for us: a thousand players come at once when a match begins.
Linux cuts it to net.core.somaxconn."""

NOTSENT_LOWAT_BYTES: Final = 128 * 1024
"""A tenth of a second at 10 Mbit/s: enough to keep a link busy between two rounds of the loop. The
kernel calls a socket writable only when less than this is left unsent in it, so what a slow player
has not got yet waits in the window, from where it can be skipped."""

KEEPALIVE: Final = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
"""A player that waits and whose network is gone without a word is noticed after two minutes."""


class Tunable(Protocol):
    """A socket, or what uvloop has in its place."""

    def setsockopt(self, level: int, option: int, value: int, /) -> None:
        """As :meth:`socket.socket.setsockopt`."""


def tune(listener: Tunable) -> None:
    """Set the options that connections of ``listener`` inherit."""
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (*KEEPALIVE, ("TCP_NOTSENT_LOWAT", NOTSENT_LOWAT_BYTES)):
        option = getattr(socket, name, None)  # not every system has every one
        if option is not None:
            listener.setsockopt(socket.IPPROTO_TCP, option, value)
