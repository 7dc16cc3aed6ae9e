"""The keys that tokens are signed with: read from files, and used for what they are and no more.

A file holds one of

    -----BEGIN PUBLIC KEY-----      an Ed25519 key, for ``EdDSA`` (RFC 8037; ``Ed25519``, RFC 9864)
    {"kty": …}, {"keys": [ … ]}     a JWK or a set of them (RFC 7517), of Ed25519 or ``oct`` keys
    anything else                   a secret, for ``HS256``

What an algorithm is used with follows from the key and never from the token, which only may name
the one that its key has anyway (RFC 8725 §3.1). There is no ``none``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, OKPKey

from sorgente.errors import InvalidToken
from sorgente.tokens.desk import BadTokenKey

SigningKey = OctKey | OKPKey

MIN_SECRET_BYTES: Final = 32
"""RFC 7518 §3.2: as long as the digest, at least."""

MAX_FILE_BYTES: Final = 64 << 10
"""A hundred keys."""

MAX_KEYS: Final = 16
"""Those of which none has an id are tried one after another, for every new token."""

SIGNED: Final = re.compile(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
"""JWS Compact Serialization, without any other characters (RFC 7515 §5.2), which joserfc would pass
over."""

CURVE: Final = "Ed25519"


NO_JWT: Final = "it is no JWT (RFC 7519), signed and not encrypted"


class _Registry(jws.JWSRegistry):
    """Exactly these algorithms, without joserfc's warning of the name ``EdDSA``: it is what nearly
    all libraries write for Ed25519, and here it is never another curve."""

    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()):
            raise JoseError("another algorithm than that of the key")
        return self.algorithms[name]


HS256: Final = _Registry(algorithms=["HS256"], strict_check_header=False)
EDDSA: Final = _Registry(algorithms=["EdDSA", "Ed25519"], strict_check_header=False)


class TokenKeys:
    """All that a token may be signed with."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        """Raises BadTokenKey."""
        if len(keys) > MAX_KEYS:
            raise BadTokenKey(f"there may be {MAX_KEYS} keys for tokens, and these are {len(keys)}")
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return f"TokenKeys({len(self._keys)})"

    def payload_of(self, token: bytes) -> bytes:
        """What a key of these has signed.

        Raises:
            InvalidToken: nothing.
        """
        if not SIGNED.fullmatch(token):
            raise InvalidToken(NO_JWT)
        try:
            signed = jws.extract_compact(token)
            header = signed.headers()
            kid = header.get("kid")
        except (JoseError, ValueError, AttributeError, RecursionError):
            raise InvalidToken(NO_JWT) from None
        if "crit" in header or "b64" in header:
            # Extensions that must be understood (RFC 7515 §4.1.11), and none is.
            raise InvalidToken("its header wants something that is not known here (crit)")
        for key in self._candidates(kid):
            try:
                if jws.validate_compact(signed, key, registry=registry_of(key)):
                    return signed.payload
            except (JoseError, ValueError, TypeError):
                continue  # that of another algorithm
        raise InvalidToken("it is not signed with a key that is known here")

    def _candidates(self, kid: object) -> Iterable[SigningKey]:
        """Those with the id that the token names; else those that have none."""
        named = [key for key in self._keys if kid is not None and key.kid == kid]
        return named or [key for key in self._keys if kid is None or key.kid is None]


def registry_of(key: SigningKey) -> jws.JWSRegistry:
    """What ``key`` is for."""
    return HS256 if isinstance(key, OctKey) else EDDSA


def read_keys(files: Iterable[Path]) -> TokenKeys:
    """The keys in ``files``.

    Raises:
        BadTokenKey
    """
    keys = [key for file in files for key in read_file(file)]
    for key in keys:
        if isinstance(key, OKPKey) and key.is_private:
            raise BadTokenKey(
                "there is a private key for tokens: who only checks them needs the public one "
                "(openssl pkey -in private.pem -pubout)"
            )
    return TokenKeys(keys)


def read_file(file: Path) -> list[SigningKey]:
    """The keys in a file, private ones too.

    Raises:
        BadTokenKey
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadTokenKey(f"{file}: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise BadTokenKey(f"{file}: more than {MAX_FILE_BYTES} bytes are no key for tokens")
    try:
        return _keys_of(data.strip(b"\r\n"))
    except (JoseError, ValueError, TypeError) as error:
        why = error if type(error) is ValueError else "not in PEM, nor a JWK"
        raise BadTokenKey(f"{file}: {why}") from None


def _keys_of(data: bytes) -> list[SigningKey]:
    if data.lstrip().startswith(b"-----BEGIN "):
        return [_ed25519(data)]
    if data.lstrip().startswith(b"{"):
        document = msgspec.json.decode(data, type=dict[str, Any])
        keys = document.get("keys", [document])
        return [_of_jwk(msgspec.convert(each, dict[str, Any])) for each in keys]
    return [_secret(data)]


def _of_jwk(jwk: dict[str, Any]) -> SigningKey:
    match jwk.get("kty"):
        case "oct":
            key = OctKey.import_key(jwk)
            _check_secret(key.raw_value)
            return key
        case "OKP":
            return _ed25519(jwk)
    raise ValueError(f"a key for tokens is an {CURVE} key or a secret (kty OKP or oct)")


def _ed25519(data: bytes | dict[str, Any]) -> OKPKey:
    try:
        key = OKPKey.import_key(data)
        curve = key.curve_name
    except (JoseError, ValueError, TypeError, AttributeError):
        curve = None
    if curve != CURVE:
        raise ValueError(f"this is no {CURVE} key (openssl genpkey -algorithm ed25519)")
    return key


def _secret(data: bytes) -> OctKey:
    _check_secret(data)
    return OctKey.import_key(data)


def _check_secret(secret: bytes) -> None:
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(
            f"a secret for tokens has at least {MIN_SECRET_BYTES} bytes (openssl rand -hex 32)"
        )
