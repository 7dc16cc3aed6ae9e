"""Descriptors: elements that are a scheme and a value."""

from __future__ import annotations

from typing import Final

from sorgente.dash.xml import Element, element
from sorgente.media.snapshot import TrackSnapshot

ROLE: Final = "urn:mpeg:dash:role:2011"
DVB_CRITICAL: Final = "urn:dvb:dash:lowlatency:critical:2019"
PERIOD_CONTINUITY: Final = "urn:mpeg:dash:period-continuity:2015"

HTTP_ISO: Final = element(
    "UTCTiming", {"schemeIdUri": "urn:mpeg:dash:utc:http-iso:2014", "value": "/time?iso&ms"}
)
"""Our own clock, the one Period@start and availability are counted by, in milliseconds. Both
players resolve the relative URL, and neither implements ntp; it comes first, as dash.js takes the
order for preference."""
HTTP_HEAD: Final = element(
    "UTCTiming", {"schemeIdUri": "urn:mpeg:dash:utc:http-head:2014", "value": "/time"}
)
"""The last resort: ``Date`` has whole seconds."""

_CHANNELS_23003: Final = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
_CHANNELS_CICP: Final = "urn:mpeg:mpegB:cicp:ChannelConfiguration"
_CICP_LAYOUTS: Final = {7: 11, 8: 12}  # ISO/IEC 23091-3: 6.1, and 7.1 with back channels
_DEFAULT_ROLES: Final = {"text": "subtitle"}


def descriptor(name: str, scheme: str, value: str | None = None) -> Element:
    """``DescriptorType``."""
    return element(name, {"schemeIdUri": scheme, "value": value or None})


def channel_configuration(track: TrackSnapshot) -> Element | None:
    """How many loudspeakers.

    Up to six channels both schemes say the same number. Beyond, 23003-3 names layouts while Shaka
    reads a count ("as far as we can tell"), so that CICP, which it looks up, is the one to use.
    """
    name = "AudioChannelConfiguration"
    if 1 <= track.channels <= 6:
        return descriptor(name, _CHANNELS_23003, str(track.channels))
    if track.channels in _CICP_LAYOUTS:
        return descriptor(name, _CHANNELS_CICP, str(_CICP_LAYOUTS[track.channels]))
    return None


def roles(track: TrackSnapshot) -> tuple[Element, ...]:
    """What the encoder said in ``udta/kind``; else that it is the main thing of its kind."""
    given = track.roles or ((ROLE, _DEFAULT_ROLES.get(track.kind, "main")),)
    return tuple(descriptor("Role", scheme, value) for scheme, value in given)


def event_streams(schemes: tuple[tuple[str, str], ...]) -> tuple[Element, ...]:
    """The ``emsg`` schemes to look for; a player drops events of others."""
    return tuple(descriptor("InbandEventStream", scheme, value) for scheme, value in schemes)
