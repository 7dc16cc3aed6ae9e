"""What happens on the channels, as log lines: who publishes and how many watch."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from sorgente.errors import Forbidden, InsufficientScope, InvalidToken, OriginError, Unauthorized
from sorgente.http.access import Reason, channel_of
from sorgente.http.request import Request
from sorgente.http.routing import INGEST, WRITING
from sorgente.media.feed import Feed, Journal
from sorgente.media.publisher import Outcome, Publisher
from sorgente.media.segment import Segment
from sorgente.media.session import Session
from sorgente.media.track import Track
from sorgente.media.utc import STEP_SECONDS

AUDIENCE_SECONDS: Final = 1.0
"""Players who come or go closer together than this share a line: a thousand at the start of a match
are one line, not a thousand."""

REFUSAL_SECONDS: Final = 10.0
"""Uploads refused for the same reason closer together than this share a line: an encoder without
the key may try ten times a second for weeks, and fills no disk with 1 MB a day."""

TOLD: Final = (Unauthorized, Forbidden, InvalidToken, InsufficientScope)
"""What refusals have a :class:`~sorgente.http.access.Reason`."""

log = logging.getLogger("sorgente.channel")


class LogJournal:
    """A :class:`~sorgente.media.feed.Journal` that logs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._audiences: dict[str, _Audience] = {}
        # To be asked is how ffmpeg begins, whose key is in its URL.
        self._refusals = {
            reason: _Refusals(logging.INFO if reason is Reason.NO_KEY else logging.WARNING)
            for reason in Reason
        }
        self._turned_away: dict[int, _Refusals] = {}  # by status, of which there are few
        self._crowd = _Crowd()
        self._ahead = 0.0

    def published(self, feed: Feed, session: Session) -> None:
        """An encoder has the right to publish."""
        _say(feed, f"publishing started by {session.who}")

    def recognised(self, feed: Feed, session: Session, *, resumed: bool) -> None:
        """It is known what the bytes are."""
        relay = session.relay or feed.relay
        assert relay is not None, "called with the relay open"
        if session.note is not None:
            _say(feed, f"relayed as bytes: {session.note}", level=logging.WARNING)
        elif relay.init is None:
            _say(feed, f"relayed as bytes ({relay.content_type})")
        else:
            tracks = ", ".join(track.codec for track in relay.init.tracks)
            _say(feed, f"{'goes on with' if resumed else 'carries'} {tracks}")

    def repeated(self, feed: Feed, publisher: Publisher) -> None:
        """For the first time, what an encoder sends was here already."""
        _say(feed, f"{publisher.who} sends what is here already: the first to come is taken")

    def cut(self, feed: Feed, track: Track, segment: Segment) -> None:
        """No key frame ended a segment."""
        seconds, size = segment.duration / track.timescale, segment.bytes / 1e6
        text = (
            f"no key frame of {track.name} ends its segment, {seconds:.0f} s and {size:.1f} MB: "
            "until one comes, players get the last one again (ffmpeg: -g 60)"
        )
        _say(feed, text, level=logging.WARNING)

    def unpublished(self, feed: Feed, session: Session, outcome: Outcome, why: str) -> None:
        """The encoder is done."""
        text = (
            f"publishing ended: {why} ({session.bytes_in} bytes in {session.chunks} chunks, "
            f"{feed.watching} watching)"
        )
        _say(feed, text, level=logging.INFO if outcome is Outcome.COMPLETE else logging.WARNING)

    def abandoned(self, feed: Feed) -> None:
        """The encoder did not come back in time."""
        _say(feed, "the encoder did not come back, its players were let go")

    def audience(self, feed: Feed, joined: int, left: int) -> None:
        """Players came or went."""
        audience = self._audiences.get(feed.name)
        if audience is None:
            audience = self._audiences[feed.name] = _Audience(feed)
        audience.joined += joined
        audience.left += left
        self._report(audience, self._clock())

    def refused(self, channel: str | None, who: str, reason: Reason) -> None:
        """Somebody may not publish."""
        refusals = self._refusals[reason]
        refusals.note(channel, f"{who} {reason.value}")
        refusals.report(self._clock())

    def turned_away(self, request: Request, error: OriginError) -> None:
        """An upload was refused, or an object. ffmpeg reads no answers: else nobody would know."""
        if request.method not in WRITING or not INGEST(request.path) or isinstance(error, TOLD):
            return
        refusals = self._turned_away.setdefault(error.status, _Refusals(logging.WARNING))
        channel = channel_of([unquote_to_bytes(part) for part in request.path.split(b"/")[2:]])
        refusals.note(channel, f"{request.who} is refused ({error.status}): {error}")
        refusals.report(self._clock())

    def crowded(self, handshakes: int) -> None:
        """So many were under way, and one more came."""
        self._crowd.dropped += 1
        self._crowd.report(handshakes, self._clock())

    def clock(self, ahead: float) -> None:
        """Our UTC is so many seconds ahead of the machine's clock: it was set back, if it is by
        more than is caught up with unseen."""
        was, now = (each if each > STEP_SECONDS else 0.0 for each in (self._ahead, ahead))
        if abs(now - was) <= STEP_SECONDS:
            return
        self._ahead = ahead
        if now:
            log.warning(
                "the machine's clock was set back: players go on by a time %.1f s ahead of it. If "
                "it is right now, leave the origin without channels for so long, or restart it and "
                "reload the players; if it is wrong, set it right (NTP)",
                ahead,
            )
        else:
            log.info("players are told the time of the machine's clock again")

    def tick(self) -> None:
        """Log what was held back; call it about once a second."""
        now = self._clock()
        for refusals in (*self._refusals.values(), *self._turned_away.values()):
            refusals.report(now)
        for name, audience in list(self._audiences.items()):
            if not self._report(audience, now) and now - audience.reported >= AUDIENCE_SECONDS:
                del self._audiences[name]

    @staticmethod
    def _report(audience: _Audience, now: float) -> bool:
        if not (audience.joined or audience.left) or now - audience.reported < AUDIENCE_SECONDS:
            return False
        audience.reported = now
        total = audience.feed.watching
        if audience.joined:
            _say(audience.feed, f"{_players(audience.joined)} connected, total: {total}")
        if audience.left:
            _say(audience.feed, f"{_players(audience.left)} disconnected, total: {total}")
        audience.joined = audience.left = 0
        return True


class Journals:
    """Several, each of which is told everything."""

    def __init__(self, *journals: Journal) -> None:
        self._journals = journals

    def published(self, feed: Feed, session: Session) -> None:
        """See :class:`~sorgente.media.feed.Journal`."""
        for journal in self._journals:
            journal.published(feed, session)

    def recognised(self, feed: Feed, session: Session, *, resumed: bool) -> None:
        """See :class:`~sorgente.media.feed.Journal`."""
        for journal in self._journals:
            journal.recognised(feed, session, resumed=resumed)

    def repeated(self, feed: Feed, publisher: Publisher) -> None:
        """See :class:`~sorgente.media.feed.Journal`."""
        for journal in self._journals:
            journal.repeated(feed, publisher)

    def cut(self, feed: Feed, track: Track, segment: Segment) -> None:
        """See :class:`~sorgente.media.feed.Journal`."""
        for journal in self._journals:
            journal.cut(feed, track, segment)

    def unpublished(self, feed: Feed, session: Session, outcome: Outcome, why: str) -> None:
        """See :class:`~sorgente.media.feed.Journal`."""
        for journal in self._journals:
            journal.unpublished(feed, session, outcome, why)

    def abandoned(self, feed: Feed) -> None:
        """See :class:`~sorgente.media.feed.Journal`."""
        for journal in self._journals:
            journal.abandoned(feed)

    def audience(self, feed: Feed, joined: int, left: int) -> None:
        """See :class:`~sorgente.media.feed.Journal`."""
        for journal in self._journals:
            journal.audience(feed, joined, left)


class _Audience:
    """Comings and goings on a channel that have no line yet."""

    __slots__ = ("feed", "joined", "left", "reported")

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.joined = self.left = 0
        self.reported = float("-inf")


class _Refusals:
    """Uploads refused for one reason that have no line yet."""

    __slots__ = ("channel", "count", "level", "reported", "text")

    def __init__(self, level: int) -> None:
        self.level = level
        self.count = 0
        self.channel: str | None = None
        self.text = ""
        self.reported = float("-inf")

    def note(self, channel: str | None, text: str) -> None:
        self.count += 1
        self.channel, self.text = channel, text

    def report(self, now: float) -> None:
        if not self.count or now - self.reported < REFUSAL_SECONDS:
            return
        before = f" ({self.count - 1} more like it before)" if self.count > 1 else ""
        text = f"{self.text}{before}"
        if self.channel is None:
            log.log(self.level, "%s", text)
        else:
            log.log(self.level, "%s: %s", self.channel, text, extra={"channel": self.channel})
        self.count, self.reported = 0, now


class _Crowd:
    """TLS handshakes that had to give way."""

    __slots__ = ("dropped", "reported")

    def __init__(self) -> None:
        self.dropped = 0
        self.reported = float("-inf")

    def report(self, handshakes: int, now: float) -> None:
        if now - self.reported < REFUSAL_SECONDS:
            return
        log.warning(
            "%d TLS handshakes are under way, no more may be: the oldest give way (%d so far)",
            handshakes,
            self.dropped,
        )
        self.reported = now


def _players(count: int) -> str:
    return "player" if count == 1 else f"{count} players"


def _say(feed: Feed, text: str, level: int = logging.INFO) -> None:
    log.log(level, "%s: %s", feed.name, text, extra={"channel": feed.name})


class TextFormatter(logging.Formatter):
    """``2026-11-22T13:37:00.123Z INFO live: player connected, total: 3``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback under it where there is one."""
        line = f"{_instant(record)} {record.levelname} {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The object: ``time``, ``level``, ``logger``, ``message``; ``channel``, ``traceback``."""
        entry: dict[str, Any] = {
            "time": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        channel = getattr(record, "channel", None)
        if channel is not None:
            entry["channel"] = channel
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def _instant(record: logging.LogRecord) -> str:
    instant = datetime.fromtimestamp(record.created, UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
