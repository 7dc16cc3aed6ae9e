"""TLS: a certificate, and the one that takes its place while the origin runs."""

from __future__ import annotations

import ssl
from datetime import datetime
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
        self.context, self.expires = self._load()
        self.reloaded = True
        """What the files held when they were read last was a certificate."""

    def reload(self) -> None:
        """Take what the files hold now, for connections to come.

        Raises:
            BadCertificate: nothing has changed.
        """
        self.reloaded = False
        self.context, self.expires = self._load()
        self.reloaded = True

    def _load(self) -> tuple[ssl.SSLContext, datetime]:
        """A context of its own, as half of a pair that does not match would stay in ours."""
        context = _context()
        files = " and ".join(map(str, filter(None, (self._chain, self._key))))
        try:
            # A password is not asked for on the terminal: nobody may be there.
            context.load_cert_chain(self._chain, self._key, password=lambda: "")
        except ssl.SSLError as error:
            reason = (error.reason or "not in PEM, or encrypted").replace("_", " ").lower()
            raise BadCertificate(f"no certificate and key in {files}: {reason}") from error
        except OSError as error:
            raise BadCertificate(f"{files}: {error.strerror}") from error
        return context, self._expiry()

    def _expiry(self) -> datetime:
        """Of the first certificate, which is the server's own. Not the earliest of all: a chain may
        end in one that is cross-signed by an authority of the past, and nobody minds."""
        from cryptography.x509 import load_pem_x509_certificates  # 0.1 s, for HTTPS only

        try:
            return load_pem_x509_certificates(self._chain.read_bytes())[0].not_valid_after_utc
        except (ValueError, OSError) as error:
            raise BadCertificate(f"no certificate in {self._chain}: {error}") from error


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
    context.set_alpn_protocols(ALPN)
    return context
