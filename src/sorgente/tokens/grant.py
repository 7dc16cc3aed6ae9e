"""What a token allows: the claims of a JWT whose signature is right, read strictly.

    {"channel": "live", "action": "watch", "exp": 1795348802}

``channel`` and ``action`` may be lists; the channel ``*`` is every one. ``exp``, ``nbf`` and
``iat`` are seconds since 1970 (RFC 7519 §4.1). Claims that are not named here mean nothing.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Final, Literal

import msgspec

from sorgente.errors import InsufficientScope, InvalidToken

Action = Literal["publish", "watch"]

AUDIENCE: Final = "sorgente"
"""Who a token with an ``aud`` is for. One for somebody else MUST be refused (RFC 7519 §4.1.3)."""

ANY_CHANNEL: Final = "*"

EXPIRED: Final = "it has expired"

LEEWAY_SECONDS: Final = 10.0
"""That the clock of whoever makes tokens may be off: ten times what NTP leaves."""

_Instant = Annotated[float, msgspec.Meta(ge=0, le=1 << 53)]
"""Seconds since 1970. Bounded, so that no notation makes it infinite."""


class _Claims(msgspec.Struct):
    channel: str | list[str]
    action: str | list[str]
    exp: _Instant = math.inf
    nbf: _Instant = 0.0
    iat: _Instant = 0.0
    aud: str | list[str] = AUDIENCE


class Grant(msgspec.Struct, frozen=True):
    """What the holder of a token may do, and when."""

    channels: frozenset[str]
    actions: frozenset[str]
    begins: float
    """UTC, seconds since 1970, leeway included."""
    expires: float
    """The same; infinite if it never does."""

    @classmethod
    def of(cls, payload: bytes) -> Grant:
        """Read the claims.

        Raises:
            InvalidToken: they are not such claims, or for somebody else.
        """
        try:
            said = json.loads(payload, object_pairs_hook=_once, parse_constant=_no_number)
            claims = msgspec.convert(said, _Claims)
        except (ValueError, RecursionError):  # of json; of msgspec, whose errors are ValueErrors
            raise InvalidToken("its claims are not a channel, an action and times") from None
        if AUDIENCE not in _set(claims.aud):
            raise InvalidToken("it is for somebody else (aud)")
        return cls(
            _set(claims.channel),
            _set(claims.action),
            max(claims.nbf, claims.iat) - LEEWAY_SECONDS,
            claims.exp + LEEWAY_SECONDS,
        )

    def check(self, channel: str, action: Action, wall: float) -> None:
        """Whether it allows ``action`` on ``channel`` at the time ``wall``.

        Raises:
            InvalidToken: not now.
            InsufficientScope: not that.
        """
        if wall >= self.expires:
            raise InvalidToken(EXPIRED)
        if wall < self.begins:
            raise InvalidToken("it is not valid yet")
        if channel not in self.channels and ANY_CHANNEL not in self.channels:
            raise InsufficientScope("the token is for another channel")
        if action not in self.actions:
            raise InsufficientScope(f"the token does not allow to {action}")
        if action == "watch" and self.expires == math.inf:
            # It is in addresses, which people pass on and proxies write down.
            raise InvalidToken("it never expires: to watch, a token has an exp")


def _set(given: str | list[str]) -> frozenset[str]:
    return frozenset((given,) if isinstance(given, str) else given)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, as long as no name is there twice (RFC 7519 §4): who made the token may have
    looked at the other one."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is there twice")
    return made


def _no_number(constant: str) -> float:
    """``NaN`` is before and behind every time, and no JSON."""
    raise ValueError(constant)
