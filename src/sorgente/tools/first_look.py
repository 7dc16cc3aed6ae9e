"""A live presentation as whoever comes finds it: its manifest, and its clock."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from sorgente.tools.errors import NothingToWatch, OriginLost
from sorgente.tools.mpd.presentation import Mpd, read_mpd
from sorgente.tools.server_clock import ClockSeen, read_clock
from sorgente.tools.web import Answer, Web

MANIFEST_SECONDS: Final = 10.0
"""For all of a first manifest. An origin of ours keeps whoever comes before the encoder with white
space for minutes, and an address that is none of a manifest may go on for ever."""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What there was."""

    mpd: Mpd
    answer: Answer
    """That it came in."""
    clock: ClockSeen
    wall_gap: float
    """UTC of the presentation − UTC of this machine."""


async def first_look(web: Web, url: str) -> FirstLook:
    """What there is at ``url``.

    Raises:
        NothingToWatch: no answer in time, one that refuses, or of an event that is not live.
        UnreadableManifest: it is no MPD.
    """
    answer = await _ask(web, url)
    if answer.status != 200:
        raise NothingToWatch(f"{url}: {answer.told}")
    if answer.broken:
        raise NothingToWatch(f"{url}: the manifest broke off: {answer.broken}")
    mpd = read_mpd(answer.body, answer.url)
    if not mpd.live:
        raise NothingToWatch(f"{url}: the event is over, or was never live (type static)")
    wall_offset = time.time() - web.clock()
    clock = await read_clock(web, mpd.timings, answer, wall_offset)
    # Until it is static as well; an end without that attribute is one between two periods.
    end = mpd.periods[-1].end if "mediaPresentationDuration" in mpd.attributes else None
    if end is not None and end <= web.clock() + clock.offset:
        raise NothingToWatch(f"{url}: the event is over")
    return FirstLook(mpd, answer, clock, clock.offset - wall_offset)


async def _ask(web: Web, url: str) -> Answer:
    try:
        async with asyncio.timeout(MANIFEST_SECONDS):
            return await web.ask(url)
    except TimeoutError:
        raise NothingToWatch(
            f"{url}: no whole manifest in {MANIFEST_SECONDS:g} s: nobody publishes there yet, "
            "or it is the address of something else"
        ) from None
    except OriginLost as error:
        raise NothingToWatch(str(error)) from error
