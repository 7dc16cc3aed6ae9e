"""What is published on a path, from an encoder's first body to its last.

An encoder sends one long body, or a body for every object: an init segment, a segment. Only the
bytes tell which::

    opening ──media behind an init segment, in one body──▶ upload ──▶ its end is the end
       │
       └──media alone, the init segment is known──▶ objects ──`lmsg`, `mfra`─▶ complete
                                                       └──────silence────────▶ broken

    opening   nothing came, or an init segment did: its body may go on, or end, and another follow
    upload    as HTTP ends the body, the session ends: complete, broken, or refused
    objects   bodies come and go, of several encoders if need be: what was here already is dropped
              (:mod:`~.continuity`), a body that is cut off or refused ends nothing but itself. The
              session is complete when a body said that it is the last, and no other is on its way

The path of a whole channel takes uploads only. What is no fragmented MP4 is always an upload.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from sorgente.errors import (
    MissingInit,
    OriginError,
    PublisherConflict,
    RequestTimeout,
    UnsupportedMedia,
)
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.rewrite import relocated
from sorgente.isobmff.scanner import BoxLimits
from sorgente.isobmff.upload import (
    EMPTY_MFRA,
    MediaChunk,
    RawBytes,
    Trailer,
    Unit,
    UploadParser,
)
from sorgente.media.chunk import Chunk
from sorgente.media.continuity import Continuity, Verdict
from sorgente.media.fanout import Counters
from sorgente.media.publisher import Form, Outcome, Publisher
from sorgente.media.relay import Relay
from sorgente.media.splice import Splice


class Stage(Protocol):
    """What a session needs of its path."""

    name: str
    counters: Counters

    @property
    def is_whole(self) -> bool:
        """This path is the channel itself."""

    def opened(self, init: InitSegment, now: float) -> None:
        """An init segment that begins a session, or changes it."""

    def received(self, media: MediaChunk, chunk: Chunk | None, now: float) -> None:
        """A chunk as it came in, and as it was relayed if those are the same bytes."""

    def delivered(self, now: float) -> None:
        """An object has come in whole."""

    def repeated(self, publisher: Publisher) -> None:
        """For the first time, what an encoder sends was here already."""

    def open_relay(self, content_type: str, init: InitSegment | None) -> Relay:
        """A new relay: whoever waits attends it; a relay before it is aborted."""

    def resume_relay(self, init: InitSegment) -> Relay | None:
        """The relay that waits for its encoder, if ``init`` is compatible with it."""

    def release(self, session: Session, outcome: Outcome, why: str, now: float) -> None:
        """The session is over."""


class Mode(Enum):
    """See the head of the module."""

    OPENING = "opening"
    UPLOAD = "upload"
    OBJECTS = "objects"


class Session:
    """``who`` and ``since`` (UTC, seconds since 1970): the first encoder, and when it began."""

    def __init__(
        self,
        stage: Stage,
        boxes: BoxLimits,
        continuity: Continuity,
        who: str,
        now: float,
        wall: float,
    ) -> None:
        self.who = who
        self.since = wall
        self.mode = Mode.OPENING
        self.relay: Relay | None = None
        """Where the chunks go; None until it is known what the bytes are."""
        self.note: str | None = None
        """What the operator of the encoder should know about its bytes."""
        self.bytes_in = 0
        self.chunks = 0
        self.heard_at = now
        """Seconds: when something new came last."""
        self._stage = stage
        self._boxes = boxes
        self._continuity = continuity
        self._began = now
        self._publishers: dict[Publisher, None] = {}
        self._splice: Splice | None = None
        self._resumed = False
        """The relay has media of another session, and none of this."""
        self._over = False
        """A body said that it is the last."""
        self._repeats = False
        self._ended = False

    @property
    def bytes_pending(self) -> int:
        """Bytes received that are not yet whole chunks."""
        return sum(publisher.bytes_pending for publisher in self._publishers)

    @property
    def bytes_bound(self) -> int:
        """These, and what has come of objects that are kept as they came."""
        copies = [publisher.copy for publisher in self._publishers if publisher.copy]
        return self.bytes_pending + sum(copy.bytes_held for copy in copies)

    @property
    def is_sparse(self) -> bool:
        """Text or metadata: its silence means nothing."""
        init = self._continuity.init
        return init is not None and init.is_sparse

    @property
    def init(self) -> InitSegment | None:
        """What an object that begins with media is read with; None: it is refused."""
        return self._continuity.init

    # Bodies

    def admits(self, form: Form) -> bool:
        """Whether another body may come in beside those there are."""
        if self._stage.is_whole or self.mode is Mode.UPLOAD:
            return False
        forms = {form, *(publisher.form for publisher in self._publishers)}
        return self.mode is Mode.OBJECTS or not self._publishers or Form.ANY not in forms

    def publisher(self, form: Form, who: str, on_ended: Callable[[OriginError], None]) -> Publisher:
        """A handle for one more body."""
        publisher = Publisher(self, form, who, on_ended)
        self._publishers[publisher] = None
        return publisher

    def parser(self) -> UploadParser:
        """For a body that has its first bytes."""
        return UploadParser(self._boxes, init=self._continuity.init)

    def count(self, data: bytes) -> None:
        """Bytes came in."""
        self.bytes_in += len(data)
        self._stage.counters.bytes_in += len(data)

    def take(self, publisher: Publisher, unit: Unit, now: float) -> None:
        """Relay what is new.

        Raises:
            PublisherConflict: the path belongs to another body.
            MissingInit, UnsupportedMedia: this path has no use for it.
        """
        if self._ended or (self.mode is Mode.UPLOAD and publisher not in self._publishers):
            raise PublisherConflict(
                self._stage.name, self.who, self.since, self.since + now - self._began
            )
        match unit:
            case MediaChunk():
                self._take_chunk(publisher, unit, now)
            case InitSegment():
                self._take_init(publisher, unit, now)
            case RawBytes():
                self._take_raw(publisher, unit, now)
            case Trailer():
                self._take_trailer(publisher, unit, now)

    def leave(self, publisher: Publisher, outcome: Outcome, why: str, now: float) -> None:
        """A body has ended."""
        if self._ended or publisher not in self._publishers:
            return
        del self._publishers[publisher]
        match self.mode:
            case Mode.UPLOAD:
                self._release(outcome, why, now)
            case Mode.OBJECTS:
                self._continuity.note_object(publisher.ticks)
                if publisher.ticks and outcome is Outcome.COMPLETE:
                    self._stage.delivered(now)
                self._over |= publisher.brought_end and outcome is Outcome.COMPLETE
                if self._over and not self._publishers:
                    self._release(Outcome.COMPLETE, "the last segment came", now)
            case Mode.OPENING if not self._awaits_more(publisher, outcome):
                self._release(outcome, why, now)

    def _awaits_more(self, publisher: Publisher, outcome: Outcome) -> bool:
        """Whether a session without media goes on without ``publisher``."""
        if self.relay is None:
            return bool(self._publishers)
        if self._stage.is_whole:
            return False
        return outcome is Outcome.COMPLETE or not publisher.brought_init

    # Ends

    def expire(self, now: float, silence: float, heard_at: float) -> None:
        """End it if no object came for ``silence`` seconds; ``heard_at``: when any track of the
        channel was heard last, which is what counts for a sparse one."""
        last = max(self.heard_at, heard_at) if self.is_sparse else self.heard_at
        waits = self.mode is Mode.OBJECTS or (self.relay is not None and not self._publishers)
        if waits and now - last >= silence:
            self.end(RequestTimeout(f"no segment came in {silence:g} s"), now)

    def conclude(self, now: float) -> None:
        """The encoder says that there is no more than what is under way; an upload ends itself."""
        if self.mode is Mode.OBJECTS:
            for publisher in self._publishers:
                publisher.brought_end = True
            if not self._publishers:
                self._release(Outcome.COMPLETE, "the manifest says that it is over", now)

    def end(self, error: OriginError, now: float, outcome: Outcome = Outcome.BROKEN) -> None:
        """Somebody ends it; encoders that are sending are told ``error``."""
        publishers = list(self._publishers)
        self._release(outcome, str(error), now)
        for publisher in publishers:
            publisher.end(error)

    def _release(self, outcome: Outcome, why: str, now: float) -> None:
        if not self._ended:
            self._ended = True
            self._stage.release(self, outcome, why, now)
            # A window does not last as long as somebody holds what once filled it.
            self.relay = self._splice = None
            self._publishers = {}

    # Units

    def _take_init(self, publisher: Publisher, init: InitSegment, now: float) -> None:
        self.heard_at = now
        again, publisher.brought_init = publisher.brought_init, True
        if publisher.form is Form.FILE and not again:
            self._continuity.begin_again()
        if self.relay is None:
            self._open(init, now)
        elif self.relay.init is None or not self.relay.init.compatible_with(init):
            self._splice, self._resumed = None, False
            self._remember(init)
            self._stage.opened(init, now)
            self.relay.replace_init(init, now)
        elif again or self.mode is Mode.UPLOAD:
            # DASH-IF Ingest §6: an encoder may send its header again at any time. Who plays an
            # upload gets it byte for byte.
            self._append(publisher, Chunk.of(init.data, now), now)

    def _open(self, init: InitSegment, now: float) -> None:
        self._remember(init)
        self._stage.opened(init, now)
        self.relay = self._stage.resume_relay(init)
        self._resumed = self.relay is not None
        if self.relay is None:
            self.relay = self._stage.open_relay(init.content_type, init)

    def _remember(self, init: InitSegment) -> None:
        known = self._continuity.init
        if not self._stage.is_whole and (known is None or not known.compatible_with(init)):
            self._continuity.begin(init)

    def _take_chunk(self, publisher: Publisher, media: MediaChunk, now: float) -> None:
        if self.mode is Mode.OPENING:
            self._decide(publisher)
        if self.mode is Mode.OBJECTS and not self._is_new(publisher, media, now):
            return
        self.heard_at = now
        self._relay_chunk(publisher, media, now)

    def _decide(self, publisher: Publisher) -> None:
        if publisher.form.is_object or not publisher.brought_init:
            self.mode = Mode.OBJECTS
        else:
            self._claim(publisher)

    def _claim(self, publisher: Publisher) -> None:
        """It all belongs to one body; others learn so with what they bring next."""
        self.mode = Mode.UPLOAD
        self._publishers = {publisher: None}

    def _is_new(self, publisher: Publisher, media: MediaChunk, now: float) -> bool:
        known = self._continuity.init
        if known is None or not (media.init is known or media.init.compatible_with(known)):
            raise MissingInit(self._stage.name)  # another body has brought another one meanwhile
        publisher.brought_end |= media.fragment.is_last
        verdict = self._continuity.judge(media, now)
        if verdict is Verdict.REPEATED:
            self._stage.counters.repeated_chunks += 1
            if not self._repeats:
                self._repeats = True
                self._stage.repeated(publisher)
            return False
        track = media.track(known.leading_track.track_id)
        publisher.ticks += 0 if track is None else track.duration
        self._over = False
        if self.relay is None:
            self._open(media.init, now)
        if verdict is Verdict.RESTARTED:
            self._resumed = True
        return True

    def _relay_chunk(self, publisher: Publisher, media: MediaChunk, now: float) -> None:
        relay = self.relay
        assert relay is not None, "an init segment comes first"
        assert relay.progress is not None, "and its relay has a timeline"
        if self._resumed:
            self._resumed = False
            # An encoder of uploads begins at 0 again; one of objects may have gone on meanwhile.
            if self.mode is Mode.UPLOAD or not relay.progress.precedes(media.fragment):
                self._splice = Splice(relay.progress)
        if self._splice is None:
            relay.progress.note(media.fragment)
            payload, movable = media.data, relocated(media)
        else:
            payload = movable = self._splice.apply(media)
        chunk = Chunk.of(
            payload,
            now,
            movable=movable,
            random_access=media.random_access,
            has_sync_sample=media.contains_random_access,
        )
        self._append(publisher, chunk, now)
        self._stage.counters.filler_chunks += media.fragment.is_filler
        self._stage.received(media, chunk if payload is media.data else None, now)

    def _take_raw(self, publisher: Publisher, raw: RawBytes, now: float) -> None:
        if raw.data == EMPTY_MFRA and not self._stage.is_whole:
            return  # the last word on what is over already
        if publisher.media_first and not self._stage.is_whole:
            raise MissingInit(self._stage.name)
        if publisher.form is not Form.ANY:
            raise UnsupportedMedia("only fragmented MP4 (CMAF) is taken here")
        if self.relay is None:
            self._claim(publisher)
            self.note = publisher.note
            self.relay = self._stage.open_relay(publisher.content_type, None)
        self._append(publisher, Chunk.of(raw.data, now), now)

    def _take_trailer(self, publisher: Publisher, trailer: Trailer, now: float) -> None:
        publisher.brought_end |= trailer.ends_event
        if self.mode is Mode.OPENING and not self._stage.is_whole and not publisher.brought_init:
            self.mode = Mode.OBJECTS
        # mfra speaks of byte positions (ISO/IEC 14496-12 §8.8.9): true only while the stream is the
        # upload byte for byte.
        if self.mode is not Mode.OBJECTS and self._splice is None and not self._resumed:
            self._append(publisher, Chunk.of(trailer.data, now), now)

    def _append(self, publisher: Publisher, chunk: Chunk, now: float) -> None:
        assert self.relay is not None, "what tells the content type comes before its chunks"
        self.chunks += 1
        publisher.chunks += 1
        self.relay.append(chunk, now)
