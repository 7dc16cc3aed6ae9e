"""``GET /live/{channel}/{track}/…``: init segments, and segments, also while they grow.

asked ─▶ complete: sent, with its length, a strong tag and for ever (protocols §3.1, §3.2)
    ├──▶ growing:  followed: all there is in one write, then a chunk a frame, to its end
    ├──▶ next:     held until its first chunk is there, then followed
    └──▶ 404, 410, or an empty segment (see ``media.track``)
"""

from __future__ import annotations

from typing import Final

from sorgente.errors import Gone, NotFound, Overloaded
from sorgente.http import cmsd, conditional, wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.following import DeliveryRules, FollowingExchange
from sorgente.http.request import Request
from sorgente.http.whole import WholeExchange, label, media_lines
from sorgente.media.presentation import Presentation
from sorgente.media.segment import Segment
from sorgente.media.track import Absence, Track

EMPTY_SEGMENT: Final = b"\0\0\0\x14stypmsdh\0\0\0\0msdh"
"""A ``styp`` box and nothing behind it (ISO/IEC 14496-12 §8.16.2)."""

GONE_MAX_AGE: Final = 60
"""Seconds that caches may keep a 410 (RFC 9110 §15.5.11: it is meant to be kept). What has left the
window does not come back; but an archive may stand behind it one day (design §8)."""


class SegmentExchange(FollowingExchange):
    """A request for one segment of a track, by its number."""

    __slots__ = ("_number", "_presentation", "_track")

    def __init__(
        self,
        line: Line,
        request: Request,
        presentation: Presentation,
        track: Track,
        number: int,
        rules: DeliveryRules,
    ) -> None:
        super().__init__(line, request, rules)
        self._presentation = presentation
        self._track = track
        self._number = number

    # Exchange

    def complete(self) -> None:
        """Send it, follow it, or wait for it.

        Raises:
            NotFound, Gone: it is not there, and will not be.
            Overloaded: too many wait already.
        """
        kept = self._track.segments.get(self._number)
        if kept is not None and kept.end:
            self._serve(kept)  # no need to ask what is due
            return
        match self._presentation.find(self._track, self._number, self.line.now):
            case Segment() as found:
                self._serve(found)
            case Absence.NEXT:
                self._wait()
            case Absence.EMPTY:
                self._send_empty()
            case Absence.GONE:
                raise _gone(f"segment {self._number} has left the window")
            case Absence.UNKNOWN:
                raise NotFound(f"there is no segment {self._number}")

    def lost(self, why: str) -> None:
        """The player is gone."""
        segment, subscriber = self._segment, self._subscriber
        self._let_go()
        if subscriber is None:
            return
        if segment is None:
            self._track.let_go(self._number, subscriber)
        else:
            segment.leave(subscriber)

    # Inside

    @property
    def _kept(self) -> Segment | None:
        return self._track.segments.get(self._track.newest_number(self._number))

    def _wait(self) -> None:
        if self.request.method == "HEAD":
            raise NotFound(f"segment {self._number} is not there yet")
        if self._presentation.held >= self._rules.held:
            raise Overloaded(f"{self._rules.held} requests wait for segments already")
        self._track.hold(self._number, self._subscribe(), self._refuse)
        self._hold()

    def _hold(self) -> None:
        """From now on it waits, if it does not already."""
        if self._since is None:
            self._since = self.line.now
            # Shaka asks for the next segment as soon as it joins, however long that, or its first
            # chunk, takes.
            early = self._presentation.due_in(self._number, self.line.now)
            self.line.set_deadline(early + self._rules.hold_seconds)

    def _refuse(self) -> None:
        self._let_go()
        found = self._presentation.find(self._track, self._number, self.line.now)
        if found is Absence.EMPTY:
            self._send_empty()
        else:
            self.line.fail(NotFound(f"segment {self._number} did not come"))

    def _send_empty(self) -> None:
        """A segment without media: legal, and the only answer after which Shaka goes on to the next
        period (it asks again for ever what it was promised and does not get)."""
        content_type = self._track.init.content_type.encode()
        self.line.reply(200, EMPTY_SEGMENT, [(b"Content-Type", content_type), wire.NO_STORE])

    def _send_complete(self, segment: Segment) -> None:
        max_age = self._rules.max_age
        WholeExchange(self.line, self.request, segment, self._track, max_age).complete()

    def _label(self, segment: Segment) -> bytes:
        return label(self.line, segment, self._track, self._rules.max_age)


class InitExchange(Exchange):
    """A request for the init segment of a track in an epoch."""

    __slots__ = ("_epoch", "_rules", "_track")

    def __init__(
        self, line: Line, request: Request, track: Track, epoch: str, rules: DeliveryRules
    ) -> None:
        super().__init__(line, request)
        self._track = track
        self._epoch = epoch
        self._rules = rules

    def complete(self) -> None:
        """Send it.

        Raises:
            NotFound
        """
        init = self._track.inits.get(self._epoch)
        if init is None:
            raise NotFound(f"{self._track.name} has no init segment of epoch {self._epoch}")
        tag = b'"init-%b-%d"' % (self._epoch.encode(), len(init.data))
        lines = media_lines(init.content_type, self._rules.max_age)
        lines += b"ETag: %b\r\n%b%b" % (tag, cmsd.static("i"), cmsd.AT_ONCE)
        conditional.answer(self.line, self.request, tag, lines, init.data)


def _gone(why: str) -> Gone:
    error = Gone(why)
    error.headers = ((b"Cache-Control", b"public, max-age=%d" % GONE_MAX_AGE),)
    return error
