"""What ``sorgente token`` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cyclopts import Parameter
from cyclopts.types import ExistingFile

from sorgente.http.ingest_path import DEFAULT_CHANNEL
from sorgente.tokens.grant import Action


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOrder:
    """One token."""

    sign_with: ExistingFile
    """File with the key to sign with: the private Ed25519 key (PEM or JWK), or the secret that the
    origin has too."""

    channel: tuple[str, ...] = (DEFAULT_CHANNEL,)
    """Channel that it is for, several, or "*"."""

    action: tuple[Action, ...] = ("watch",)
    """What it allows."""

    ttl: timedelta = timedelta(hours=1)
    """How long: 30s, 15m, 1h, 7d."""

    kid: str | None = None
    """Id of the key, if the file does not say it: with it, the origin knows which of its keys."""
