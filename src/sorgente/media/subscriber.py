"""A read handle: who gets the chunks, in which form, and how far it has come.

A subscriber is a cursor into its relay's window. While its sink takes everything at once the cursor
is not even kept: it stands at the end of the window. Only one who is behind has a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from sorgente.media.chunk import Buffer, Form

if TYPE_CHECKING:
    from sorgente.media.selection import Selection

Start = Literal["newest", "oldest"]
"""Which random access point a late joiner starts at."""


class Sink(Protocol):
    """The far side of a subscriber. None of these calls may raise or come back into the relay,
    but ``write``, ``writelines`` and ``begin`` may call ``Relay.pause`` before they return."""

    def begin(self, content_type: str, first: Sequence[Buffer]) -> None:
        """The stream starts: send the head and ``first``, in one write."""

    def write(self, data: Buffer, /) -> None:
        """Send one chunk."""

    def writelines(self, data: Sequence[Buffer], /) -> None:
        """Send several chunks."""

    def end(self) -> None:
        """The stream is complete: end it cleanly."""

    def abort(self) -> None:
        """The stream broke: never let it look complete."""


class Subscriber:
    """One player of one stream.

    ``cursor``  number of the next chunk to send; meaningful only while it is behind.
    ``form``    how chunks look to this player; changes once, when its stream stops being the upload
                byte for byte.
    ``number``  what it is called among all of an origin's; 0 until it has a name.
    ``picture`` the name of the only one it wants, empty for the best; None: it takes all there is.
    ``selection``  what it gets instead of all.
    ``who``     address of its player, and ``since``: seconds, when it came.
    """

    __slots__ = ("cursor", "form", "number", "paused", "picture", "selection", "since", "sink",
                 "start", "who", "write")  # fmt: skip

    def __init__(
        self,
        sink: Sink,
        form: Form,
        start: Start = "newest",
        *,
        picture: str | None = None,
        who: str = "",
        since: float = 0.0,
    ) -> None:
        self.sink = sink
        self.write = sink.write
        self.form = form
        self.start: Start = start
        self.picture = picture
        self.selection: Selection | None = None
        self.cursor = 0
        self.paused = False
        self.number = 0
        self.who = who
        self.since = since
