"""What a command line asks ``push`` to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import ExistingFile

from sorgente.tools.errors import UnusableArgument
from sorgente.tools.inputs import Input, Kind, parse_input
from sorgente.tools.ladder import Rung, parse_ladder
from sorgente.tools.target import Target, parse_target
from sorgente.tools.trust import trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What is made of an input, by ``push`` and by the ``source`` of a channel alike."""

    ladder: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = ()
    """Picture sizes to encode, with bit rates if you like: 1080p:6M,720p,360p. What is larger than
    the source is left out."""

    encode: bool = False
    """Encode anew even what could be copied."""

    loop: bool = False
    """Begin the file again when it ends."""

    sound: str | None = None
    """Another input for the sound, such as alsa:default beside a camera."""

    verbose: bool = False
    """Show what ffmpeg says."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings(Treatment):
    """How to push."""

    publish_key: Annotated[str | None, Parameter(name=("--publish-key", "--key"))] = field(
        default=None, repr=False
    )
    """The origin's key. Better in SORGENTE_PUBLISH_KEY: ps shows command lines to everybody."""

    cacert: ExistingFile | None = None
    """PEM file of the authority that signed the origin's certificate; no other is believed."""

    attended: Annotated[bool, Parameter(show=False, negative=())] = False
    """A program runs this one and reads its reports (``reports.py``): an origin, for the source of
    a channel. The end of standard input is the end of that program, and of this one."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be pushed where."""

    picture: Input
    sound: Input | None
    ladder: tuple[Rung, ...]
    encode: bool
    loop: bool
    """Which encodes too: copied key frames fall out of step wherever the file begins again, and
    each time players would meet a new period."""
    target: Target

    @property
    def inputs(self) -> Sequence[Input]:
        """In the order ffmpeg gets them."""
        return [self.picture] if self.sound is None else [self.picture, self.sound]


def make_order(text: str, url: str, settings: PushSettings) -> Order:
    """What the command line asks for.

    Raises UnusableArgument, and InputRefused for a camera that is not there.
    """
    picture = parse_input(text)
    sound = None if settings.sound is None else parse_input(settings.sound)
    if sound is not None and sound.kind is Kind.LISTENER:
        raise UnusableArgument("--sound cannot wait for a caller; INPUT can")
    if settings.loop and picture.kind not in (Kind.FILE, Kind.STREAM):
        raise UnusableArgument(f"--loop is for files, and {picture.shown} is none")
    ladder = parse_ladder(",".join(settings.ladder)) if settings.ladder else ()
    if settings.cacert is not None:
        trust(settings.cacert)  # now, not when there is something to send
    target = parse_target(url, settings.publish_key, settings.cacert)
    encode = settings.encode or settings.loop
    return Order(picture, sound, ladder, encode, settings.loop, target)
