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


def service_description(target: Fraction, reference_id: str | None) -> Element:
    """``target`` in seconds.

    ``reference_id`` is the ProducerReferenceTime of the live period: LL has the target
    "relative to the producer reference time".
    """
    slowest = SLOWEST if target <= SHAKA_TOLERANCE else Fraction(1)
    return element(
        "ServiceDescription",
        {"id": 0},
        element(
            "Latency",
            {
                "referenceId": reference_id,
                "target": milliseconds(target),
                "min": milliseconds(target / 2),
                "max": milliseconds(target + min(target, MOST_LATE)),
            },
        ),
        element("PlaybackRate", {"min": decimal(slowest), "max": decimal(FASTEST)}),
    )
