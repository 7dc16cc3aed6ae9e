"""Keys for tokens, and tokens of any kind, good and bad."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import OctKey, OKPKey

from sorgente.tokens.keys import TokenKeys

SECRET: Final = b"0123456789abcdef0123456789abcdef"
NOW: Final = 1_795_348_802
"""UTC, seconds since 1970."""

WATCH: Final = {"channel": "live", "action": "watch", "exp": NOW + 60}

PRIVATE: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_PEM: Final = PRIVATE.public_key().public_bytes(
    Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
)


def secret_keys(*kids: str) -> TokenKeys:
    """One secret without an id, or one for each; they are different."""
    if not kids:
        return TokenKeys([OctKey.import_key(SECRET)])
    return TokenKeys([OctKey.import_key(secret_of(kid), {"kid": kid}) for kid in kids])


def secret_of(kid: str) -> bytes:
    return hashlib.sha256(kid.encode()).hexdigest().encode()


def public_keys() -> TokenKeys:
    return TokenKeys([OKPKey.import_key(PUBLIC_PEM)])


def text(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def hs256(
    claims: Mapping[str, Any] | bytes, secret: bytes = SECRET, header: object = None
) -> bytes:
    """A token, made without the library that reads it."""
    signed = _signed(claims, {"alg": "HS256", "typ": "JWT"} if header is None else header)
    return signed + b"." + text(hmac.digest(secret, signed, "sha256"))


def ed25519(claims: Mapping[str, Any] | bytes, alg: str = "EdDSA") -> bytes:
    signed = _signed(claims, {"alg": alg})
    return signed + b"." + text(PRIVATE.sign(signed))


def _signed(claims: Mapping[str, Any] | bytes, header: object) -> bytes:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return text(json.dumps(header).encode()) + b"." + text(payload)
