"""``--authorize-url``: a program of the operator's decides who may publish, or watch.

    POST {"action": "publish", "channel": "live", "address": "203.0.113.9", "user_agent": "…",
          "credential": "…"}

2xx allows; 401 and 403 refuse, with their first line as the reason. Anything else, and nothing in
time, refuses as well: 503, so that encoders come again. An answer holds for its ``max-age``.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final, NamedTuple

from sorgente.errors import RefusedByProgram, Undecided
from sorgente.http.address import read_address
from sorgente.http.asking import Question, Verdict
from sorgente.outbound import OutboundUrl, open_session
from sorgente.turns import Turns

if TYPE_CHECKING:
    import aiohttp

ANSWER_SECONDS: Final = 3.0
"""For a question to have its turn and its answer: ffmpeg and OBS wait longer for theirs."""

HOLDS_SECONDS: Final = 5.0
"""Seconds that an answer holds which does not say how long: an encoder of DASH asks for each of its
segments, on several connections at once."""

MAX_HOLDS_SECONDS: Final = 3600.0

ANSWERS_KEPT: Final = 16_384
"""Who is known: one for every connection there may be."""

QUESTIONS: Final = 64
"""On their way at a time; the others wait for their turn. All who watch ask for the next segment at
the same moment, and are asked about again when their answers hold no longer."""

QUESTIONS_OF_ONE: Final = 16
"""Of these, about one address: whoever has many credentials, and a program that takes its time,
must not be all others' queue. A quarter, as a whole audience may come from one address. The rest
of it waits, and addresses take turns."""

WAITING: Final = 16_384
"""Questions that have no answer yet, one for every connection there may be; one more is refused."""

REASON_BYTES: Final = 200
"""Of what the program says, which goes to the encoder."""

MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=([0-9]{1,9})")

log = logging.getLogger(__name__)

Told = Callable[[Verdict], None]


class NoAnswer(Exception):
    """None that says yes or no; ``str()`` says what instead."""


class _Known(NamedTuple):
    verdict: Verdict
    until: float


class Program:
    """Implements :class:`~sorgente.http.asking.Asker`."""

    def __init__(self, url: OutboundUrl, clock: Callable[[], float]) -> None:
        """``clock``: seconds, of one that only grows."""
        self._url = url
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._waiting: dict[bytes, list[Told]] = {}
        self._turns = Turns(QUESTIONS, QUESTIONS_OF_ONE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._silent = False
        """It did not answer the last question: that is one line of the log."""

    def ask(self, question: Question, told: Told) -> Callable[[], None]:
        """Answer by what is known, or ask; the same question at the same time, once."""
        key = _key(question)
        known = self._known.get(key)
        if known is not None and self._clock() < known.until:
            self._known.move_to_end(key)
            told(known.verdict)
            return _nothing
        waiting = self._waiting.get(key)
        if waiting is None:
            if len(self._waiting) >= WAITING:
                told(Undecided())
                return _nothing
            waiting = self._waiting[key] = []
            task = asyncio.get_running_loop().create_task(self._find_out(key, question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        waiting.append(told)

        def forget() -> None:
            if told in waiting:
                waiting.remove(told)

        return forget

    async def close(self) -> None:
        """Ask no more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _find_out(self, key: bytes, question: Question) -> None:
        holds = 0.0
        try:
            verdict, holds = await self._answer(key, question)
        except NoAnswer as error:
            if not self._silent:
                log.warning("%s: --authorize-url: %s", question.channel, error)
            self._silent, verdict = True, Undecided()
        except Exception:
            log.exception("%s: --authorize-url", question.channel)
            verdict = Undecided()
        if holds > 0:
            self._known[key] = _Known(verdict, self._clock() + holds)
            self._known.move_to_end(key)
            if len(self._known) > ANSWERS_KEPT:
                self._known.popitem(last=False)
        for told in self._waiting.pop(key, ()):
            told(verdict)

    async def _answer(self, key: bytes, question: Question) -> tuple[Verdict, float]:
        """The verdict, and how many seconds it holds.

        Raises:
            NoAnswer
        """
        try:
            party = _party(question.address)
            async with asyncio.timeout(ANSWER_SECONDS), self._turns.of(party):
                if self._waiting[key]:
                    return await self._post(question)
        except TimeoutError:
            raise NoAnswer(f"no answer in {ANSWER_SECONDS:g} s") from None
        return Undecided(), 0.0  # whoever wanted to know has left

    async def _post(self, question: Question) -> tuple[Verdict, float]:
        """The same, when it is its turn."""
        import aiohttp  # 0.2 s that few need

        if self._session is None:
            self._session = open_session(connections=QUESTIONS, timeout=None)
        try:
            async with self._session.post(
                self._url.text, json=asdict(question), allow_redirects=False
            ) as answer:
                body = await answer.content.read(REASON_BYTES)
                holds = _holds(answer.headers.get("Cache-Control", ""))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswer(type(error).__name__) from None  # their texts hold the address
        if answer.status in (401, 403):
            to_watch = question.action == "watch"
            verdict: Verdict = RefusedByProgram(answer.status, _line(body), to_watch=to_watch)
        elif 200 <= answer.status < 300:
            verdict = None
        else:
            raise NoAnswer(f"it answered {answer.status}")
        self._silent = False
        return verdict, holds


def _key(question: Question) -> bytes:
    """Who asks what: a digest, as there is a credential in it."""
    parts = (question.action, question.channel, question.address, question.credential)
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _party(address: str) -> str:
    """Whose it is: of IPv6, a household has 2^64 (RFC 6177), which are its first 64 bits."""
    known = read_address(address)
    return str(int(known) >> 64) if isinstance(known, IPv6Address) else str(known or address)


def _holds(cache_control: str) -> float:
    if "no-store" in cache_control or "no-cache" in cache_control:
        return 0.0
    found = MAX_AGE.search(cache_control)
    return HOLDS_SECONDS if found is None else min(float(found[1]), MAX_HOLDS_SECONDS)


def _line(body: bytes) -> str:
    """The first line of ``body``, as far as it can be read."""
    text = body.decode("ascii", "replace").partition("\n")[0].strip()
    return "".join(each if " " <= each <= "~" else "?" for each in text)


def _nothing() -> None:
    pass
