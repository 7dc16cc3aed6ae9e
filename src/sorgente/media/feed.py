"""One path of a channel that can be published and played: all of it as one stream, or one track.

Who publishes it, what is relayed, who waits for it to begin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from sorgente.errors import OriginError, PublisherConflict, TakenOver
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.scanner import BoxLimits
from sorgente.isobmff.upload import MediaChunk
from sorgente.media.chunk import Chunk
from sorgente.media.continuity import Continuity
from sorgente.media.fanout import Counters
from sorgente.media.publisher import Form, Outcome, Publisher
from sorgente.media.relay import Relay
from sorgente.media.segment import Segment
from sorgente.media.selection import Menu
from sorgente.media.session import Mode, Session
from sorgente.media.subscriber import Subscriber
from sorgente.media.track import Track
from sorgente.media.window import WindowBounds

OnEnded = Callable[[OriginError], None]
"""Called when somebody else ends a body: taken over, or shut down."""

LONG_AGO: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class FeedRules:
    """What every path of an origin keeps to."""

    window: WindowBounds
    """What is kept of bytes that nobody else keeps."""
    boxes: BoxLimits
    max_lag: float
    """Seconds a slow player may be behind before it is moved forward."""
    reconnect_grace: float
    """Seconds the players of fragmented MP4 wait for an encoder that broke off."""
    silence: float
    """Seconds without a segment after which an encoder that sends them one by one is gone."""
    memory: float
    """Seconds that it may come back with nothing but the next segment, and what two encoders send
    is told apart from what is new."""

    def bounds_of(self, init: InitSegment | None) -> WindowBounds:
        """What a relay keeps. Fragmented MP4 is kept by the channel's presentation too, in another
        form; here, as far back as a slow player may be, and from the newest random access point
        on."""
        if init is None:
            return self.window
        return replace(self.window, seconds=min(self.window.seconds, self.max_lag))


class Journal(Protocol):
    """Who is told what happens on a path, for logs and hooks."""

    def published(self, feed: Feed, session: Session) -> None:
        """An encoder has the right to publish."""

    def recognised(self, feed: Feed, session: Session, *, resumed: bool) -> None:
        """It is known what the bytes are; ``resumed``: they go on where others stopped."""

    def repeated(self, feed: Feed, publisher: Publisher) -> None:
        """For the first time, what an encoder sends was here already."""

    def cut(self, feed: Feed, track: Track, segment: Segment) -> None:
        """No key frame ended ``segment``; nothing more is shown of its track until one comes."""

    def unpublished(self, feed: Feed, session: Session, outcome: Outcome, why: str) -> None:
        """The encoder is done."""

    def abandoned(self, feed: Feed) -> None:
        """The encoder did not come back in time; its players were aborted."""

    def audience(self, feed: Feed, joined: int, left: int) -> None:
        """Players came or went."""


class Observer(Protocol):
    """Who else wants what an upload of fragmented MP4 brings: the channel's presentation."""

    def opened(self, feed: Feed, init: InitSegment, now: float) -> None:
        """A session began, or changed its init segment."""

    def received(self, feed: Feed, media: MediaChunk, chunk: Chunk | None, now: float) -> None:
        """A chunk as it came in, and as it is relayed if those are the same bytes."""

    def delivered(self, feed: Feed, now: float) -> None:
        """An object has come in whole: the next one begins where it ends."""

    def closed(self, feed: Feed, outcome: Outcome, now: float) -> None:
        """The session is over."""


class Feed:
    """A path, from its first player or encoder to its last."""

    def __init__(
        self, name: str, rules: FeedRules, journal: Journal, counters: Counters, observer: Observer
    ) -> None:
        self.name = name
        self.counters = counters
        self.observer = observer
        self.session: Session | None = None
        self.relay: Relay | None = None
        self._rules = rules
        self._journal = journal
        self._waiting: dict[Subscriber, None] = {}
        self._abandon_at: float | None = None
        self._continuity = Continuity()
        self._forget_at: float | None = None
        """When it is nobody's business any more what was published here."""

    @property
    def track_name(self) -> str:
        """The track this path is for; empty for the path that is the channel itself."""
        return self.name.partition("/")[2]

    @property
    def is_whole(self) -> bool:
        """This path is the channel itself."""
        return not self.track_name

    @property
    def live(self) -> bool:
        """Somebody publishes, or is expected back."""
        return self.session is not None or self.relay is not None

    @property
    def idle(self) -> bool:
        """Nobody publishes, nobody is expected back, nobody waits, nothing is remembered."""
        return not self.published and not self._waiting

    @property
    def published(self) -> bool:
        """An encoder is, or was, here, and what it sent is remembered."""
        return self.live or self._forget_at is not None

    @property
    def reconnecting(self) -> bool:
        """The encoder broke off, and its players wait for it."""
        return self.relay is not None and self.session is None

    @property
    def waiting(self) -> int:
        """Players who came before the encoder."""
        return len(self._waiting)

    @property
    def watching(self) -> int:
        """All players, the waiting ones included."""
        return len(self._waiting) + (0 if self.relay is None else self.relay.watching)

    @property
    def subscribers(self) -> list[Subscriber]:
        """All players, the waiting ones included."""
        return [*self._waiting, *(() if self.relay is None else self.relay)]

    @property
    def bytes_kept(self) -> int:
        """Memory of the window, in bytes."""
        return 0 if self.relay is None else self.relay.window.bytes

    @property
    def bytes_held(self) -> int:
        """Memory in use, in bytes: the window and the chunk that is coming in."""
        return self.bytes_kept + (0 if self.session is None else self.session.bytes_pending)

    def drop_oldest(self) -> int:
        """Drop the oldest chunk, and return the bytes that frees."""
        return 0 if self.relay is None else self.relay.window.drop_oldest()

    # Publishers

    def publish(
        self,
        who: str,
        now: float,
        wall: float,
        on_ended: OnEnded,
        *,
        form: Form = Form.ANY,
        takeover: bool = False,
    ) -> Publisher:
        """Give the right to publish, with one body, to ``who``.

        Raises:
            PublisherConflict: somebody else has it, and ``takeover`` is not asked for.
        """
        session = self.session
        if session is not None and not session.admits(form):
            if not takeover:
                raise PublisherConflict(self.name, session.who, session.since, wall)
            session.end(TakenOver(self.name, who), now)
        if self.session is None:
            self.session = Session(self, self._rules.boxes, self._continuity, who, now, wall)
            self._journal.published(self, self.session)
        return self.session.publisher(form, who, on_ended)

    def open_relay(
        self, content_type: str, init: InitSegment | None, menu: Menu | None = None
    ) -> Relay:
        """See :class:`~.session.Stage`; ``menu``: what its players may select from."""
        self._abort_relay()
        rules = self._rules
        bounds = rules.bounds_of(init)
        self.relay = Relay(content_type, init, bounds, rules.max_lag, self.counters, menu)
        self._recognised(resumed=False)
        waiting, self._waiting = self._waiting, {}
        for subscriber in waiting:
            self.relay.attend(subscriber)
        return self.relay

    def resume_relay(self, init: InitSegment) -> Relay | None:
        """See :class:`~.session.Stage`."""
        relay = self.relay
        if relay is None or relay.init is None or not relay.init.compatible_with(init):
            return None
        self._abandon_at = None
        self._recognised(resumed=True)
        return relay

    def opened(self, init: InitSegment, now: float) -> None:
        """See :class:`~.session.Stage`."""
        self.observer.opened(self, init, now)

    def received(self, media: MediaChunk, chunk: Chunk | None, now: float) -> None:
        """See :class:`~.session.Stage`."""
        self.observer.received(self, media, chunk, now)

    def delivered(self, now: float) -> None:
        """See :class:`~.session.Stage`."""
        self.observer.delivered(self, now)

    def repeated(self, publisher: Publisher) -> None:
        """See :class:`~.session.Stage`."""
        self._journal.repeated(self, publisher)

    def note_cut(self, track: Track, segment: Segment) -> None:
        """A segment of what comes in here was ended for want of a key frame."""
        self._journal.cut(self, track, segment)

    def release(self, session: Session, outcome: Outcome, why: str, now: float) -> None:
        """See :class:`~.session.Stage`."""
        self.session = None
        if outcome is not Outcome.COMPLETE:
            self.counters.upload_aborts += 1
        self._remember(session, now)
        self._journal.unpublished(self, session, outcome, why)
        self.observer.closed(self, outcome, now)
        relay = session.relay
        if relay is None:
            return  # it never said what it is: whoever waits, waits on
        if outcome is Outcome.COMPLETE:
            self.relay = None
            relay.end()
        elif outcome is Outcome.BROKEN and relay.init is not None:
            self._abandon_at = now + self._rules.reconnect_grace
        else:
            self._abort_relay()

    # Subscribers

    def subscribe(self, subscriber: Subscriber) -> None:
        """Let ``subscriber`` in now, or when the stream begins."""
        if self.relay is None:
            self._waiting[subscriber] = None
        else:
            self.relay.join(subscriber)
        self._journal.audience(self, 1, 0)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a subscriber whose player went away."""
        before = self.watching
        self._waiting.pop(subscriber, None)
        if self.relay is not None:
            self.relay.leave(subscriber)
        if self.watching < before:
            self._journal.audience(self, 0, 1)

    def pause(self, subscriber: Subscriber) -> None:
        """Its connection takes no more for now."""
        if self.relay is not None:
            self.relay.pause(subscriber)

    def resume(self, subscriber: Subscriber, now: float) -> None:
        """Its connection takes more again."""
        if self.relay is not None:
            self.relay.resume(subscriber, now)

    # Time

    def tick(self, now: float, heard_at: float = LONG_AGO) -> None:
        """Do what only time brings about; ``heard_at``: when any track of the channel was heard
        last."""
        if self.relay is not None:
            self.relay.window.expire(now)
        if self.session is not None:
            self.session.expire(now, self._rules.silence, heard_at)
        elif self._forget_at is not None and now >= self._forget_at:
            self._forget()
        if self.session is None and self._abandon_at is not None and now >= self._abandon_at:
            self._abort_relay()
            self._journal.abandoned(self)

    def end(self, error: OriginError, now: float) -> None:
        """It is over, by order: players get a clean end, encoders that are sending ``error``."""
        if self.session is not None:
            self.session.end(error, now, Outcome.COMPLETE)
        self.close_relay(clean=True)

    def close(self) -> None:
        """The origin shuts down: nothing here looks complete."""
        self._abort_relay()
        waiting, self._waiting = self._waiting, {}
        for subscriber in waiting:
            subscriber.sink.abort()
        self._forget()

    def close_relay(self, *, clean: bool) -> None:
        """What is relayed here, but not published here, is over."""
        if clean and self.relay is not None:
            relay, self.relay = self.relay, None
            relay.end()
        self._abort_relay()

    def _recognised(self, *, resumed: bool) -> None:
        if self.session is not None:  # else it is merged of what others publish
            self._journal.recognised(self, self.session, resumed=resumed)

    def _remember(self, session: Session, now: float) -> None:
        """An encoder of segments may go on with the next one; one of uploads begins anew."""
        if session.mode is Mode.UPLOAD or session.init is None:
            self._forget()
        else:
            self._forget_at = now + self._rules.memory

    def _forget(self) -> None:
        self._continuity = Continuity()
        self._forget_at = None

    def _abort_relay(self) -> None:
        relay, self.relay = self.relay, None
        self._abandon_at = None
        if relay is not None:
            relay.abort()
