"""Whether the origin of this machine answers: the health check of the container.

``python -IS healthcheck.py [PORT]``; else port ``$SORGENTE_PORT``, or 8080. Exit code 0: yes.
It runs every few seconds on the core that the origin needs, so it imports little: 15 ms, where
``urllib.request`` takes 80.
"""

import os
import socket
import sys

TIMEOUT = 1.0
"""Seconds that each step may take."""
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def answer(port: int, *, tls: bool) -> bytes:
    """The first bytes of the answer; none if the origin hung up."""
    with socket.create_connection(("localhost", port), TIMEOUT) as plain:
        if not tls:
            plain.sendall(REQUEST)
            return plain.recv(12)
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # it is for the name that players use
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(plain) as secure:
            secure.sendall(REQUEST)
            return secure.recv(12)


def main() -> None:
    """Exit with 1 and a line if it does not answer."""
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SORGENTE_PORT", "8080"))
    try:
        # With --cert, the origin hangs up on plain HTTP.
        got = answer(port, tls=False) or answer(port, tls=True)
    except OSError as error:
        sys.exit(f"nothing at port {port}: {error}")
    if got != b"HTTP/1.1 200":
        sys.exit(f"port {port} answers {got!r}")


if __name__ == "__main__":
    main()
