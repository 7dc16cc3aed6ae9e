"""TLS: a certificate, and the one that takes its place while the origin runs."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

ALPN: Final = ["http/1.1"]
"""A client that also speaks HTTP/2 is told to leave it (RFC 7301)."""


class BadCertificate(Exception):
    """No certificate and key that belong together; ``str()`` is one line that says why."""


class Certificate:
    """A certificate chain and its key, in PEM files."""

    def __init__(self, chain: Path, key: Path | None = None) -> None:
        """``key``: None if it is in the file of the chain.

        Raises:
            BadCertificate
        """
        self._chain = chain
        self._key = key
        self.context = _context()
        self._load(self.context)

    def reload(self) -> None:
        """Take what the files hold now, for connections to come.

        Raises:
            BadCertificate: nothing has changed.
        """
        self._load(_context())  # half of a pair that does not match would stay in ours
        self._load(self.context)

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            # A password is not asked for on the terminal: nobody may be there.
            context.load_cert_chain(self._chain, self._key, password=lambda: "")
        except ssl.SSLError as error:
            files = " and ".join(map(str, filter(None, (self._chain, self._key))))
            reason = (error.reason or "not in PEM, or encrypted").replace("_", " ").lower()
            raise BadCertificate(f"no certificate and key in {files}: {reason}") from error
        except OSError as error:
            raise BadCertificate(f"{self._chain}, {self._key}: {error.strerror}") from error


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
    context.set_alpn_protocols(ALPN)
    return context
