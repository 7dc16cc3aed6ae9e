"""Ports for programs that have to be told one."""

from __future__ import annotations

import random
import socket
from typing import Final

FREE: Final = range(20_000, 32_768)
"""Below what Linux gives out by itself: no connection takes one before the program does."""


def free_port() -> int:
    """For TCP and UDP, on 127.0.0.1."""
    while True:
        port = random.SystemRandom().choice(FREE)
        with (
            socket.socket() as tcp,
            socket.socket(type=socket.SOCK_DGRAM) as udp,
        ):
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue  # it is somebody's
        return port
