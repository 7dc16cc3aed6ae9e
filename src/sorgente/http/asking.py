"""Requests that somebody else decides on: they wait, and so does their body, for a verdict.

asked ─▶ allowed: the exchange it would have been takes over, and gets what has come meanwhile
    ├──▶ refused: answered with the reason
    └──▶ lost:    nobody waits for the verdict any more
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sorgente.errors import OriginError
from sorgente.http.credentials import offered, shown_to_publish
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from sorgente.tokens.grant import Action


@dataclass(frozen=True, slots=True)
class Question:
    """May he?"""

    action: Action
    channel: str
    address: str
    """Of who asks, without a port."""
    user_agent: str
    credential: str
    """Key, password or token, as it was given; empty if none was."""

    def __repr__(self) -> str:
        return f"<may {self.address} {self.action} {self.channel}>"

    @classmethod
    def of(cls, action: Action, request: Request, line: Line, channel: str) -> Question:
        """Whether who sends ``request`` may do that."""
        client, _, proxy = request.peer.partition(" by ")
        given = shown_to_publish(request) or next(iter(offered(request)), b"")
        agent = request.header(b"user-agent") or b""
        return cls(
            action,
            channel,
            client if proxy else line.peer_host,
            agent.decode("latin-1"),
            given.decode("latin-1"),
        )


Verdict = OriginError | None
"""None: he may. Else what he is told."""


class Asker(Protocol):
    """Who knows the answers."""

    def ask(self, question: Question, told: Callable[[Verdict], None]) -> Callable[[], None]:
        """Call ``told`` with the answer, once, perhaps before this returns; unless what is returned
        is called first. An answer comes in bounded time."""


class AskedExchange(Exchange):
    """A request that waits for its verdict, then the exchange that ``route`` makes of it."""

    __slots__ = ("_asker", "_at_once", "_body", "_complete", "_forget", "_inner", "_question",
                 "_route", "_starting", "endless", "half_close_ok")  # fmt: skip

    def __init__(
        self,
        line: Line,
        request: Request,
        asker: Asker,
        question: Question,
        route: Callable[[], Exchange],
    ) -> None:
        super().__init__(line, request)
        self.endless = self.half_close_ok = False
        self._asker = asker
        self._question = question
        self._route = route
        self._inner: Exchange | None = None
        self._forget: Callable[[], None] | None = None
        self._body = bytearray()
        self._complete = False
        self._starting = False
        self._at_once: tuple[Verdict] | None = None
        """The verdict, if it was known."""

    # Exchange

    def start(self) -> None:
        """Ask. A body that waits for a 100 goes on waiting.

        Raises:
            OriginError: the answer was known.
        """
        self._starting = True
        self._forget = self._asker.ask(self._question, self._told)
        self._starting = False
        if self._at_once is not None:
            self._go_on(*self._at_once)

    def body(self, data: bytes) -> None:
        """Pass on, or keep. Nobody has let who sends it in: what comes in one read is all there
        is to keep, and the rest stays with him."""
        if self._inner is not None:
            self._inner.body(data)
            return
        self._body += data
        self.line.hold_body()

    def complete(self) -> None:
        """Pass on, or remember."""
        self._complete = True
        if self._inner is not None:
            self._inner.complete()

    def lost(self, why: str) -> None:
        """Nobody waits any more."""
        if self._inner is not None:
            self._inner.lost(why)
        elif self._forget is not None:
            self._forget()
        self._inner = self._forget = None

    def paused(self) -> None:
        """Pass on."""
        if self._inner is not None:
            self._inner.paused()

    def resumed(self) -> None:
        """Pass on."""
        if self._inner is not None:
            self._inner.resumed()

    def expired(self) -> None:
        """Pass on; or nobody waits any more, as the answer is that it took too long."""
        if self._inner is not None:
            self._inner.expired()
            return
        self.lost("expired")
        super().expired()

    # Inside

    def _told(self, verdict: Verdict) -> None:
        if self._starting:
            self._at_once = (verdict,)
            return
        try:
            self._go_on(verdict)
            if self.endless:
                self.line.expect_nothing()
        except OriginError as error:
            # A verdict is kept for others; frames would keep this connection with it.
            self.line.fail(error.with_traceback(None))

    def _go_on(self, verdict: Verdict) -> None:
        self._forget = None
        body, self._body = self._body, bytearray()
        if body:
            self.line.take_body()
        if verdict is not None:
            raise verdict
        inner = self._inner = self._route()
        self.endless, self.half_close_ok = inner.endless, inner.half_close_ok
        inner.start()
        if body:
            inner.body(bytes(body))
        if self._complete:
            inner.complete()
