"""Brings events to one receiver: in order, one at a time, again and again until it has them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

import aiohttp

from sorgente import __version__
from sorgente.hooks.message import Message
from sorgente.hooks.signature import Secret, signed_headers
from sorgente.hooks.tally import Fate, Tally
from sorgente.outbound import OutboundUrl, open_session

QUEUE: Final = 1000
"""Events that wait for a receiver; the oldest give way. At 300 bytes each less than a second of
video, and more than a hundred channels have to tell while a receiver is started again."""

TIMEOUT_SECONDS: Final = 15.0
"""For one try. "A recommended request timeout value for webhooks is somewhere between 15 and 30s";
the shortest, as those behind it wait."""

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 60.0
"""Seconds between two tries, twice as long each time: a receiver that is back is found within a
minute."""

TRIES: Final = 10
"""Of one event, in about five minutes: a restart is survived, and an event that a receiver cannot
read does not keep the others from it for ever."""

OLDEST_SECONDS: Final = 3600.0
"""What is older is no news, and is not tried again."""

LONGEST_ASKED_WAIT: Final = 300.0
"""Seconds of a ``Retry-After`` that are heeded."""

GONE: Final = 410

log = logging.getLogger("sorgente.hooks")


class Reply(Enum):
    """What came of one try."""

    TAKEN = "taken"
    REFUSED = "refused"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Answer:
    """And what else is to be known of it."""

    reply: Reply
    said: str = ""
    wait: float = 0.0
    """Seconds that the receiver asks for."""


def wait_after(tries: int, asked: float, luck: float) -> float:
    """Seconds until the next try, after so many; ``asked``: by the receiver; ``luck``: 0 … 1, so
    that origins which lost their receiver together do not come back together."""
    usual = min(FIRST_WAIT * 2.0 ** (tries - 1), LONGEST_WAIT)
    return max(usual * (0.5 + luck / 2), min(asked, LONGEST_ASKED_WAIT))


class Courier:
    """To one URL."""

    def __init__(
        self,
        url: OutboundUrl,
        secrets: Sequence[Secret],
        tally: Tally,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        luck: Callable[[], float],
        *,
        timeout: float = TIMEOUT_SECONDS,
        room: int = QUEUE,
    ) -> None:
        self._url = url
        self._secrets = secrets
        self._tally = tally
        self._monotonic = monotonic
        self._wall = wall
        self._luck = luck
        self._timeout = timeout
        self._room = room
        self._queue: deque[Message] = deque()
        self._news = asyncio.Event()
        self._hurried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._under_way = False
        self._overflows = False
        """It is logged that the queue is full."""
        self._ails = False
        """It is logged that the receiver takes nothing."""
        self._gone = False

    @property
    def busy(self) -> bool:
        """There is something left to tell."""
        return self._under_way or bool(self._queue)

    def put(self, message: Message) -> None:
        """Tell it when it is its turn."""
        self._tally.queue(message.kind)
        if self._gone:
            self._tally.settle(message.kind, Fate.DROPPED)
            return
        if len(self._queue) >= self._room:
            self._tally.settle(self._queue.popleft().kind, Fate.DROPPED)
            if not self._overflows:
                self._overflows = True
                log.warning("%s has %d events to take: the oldest go", self._url, self._room)
        self._queue.append(message)
        self._news.set()

    def start(self) -> None:
        """Begin to tell."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def hurry(self) -> None:
        """The origin ends: whatever is left is tried once, at once."""
        self._hurried.set()

    async def close(self) -> None:
        """Drop what is left."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        async with open_session(connections=1, timeout=self._timeout) as session:
            while not self._gone:
                await self._news.wait()
                self._news.clear()
                while self._queue:
                    await self._settle(session, self._queue.popleft())

    async def _settle(self, session: aiohttp.ClientSession, message: Message) -> None:
        self._under_way = True
        fate = Fate.FAILED
        try:
            fate = await self._bring(session, message)
        except Exception:
            log.exception("%s could not be told of %s", self._url, message.kind)
        finally:
            self._tally.settle(message.kind, fate)
            self._under_way = False
        if not self._queue:
            self._overflows = False

    async def _bring(self, session: aiohttp.ClientSession, message: Message) -> Fate:
        for tries in range(1, TRIES + 1):
            answer = await self._post(session, message)
            if answer.reply is Reply.TAKEN:
                self._recover()
                return Fate.DELIVERED
            if answer.reply is Reply.GONE:
                self._give_up()
                return Fate.FAILED
            self._complain(answer.said)
            wait = wait_after(tries, answer.wait, self._luck())
            if self._hurried.is_set() or self._monotonic() + wait - message.at > OLDEST_SECONDS:
                break
            if tries < TRIES:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._hurried.wait(), wait)
        return Fate.FAILED

    async def _post(self, session: aiohttp.ClientSession, message: Message) -> Answer:
        # "Every time an attempt is retried the timestamp of the attempt is updated".
        now = int(self._wall())
        headers = signed_headers(self._secrets, message.number, now, message.body)
        headers["Content-Type"] = "application/json"
        headers["User-Agent"] = f"Sorgente/{__version__}"
        try:
            # "Following redirects causes unnecessary load", and would take secrets elsewhere.
            async with session.post(
                self._url.text, data=message.body, headers=headers, allow_redirects=False
            ) as response:
                return _read(response.status, response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Answer(Reply.REFUSED, _reason(error))

    def _complain(self, why: str) -> None:
        if not self._ails:
            self._ails = True
            log.warning("%s does not take events: %s; they are tried again", self._url, why)

    def _recover(self) -> None:
        if self._ails:
            self._ails = False
            log.info("%s takes events again", self._url)

    def _give_up(self) -> None:
        """Asked to: "Sender should disable the webhook endpoint, and stop sending it messages."""
        self._gone = True
        log.warning("%s wants no more events (410): it gets none until a restart", self._url)
        while self._queue:
            self._tally.settle(self._queue.popleft().kind, Fate.DROPPED)


def _read(status: int, retry_after: str) -> Answer:
    """``retry_after``: in seconds; a date is not heeded."""
    if 200 <= status < 300:
        return Answer(Reply.TAKEN)
    if status == GONE:
        return Answer(Reply.GONE)
    known = retry_after.isascii() and retry_after.isdigit() and len(retry_after) <= 9
    return Answer(Reply.REFUSED, f"it answers {status}", float(retry_after) if known else 0.0)


def _reason(error: Exception) -> str:
    """In words, without the URL, which aiohttp's own words of some errors hold."""
    match error:
        case TimeoutError():
            return "it does not answer"
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted"
        case aiohttp.ClientConnectorError():
            return f"no connection ({error.os_error.strerror or type(error.os_error).__name__})"
        case aiohttp.ServerDisconnectedError():
            return "it hangs up"
    return type(error).__name__
