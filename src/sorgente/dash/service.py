"""ServiceDescription: how far behind the encoder players should be, and how hard they may try.

There is one, without a Scope: Shaka 5.2 reads none at all if there are two (``findChild`` gives up
on more than one), and never hurries then (measured). dash.js steers by ``Latency@target`` and reads
``@max`` as the point to seek instead of to hurry (``max − target + 0.5 s`` too late). Shaka starts
``suggestedPresentationDelay`` behind the live edge, and then holds its distance from *that* point
at ``target ± 0.5 s``: for targets above half a second it would slow down until it is twice as late
as asked, so then nobody may slow down.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from sorgente.dash.values import decimal, milliseconds
from sorgente.dash.xml import Element, element

FASTEST: Final = Fraction(11, 10)
SLOWEST: Final = Fraction(95, 100)
"""Shaka's own limits for live streams (``liveSync``): with the pitch kept, hardly audible. dash.js
would go to 1.5 and 0.5, which is. At 1.1 a player that is 2 s late is back after 20 s; at 1.04, as
guidelines show it, after 50 s."""

MOST_LATE: Final = Fraction(3, 2)
"""Seconds over the target that players are to put up with; dash.js adds 0.5 s and then seeks."""

SHAKA_TOLERANCE: Final = Fraction(1, 2)
"""``liveSync.targetLatencyTolerance``: below it, nothing is too early for Shaka."""


def service_description(
    target: Fraction, reference_id: str | None, encoder_delay: Fraction = Fraction(0)
) -> Element:
    """``target``: seconds behind what is announced.

    ``reference_id`` is the ProducerReferenceTime of the live period, and ``encoder_delay`` how many
    seconds the timeline lies behind it: LL has the target "relative to the producer reference
    time", and dash.js takes those seconds off it. It would aim at what is not there yet.
    """
    slowest = SLOWEST if target + encoder_delay <= SHAKA_TOLERANCE else Fraction(1)
    most = target + min(target, MOST_LATE)
    return element(
        "ServiceDescription",
        {"id": 0},
        element(
            "Latency",
            {
                "referenceId": reference_id,
                "target": milliseconds(target + encoder_delay),
                "min": milliseconds(target / 2 + encoder_delay),
                "max": milliseconds(most + encoder_delay),
            },
        ),
        element("PlaybackRate", {"min": decimal(slowest), "max": decimal(FASTEST)}),
    )
