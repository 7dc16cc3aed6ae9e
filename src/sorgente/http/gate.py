"""Who may watch, where that takes a token or somebody is asked. Stands in front of the router only
where either is set up: else no request pays for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

from sorgente.errors import InsufficientScope, InvalidToken, TokenNeeded
from sorgente.http.asking import AskedExchange, Asker, Question
from sorgente.http.credentials import shown, without_prefix
from sorgente.http.exchange import Exchange, Line
from sorgente.http.household import Route
from sorgente.http.own import own_path
from sorgente.http.play import PlayExchange
from sorgente.http.private import PrivateLine
from sorgente.http.request import Request
from sorgente.http.routing import INGEST, READING, place
from sorgente.tokens.desk import TokenDesk

REFUSALS: Final = ("no_token", "invalid_token", "insufficient_scope")


class Gate:
    """Takes tokens off paths, asks for them where watching takes one, and routes what passes.

    A response that is under way when its token expires goes on if it has an end of its own: that of
    a segment. What has none breaks off (:class:`~.play.PlayExchange`).
    """

    def __init__(
        self,
        route: Route,
        desk: TokenDesk | None,
        takes_token: Callable[[str], bool],
        asker: Asker | None = None,
    ) -> None:
        """``takes_token``: whether watching a channel does. ``asker``: who is asked where it does
        not; None: nobody."""
        self._asker = asker
        self._route = route
        self._desk = desk
        self._takes_token = takes_token
        self.refused: dict[str, int] = dict.fromkeys(REFUSALS, 0)
        """How often."""

    def __call__(self, request: Request, line: Line) -> Exchange:
        """The exchange for ``request``.

        Raises:
            TokenNeeded, InvalidToken, InsufficientScope: it may not be watched, not so.
            OriginError: what the router raises.
        """
        request = without_prefix(request)
        channel = _watched(request)
        if channel is None:
            return self._route(request, line)
        if self._desk is None or not self._takes_token(channel):
            return self._asked(request, line, channel)
        try:
            return self._let_in(request, line, channel, self._desk)
        except TokenNeeded:
            self.refused["no_token"] += 1
            raise
        except InvalidToken:
            self.refused["invalid_token"] += 1
            raise
        except InsufficientScope:
            self.refused["insufficient_scope"] += 1
            raise

    def _asked(self, request: Request, line: Line, channel: str) -> Exchange:
        if self._asker is None:
            return self._route(request, line)
        question = Question.of("watch", request, line, channel)
        # Nobody asks about those that a cache gives its answers to.
        to_one = PrivateLine(line)
        return AskedExchange(
            line, request, self._asker, question, lambda: self._route(request, to_one)
        )

    def _let_in(self, request: Request, line: Line, channel: str, desk: TokenDesk) -> Exchange:
        given = shown(request)
        if given is None:
            raise TokenNeeded
        wall = line.wall
        grant = desk.check(given.token, channel, "watch", wall)
        if not given.in_path:
            line = PrivateLine(line)
        exchange = self._route(request, line)
        if isinstance(exchange, PlayExchange):
            exchange.until = line.now + (grant.expires - wall)
        return exchange


def _watched(request: Request) -> str | None:
    """The channel whose media or manifest is asked for, or which a player tells about, if that is
    what the request is for.

    Raises:
        NotFound, BadRequest: nothing is; or no name.
    """
    path = request.path
    # A preflight has no credentials, whatever it is for (WHATWG Fetch §3.2.2).
    if request.method == "OPTIONS" or INGEST(path):
        return None
    at = place(path)
    if request.method not in READING:
        return at.channel if at.kind == "cmcd" else None
    match at.kind:
        case "play" | "manifest" | "segment" | "init":
            return at.channel
        case "own":
            return own_path([unquote_to_bytes(part) for part in path.split(b"/")[2:]]).channel
    return None
