"""Tokens that were looked at before are known again: a signature is checked once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final, Protocol

from sorgente.errors import InvalidToken
from sorgente.tokens.grant import Action, Grant

MAX_TOKEN_BYTES: Final = 4096
"""A few claims and a signature have 200; this is half of what proxies let a path have."""

GRANTS_KEPT: Final = 16_384
"""Tokens whose signature is not checked again: one for every connection there may be, 10 MB."""


class BadTokenKey(Exception):
    """No key for tokens; ``str()`` is one line that says why, without the key."""


class Signatures(Protocol):
    """What knows whose signatures count (:class:`~.keys.TokenKeys`)."""

    def payload_of(self, token: bytes) -> bytes:
        """What was signed. Raises InvalidToken."""


class TokenDesk:
    """Where tokens are shown. Keeps what they allow by their digests, never one of them."""

    __slots__ = ("_grants", "_signatures")

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures
        self._grants: OrderedDict[bytes, Grant] = OrderedDict()

    def __len__(self) -> int:
        return len(self._grants)

    def change_keys(self, signatures: Signatures) -> None:
        """From now on others count: what the old ones have signed is looked at again."""
        self._signatures = signatures
        self._grants.clear()

    def check(self, token: bytes, channel: str, action: Action, wall: float) -> Grant:
        """What ``token`` allows, ``action`` on ``channel`` at the time ``wall`` among it.

        Raises:
            InvalidToken: it is none, or not any more.
            InsufficientScope: it allows something else.
        """
        grant = self._grant(token)
        grant.check(channel, action, wall)
        return grant

    def _grant(self, token: bytes) -> Grant:
        if len(token) > MAX_TOKEN_BYTES:
            raise InvalidToken(f"it has more than {MAX_TOKEN_BYTES} bytes")
        grants = self._grants
        digest = hashlib.sha256(token).digest()
        known = grants.get(digest)
        if known is not None:
            grants.move_to_end(digest)
            return known
        # What is refused is not kept: anybody can make as many as he likes.
        grant = Grant.of(self._signatures.payload_of(token))
        grants[digest] = grant
        if len(grants) > GRANTS_KEPT:
            grants.popitem(last=False)
        return grant
