"""A key to publish with: what may be one, and whether another is the same."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

MIN_LENGTH: Final = 8
"""Characters: the least that NIST SP 800-63B §5.1.1.1 allows of a secret that people choose."""
MAX_LENGTH: Final = 256
"""Characters: with every one percent-escaped, still a small part of a request target."""

VISIBLE: Final = re.compile(r"[!-~]*")
"""ASCII without the space: the only characters that a header, the password in a URL and a query
carry alike, whoever sends them."""


class Key:
    """A secret. Only its digest is kept, so there is nothing of it that a log, a traceback or a
    memory dump could show."""

    __slots__ = ("_digest",)

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is no key; its line does not hold it."""
        if not text:
            raise ValueError("the key is empty; to have none, leave it out")
        if not VISIBLE.fullmatch(text):
            raise ValueError("a key is visible ASCII characters, without spaces")
        if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
            raise ValueError(f"a key has {MIN_LENGTH} to {MAX_LENGTH} characters")
        self._digest = _digest(text.encode())

    def __repr__(self) -> str:
        return "Key(…)"

    def opens_to(self, offered: bytes) -> bool:
        """Whether ``offered`` is this key. The time it takes tells nothing about this one, its
        length neither: digests are all as long."""
        return hmac.compare_digest(_digest(offered), self._digest)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
