"""Who may publish: whoever has the key, or a token for it; where there is no key, this machine too.

Asked before anything is made of a request: neither what is on the air nor which paths there are can
be learned without a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final

from sorgente.errors import Forbidden, InsufficientScope, InvalidToken, Unauthorized
from sorgente.http.address import is_loopback
from sorgente.http.credentials import offered, shown_to_publish
from sorgente.http.ingest_path import DEFAULT_CHANNEL
from sorgente.http.request import NAME, Request
from sorgente.keys import Key
from sorgente.tokens.desk import TokenDesk

FORWARDED: Final = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
"""Headers of a proxy: who sends them from this machine speaks for others. Not every proxy does
(docs/operating.md)."""


class Reason(Enum):
    """Why somebody may not publish, or not yet."""

    NO_KEY = "is asked for the key"
    WRONG_KEY = "may not publish: it gave a wrong key"
    WRONG_TOKEN = "may not publish: its token is not valid, or for something else"
    NOT_LOCAL = "may not publish: no key is set, and it is not on this machine, or is a proxy"


OnRefused = Callable[[str | None, str, Reason], None]
"""Told the channel, if it has a name, who wanted to publish it, and why not."""


class Access:
    """Decides who may publish."""

    __slots__ = ("_channel_keys", "_desk", "_key", "_on_refused", "_source_keys", "refused")

    def __init__(
        self,
        key: Key | None,
        channel_keys: Mapping[str, Key],
        on_refused: OnRefused,
        source_keys: Mapping[str, Key],
        desk: TokenDesk | None = None,
    ) -> None:
        """``channel_keys`` stand in for ``key`` on their channels. ``source_keys`` are those of the
        sources that the origin runs itself, which may always publish, each on its channel. At
        ``desk``, tokens are looked at; None: there are none."""
        self._key = key
        self._channel_keys = dict(channel_keys)
        self._source_keys = dict(source_keys)
        self._desk = desk
        self._on_refused = on_refused
        self.refused = dict.fromkeys(Reason, 0)
        """How often."""

    def check(self, request: Request, host: str, path: Sequence[bytes], wall: float) -> None:
        """Let ``request`` pass, which comes from the address ``host`` at the time ``wall`` and is
        about ``path``: the segments behind ``/ingest``, percent-decoded.

        Raises:
            Unauthorized: it has no key, or a wrong one.
            InvalidToken, InsufficientScope: it has a token that does not do.
            Forbidden: there is no key, and it is not from this machine.
        """
        if self.admits(request, path, wall):
            return
        channel, keys = channel_of(path), offered(request)
        key = self._key_of(channel)
        if key is None and is_local(request, host):
            return
        if key is None and self._desk is None:
            self._note(request, channel, Reason.NOT_LOCAL)
            raise Forbidden
        self._note(request, channel, Reason.WRONG_KEY if keys else Reason.NO_KEY)
        raise Unauthorized(wrong=bool(keys), or_token=self._desk is not None)

    def admits(self, request: Request, path: Sequence[bytes], wall: float) -> bool:
        """Whether it brings what opens, wherever it comes from.

        Raises:
            InvalidToken, InsufficientScope: it has a token that does not do.
        """
        channel, keys = channel_of(path), offered(request)
        if self._is_source(channel, keys):
            return True
        key = self._key_of(channel)
        if key is not None and any(key.opens_to(each) for each in keys):
            return True
        return self._has_token(request, channel, wall)

    def asks(self, channel: str) -> bool:
        """Publishing ``channel`` takes a key."""
        return self._key_of(channel) is not None

    def _has_token(self, request: Request, channel: str | None, wall: float) -> bool:
        """Whether it brings a token, which then has to be a good one. An upload that is under way
        when its token expires goes on: it is asked for where one begins."""
        if self._desk is None or channel is None:
            return False
        token = shown_to_publish(request)
        if not token:
            return False
        try:
            self._desk.check(token, channel, "publish", wall)
        except (InvalidToken, InsufficientScope):
            self._note(request, channel, Reason.WRONG_TOKEN)
            raise
        return True

    def _is_source(self, channel: str | None, keys: Sequence[bytes]) -> bool:
        key = None if channel is None else self._source_keys.get(channel)
        return key is not None and any(key.opens_to(each) for each in keys)

    def _key_of(self, channel: str | None) -> Key | None:
        return self._key if channel is None else self._channel_keys.get(channel, self._key)

    def _note(self, request: Request, channel: str | None, reason: Reason) -> None:
        self.refused[reason] += 1
        self._on_refused(channel, request.who, reason)


def channel_of(path: Sequence[bytes]) -> str | None:
    """The channel that an upload to ``path`` is for; None if it is for none."""
    if not path:
        return DEFAULT_CHANNEL
    return path[0].decode("ascii") if NAME.fullmatch(path[0]) else None


def is_local(request: Request, host: str) -> bool:
    """A program on this machine asks, and on nobody else's behalf."""
    if any(name in request.headers for name in FORWARDED):
        return False
    if request.header(b"sec-fetch-site") == b"cross-site":
        return False  # a browser here, for a page from anywhere (W3C Fetch Metadata §2.3)
    return is_loopback(host)
