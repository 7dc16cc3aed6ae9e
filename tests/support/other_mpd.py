"""A low-latency MPD of some origin that is not ours: good, and to be made bad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

GOOD: Final = """\
<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011"
     type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z"
     publishTime="2026-11-22T12:00:00Z" minimumUpdatePeriod="PT1S" timeShiftBufferDepth="PT30S"
     suggestedPresentationDelay="PT2S" minBufferTime="PT1S" maxSegmentDuration="PT2S">
  <ServiceDescription id="0"><Latency referenceId="1" min="500" target="1500" max="4000"/>
  </ServiceDescription>
  <Period id="P0" start="PT1795348800S">
    <AdaptationSet id="1" contentType="video" mimeType="video/mp4" segmentAlignment="true"
                   startWithSAP="1">
      <ProducerReferenceTime id="1" type="encoder" wallClockTime="2026-11-22T12:00:00Z"
                             presentationTime="0">
        <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="/time"/>
      </ProducerReferenceTime>
      <Resync type="0" dT="2560"/>
      <SegmentTemplate timescale="12800" duration="12800" startNumber="1"
                       availabilityTimeOffset="0.8" availabilityTimeComplete="false"
                       initialization="$RepresentationID$/init.mp4"
                       media="$RepresentationID$/$Number$.m4s"/>
      <Representation id="v1" codecs="avc1.64001f" bandwidth="1000000" width="160" height="90"/>
      <Representation id="v2" codecs="avc1.64001f" bandwidth="2000000" width="160" height="90"/>
    </AdaptationSet>
  </Period>
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="/time"/>
</MPD>
"""

PERIOD: Final = GOOD[GOOD.index("  <Period") : GOOD.index("  </Period>")] + "  </Period>\n"

LISTED: Final = (
    GOOD.replace(' duration="12800"', "")
    .replace('$Number$.m4s"/>', '$Number$.m4s"><SegmentTimeline><S t="0" d="12800" r="9"/>'
             "</SegmentTimeline></SegmentTemplate>")
)  # fmt: skip


def altered(changes: Mapping[str, str], text: str = GOOD) -> str:
    """``text`` with every key replaced; each must be there."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text
