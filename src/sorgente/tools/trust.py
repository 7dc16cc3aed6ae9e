"""Whose certificates tools believe."""

from __future__ import annotations

import ssl
from pathlib import Path

from sorgente.tools.errors import UnusableArgument


def trust(cacert: Path | None, *, insecure: bool = False) -> ssl.SSLContext:
    """What certificates are checked with. ``cacert``: an authority, and no other is believed; None:
    those of this machine, or of ``SSL_CERT_FILE``. ``insecure``: anybody.

    Raises:
        UnusableArgument: there is no certificate in the file.
    """
    try:
        context = ssl.create_default_context(cafile=cacert)
    except (ssl.SSLError, OSError) as error:
        why = "not in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise UnusableArgument(f"--cacert {cacert}: no certificate there: {why}") from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def distrust(error: BaseException) -> str | None:
    """Why a certificate was not believed, in one line; None: that was not it."""
    cause = error
    # aiohttp's is one too, but only what it comes from says why.
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return None
    return f"its certificate is not good: {cause.verify_message}"
