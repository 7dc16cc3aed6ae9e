"""Certificates of an authority that only the tests trust."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

import trustme

from tests.support.origin import Site


class Authority:
    """Signs certificates for 127.0.0.1."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def write(self, path: Path, ends: datetime | None = None) -> Path:
        """A new certificate, its chain and its key in one file."""
        issued = self._ca.issue_cert("127.0.0.1", not_after=ends)
        issued.private_key_and_cert_chain_pem.write_to_path(path)
        return path

    def context(self) -> ssl.SSLContext:
        """A server's, with a new certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert("127.0.0.1").configure_cert(context)
        return context

    def write_own(self, path: Path) -> Path:
        """Its own certificate, for programs that are to trust it."""
        self._ca.cert_pem.write_to_path(path)
        return path

    def trusted_at(self, site: Site) -> None:
        """Talk TLS to ``site``, and believe nobody else."""
        site.tls = ssl.create_default_context()
        self._ca.configure_trust(site.tls)
