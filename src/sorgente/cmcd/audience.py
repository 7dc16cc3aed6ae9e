"""Those who report, over all channels. Anybody may say anything here: so there are bounds, and what
cannot be read is counted, and no more."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from sorgente.cmcd.report import Report
from sorgente.cmcd.viewers import Viewers
from sorgente.media.channel import Channel

MAX_SESSIONS: Final = 16_384
"""Over all channels: as many as there may be connections. Each takes 460 bytes. One more, and the
channel that has most forgets its oldest: whoever makes sessions up does so at its cost alone."""


class Audience:
    """See the module."""

    def __init__(self, most: int = MAX_SESSIONS) -> None:
        """``most``: sessions there may be."""
        self._most = most
        self._viewers: WeakKeyDictionary[Channel, Viewers] = WeakKeyDictionary()
        self.unread = 0
        """Reports that could not be read, or were nobody's."""

    def __len__(self) -> int:
        return sum(map(len, self._viewers.values()))

    def of(self, channel: Channel) -> Viewers | None:
        """The players of ``channel`` that report; None: none ever did."""
        return self._viewers.get(channel)

    def hear(self, channel: Channel, report: Report | None, now: float) -> None:
        """A player of ``channel`` has said something; None: nobody knows what."""
        if report is None:
            self.unread += 1
            return
        viewers = self._viewers.get(channel)
        if viewers is None:
            viewers = self._viewers[channel] = Viewers()
        if report.session not in viewers and len(self) >= self._most:
            max(self._viewers.values(), key=len).forget_oldest()
        viewers.hear(report, now)
