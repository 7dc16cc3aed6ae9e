"""Makes tokens: what :mod:`sorgente.tokens.grant` reads, signed."""

from __future__ import annotations

from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey

from sorgente.tokens.desk import BadTokenKey
from sorgente.tokens.keys import SigningKey, read_file, registry_of
from sorgente.tools.token.order import TokenOrder


def issue(order: TokenOrder, wall: float) -> str:
    """A token of what ``order`` says, made at the time ``wall``.

    Raises:
        BadTokenKey: the key signs nothing.
    """
    keys = read_file(order.sign_with)
    if len(keys) != 1:
        raise BadTokenKey(f"{order.sign_with}: a token is signed with one key, not {len(keys)}")
    claims = {
        "channel": _one_or_all(order.channel),
        "action": _one_or_all(order.action),
        "iat": int(wall),
        "exp": int(wall + order.ttl.total_seconds()),
    }
    return sign(claims, keys[0], order.kid)


def sign(claims: dict[str, Any], key: SigningKey, kid: str | None = None) -> str:
    """``claims``, signed.

    Raises:
        BadTokenKey: it is a public key.
    """
    if not key.is_private:
        raise BadTokenKey("a public key signs nothing: the private one does")
    header = {"alg": "HS256" if isinstance(key, OctKey) else "EdDSA"}
    named = kid if kid is not None else key.kid
    if named is not None:
        header["kid"] = named
    return jwt.encode(header, claims, key, registry=registry_of(key))


def _one_or_all(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
