"""The signature of Standard Webhooks 1.0.0, "Signature scheme" (symmetric: HMAC-SHA256, ``v1``).

"The content to be signed is therefore: ``{msg_id}.{timestamp}.{payload}``."
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "whsec_"
""""base64 encoded, prefixed with ``whsec_`` for easy identification"."""

MIN_BYTES: Final = 24
MAX_BYTES: Final = 64
""""Random. At least 24 bytes (192 bits, 512 maximum)"."""


class Secret:
    """What a receiver knows us by. Never shown: neither by ``repr`` nor in an error."""

    __slots__ = ("_key",)

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is none; its line does not hold it."""
        if not text.startswith(PREFIX):
            raise ValueError(f"a secret for hooks begins with {PREFIX}")
        try:
            self._key = b64decode(text.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"what follows {PREFIX} is not base64") from None
        if not MIN_BYTES <= len(self._key) <= MAX_BYTES:
            raise ValueError(f"a secret for hooks has {MIN_BYTES} to {MAX_BYTES} bytes, in base64")

    def __repr__(self) -> str:
        return "Secret(…)"

    def sign(self, number: str, timestamp: int, body: bytes) -> str:
        """One signature, as it stands in ``webhook-signature``; ``timestamp``: UTC seconds."""
        content = b"%b.%d.%b" % (number.encode(), timestamp, body)
        return f"v1,{b64encode(hmac.digest(self._key, content, 'sha256')).decode()}"


def signed_headers(
    secrets: Iterable[Secret], number: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The three headers of a message called ``number``. Several secrets are several signatures:
    receivers may change theirs one after the other ("zero downtime secret rotation")."""
    signatures = [secret.sign(number, timestamp, body) for secret in secrets]
    return {
        "webhook-id": number,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
