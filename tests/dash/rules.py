"""The rules a low-latency MPD is held against, one line each: id, level, what it says, how to see.

``LL`` is the DASH-IF low-latency text, ``CONF`` the section of the DASH-IF conformance tool that
checks it (protocols §2.1), ``TIM`` the DASH-IF timing model, ``PLAYER`` what a player needs.
A check gives the places that break the rule. Ids of rules are part of the ids of tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from tests.dash.reader import Mpd, Representation, children, descendants, seconds

Check = Callable[[Mpd], Iterable[object]]
ISO = "urn:mpeg:dash:utc:http-iso:2014"
XSDATE = "urn:mpeg:dash:utc:http-xsdate:2014"
HDLR = {"video": "video/mp4", "audio": "audio/mp4", "text": "application/mp4"}
ALL_SAP = ("audio", "text")


class Rule(NamedTuple):
    id: str
    applies: Callable[[Mpd], bool]
    says: str
    broken: Check


def _always(_: Mpd) -> bool:
    return True


def _live(mpd: Mpd) -> bool:
    return mpd.live


def _updated(mpd: Mpd) -> bool:
    return mpd.live and "mediaPresentationDuration" not in mpd.root.attrib


def _over(mpd: Mpd) -> bool:
    return not mpd.live


def _low_latency(mpd: Mpd) -> bool:
    return mpd.low_latency


def _whole_segments(mpd: Mpd) -> bool:
    return mpd.live and not mpd.low_latency


def _missing(*names: str) -> Check:
    return lambda mpd: [name for name in names if name not in mpd.root.attrib]


def _present(*names: str) -> Check:
    return lambda mpd: [name for name in names if name in mpd.root.attrib]


def _each(holds: Callable[[Representation], bool]) -> Check:
    return lambda mpd: [each.id for each in mpd.representations if not holds(each)]


def _scheme(mpd: Mpd) -> list[str]:
    return [node.attrib["schemeIdUri"] for node in children(mpd.root, "UTCTiming")]


def _references(mpd: Mpd) -> Iterator[object]:
    """Everything LL says of ProducerReferenceTime, and dash.js's dislike of id 0."""
    clocks = [dict(node.attrib) for node in children(mpd.root, "UTCTiming")]
    ids = [node.attrib["id"] for node in descendants(mpd.root, "ProducerReferenceTime")]
    if len(set(ids)) != len(ids) or any(int(number) < 1 for number in ids):
        yield ids
    for each in mpd.representations:
        references = each.inherited("ProducerReferenceTime")
        if not references:
            yield f"{each.id}: none"
        for reference in references:
            child = children(reference, "UTCTiming")
            if [dict(node.attrib) for node in child] != clocks[:1]:
                yield f"{each.id}: UTCTiming"
            offset = each.template["presentationTimeOffset"]
            if reference.attrib["presentationTime"] not in ("0", offset):
                yield f"{each.id}: presentationTime"
            if reference.attrib["type"] not in ("encoder", "captured"):
                yield f"{each.id}: type"


def _latency_references(mpd: Mpd) -> list[str]:
    last = descendants(mpd.periods[-1], "ProducerReferenceTime")
    known = {node.attrib["id"] for node in last}
    named = [node.attrib["referenceId"] for node in descendants(mpd.root, "Latency")]
    return [number for number in named if number not in known]


def _chunk_latency(mpd: Mpd) -> list[str]:
    return [each.id for each in mpd.representations if each.longest - each.offset >= mpd.target]


def _offsets_in_range(mpd: Mpd) -> list[str]:
    """Of the MPD: a period that is over has the offset of the live one, see dash.availability."""
    longest = mpd.time("maxSegmentDuration")
    return [each.id for each in mpd.representations if not 0 < each.offset < longest]


def _one_offset_a_set(mpd: Mpd) -> list[str]:
    return [each.id for each in mpd.sets if len({r.offset for r in each.representations}) != 1]


def _honest_resync(each: Representation) -> bool:
    """Type 1 only where any chunk can be decoded alone; no marker, as nobody writes them."""
    kind = each.owner.node.attrib["contentType"]
    return all(
        node.attrib["type"] == ("1" if kind in ALL_SAP else "0")
        and "marker" not in node.attrib
        and 0 < int(node.attrib["dT"]) <= each.longest * each.timescale
        for node in each.inherited("Resync")
    )


def _addressing(each: Representation) -> bool:
    numbered = each.template["media"] == "$RepresentationID$/$Number$.m4s"
    return numbered and ("duration" in each.template) != bool(each.timeline)


def _merged_runs(mpd: Mpd) -> Iterator[object]:
    for timeline in descendants(mpd.root, "SegmentTimeline"):
        runs = descendants(timeline, "S")
        for before, after in pairwise(runs):
            if before.attrib["d"] == after.attrib["d"] and "t" not in after.attrib:
                yield dict(after.attrib)


def _ranks(mpd: Mpd) -> Iterator[object]:
    """DASH: a lower ``@qualityRanking`` is better; ours come worst first."""
    for each in mpd.sets:
        ranks = [node.node.attrib.get("qualityRanking") for node in each.representations]
        expected = [str(rank) for rank in range(len(ranks), 0, -1)]
        if len(ranks) > 1 and ranks != expected:
            yield ranks


def _sorted(mpd: Mpd) -> Iterator[object]:
    for each in mpd.sets:
        bandwidths = [int(node.node.attrib["bandwidth"]) for node in each.representations]
        if bandwidths != sorted(bandwidths) or bandwidths[0] < 1:
            yield bandwidths


def _overlaps(mpd: Mpd) -> Iterator[object]:
    for period, following in pairwise(mpd.periods):
        length = period.attrib.get("duration")
        if length is not None:
            end = seconds(period.attrib["start"]) + seconds(length)
            if end > seconds(following.attrib["start"]):
                yield period.attrib["id"]


def _ends_apart(mpd: Mpd) -> list[object]:
    last = mpd.periods[-1].attrib
    end = seconds(last["start"]) + seconds(last["duration"])
    return [] if end == mpd.time("mediaPresentationDuration") else [end]


def _stray_end(mpd: Mpd) -> list[str]:
    """Design §3 rule 8: an end with nothing behind it makes dash.js pause for good."""
    return [mpd.periods[-1].attrib["id"]] if "duration" in mpd.periods[-1].attrib else []


def _live_leftovers(mpd: Mpd) -> Iterator[str]:
    for name in ("ServiceDescription", "ProducerReferenceTime", "Resync", "UTCTiming"):
        if descendants(mpd.root, name):
            yield name
    for node in descendants(mpd.root, "SegmentTemplate"):
        yield from (name for name in node.attrib if name.startswith("availability"))


def _broken_continuity(mpd: Mpd) -> Iterator[object]:
    ids = [period.attrib["id"] for period in mpd.periods]
    for each in mpd.sets:
        for node in children(each.node, "SupplementalProperty"):
            if node.attrib["schemeIdUri"] == "urn:mpeg:dash:period-continuity:2015":
                place = ids.index(each.period.attrib["id"])
                before = children(mpd.periods[place - 1], "AdaptationSet")
                same = each.id in [owner.attrib["id"] for owner in before]
                if not place or node.attrib["value"] != ids[place - 1] or not same:
                    yield each.id


def _longer(mpd: Mpd) -> list[str]:
    longest = mpd.time("maxSegmentDuration")
    return [each.id for each in mpd.representations if each.longest > longest]


def _duplicate_sets(mpd: Mpd) -> Iterator[object]:
    for period in mpd.periods:
        ids = [node.attrib["id"] for node in children(period, "AdaptationSet")]
        if len(set(ids)) != len(ids):
            yield ids


RULES = [
    Rule("LL-profile", _low_latency, "the profile that is claimed is there, with isoff-live",
         lambda m: [] if "isoff-live:2011," in m.root.attrib["profiles"] else ["profiles"]),
    Rule("LL-ServiceDescription", _live, "at least one Latency@target, in ms, and > 0",
         lambda m: [] if all(int(n.attrib["target"]) > 0 for n in descendants(m.root, "Latency"))
         and descendants(m.root, "Latency") else ["Latency"]),
    Rule("LL-Latency-order", _live, "min <= target <= max", lambda m: [
        dict(n.attrib) for n in descendants(m.root, "Latency") if not
        int(n.attrib["min"]) <= int(n.attrib["target"]) <= int(n.attrib["max"])]),
    Rule("LL-Latency-referenceId", _live, "names a ProducerReferenceTime of the live period",
         _latency_references),
    Rule("CONF-9.X.4.2-UTCTiming", _live, "http-iso, http-xsdate or http-ntp is there, and first",
         lambda m: [] if _scheme(m)[:1] in ([ISO], [XSDATE]) else _scheme(m)),
    Rule("LL-every-kind", _low_latency, "each media type has a low-latency AdaptationSet: all are",
         _each(lambda r: "availabilityTimeOffset" in r.template)),
    Rule("CONF-9.X.4.5-ProducerReferenceTime", _live, "ids, type, UTCTiming, presentationTime",
         _references),
    Rule("LL-addressing", _always, "SegmentTemplate with $Number$, @duration xor SegmentTimeline",
         _each(_addressing)),
    Rule("CONF-9.X.4.5-ATO-range", _low_latency, "0 < availabilityTimeOffset < longest segment",
         _offsets_in_range),
    Rule("CONF-9.X.4.5-ATO-target", _low_latency, "longest segment - offset < target latency",
         _chunk_latency),
    Rule("CONF-9.X.4.5-ATO-same", _live, "one offset for all Representations of a set",
         _one_offset_a_set),
    Rule("PLAYER-ATO-level", _low_latency, "on one level: Shaka adds levels up, dash.js overrides",
         _each(lambda r: r.levels_with_offset == 1)),
    Rule("PLAYER-ATO-everywhere", _low_latency, "Shaka: one set without it, and it is not live-low",
         _each(lambda r: r.offset > 0)),
    Rule("CONF-9.X.4.5-ATC", _low_latency, "availabilityTimeComplete is 'false', in lower case",
         _each(lambda r: r.template.get("availabilityTimeComplete") == "false")),
    Rule("CONF-9.X.4.6-segment-AS", _whole_segments, "no chunks: no offset, no ATC, no Resync",
         _each(lambda r: not {"availabilityTimeOffset", "availabilityTimeComplete"} & {*r.template}
               and not r.inherited("Resync"))),
    Rule("CONF-9.X.4.6-segment-duration", _whole_segments, "no chunks: segments <= target / 2",
         lambda m: [r.id for r in m.representations if r.longest > m.target / 2]),
    Rule("LL-Resync-honest", _live, "Resync promises no more than chunks keep",
         _each(_honest_resync)),
    Rule("CONF-contentType", _always, "contentType = hdlr, mimeType <type>/mp4", lambda m: [
        each.id for each in m.sets
        if each.node.attrib["mimeType"] != HDLR[each.node.attrib["contentType"]]]),
    Rule("CONF-alignment", _always, "segmentAlignment, startWithSAP 1 or 2", lambda m: [
        each.id for each in m.sets if each.node.attrib["segmentAlignment"] != "true"
        or each.node.attrib["startWithSAP"] not in ("1", "2")]),
    Rule("LL-event-2012", _always, "in-band MPD validity events: value 1 if announced", lambda m: [
        dict(n.attrib) for n in descendants(m.root, "InbandEventStream")
        if n.attrib["schemeIdUri"] == "urn:mpeg:dash:event:2012" and n.attrib["value"] != "1"]),
    Rule("LL-merged-S", _always, "consecutive equal S are one with @r", _merged_runs),
    Rule("LL-qualityRanking", _always, "in sets of several Representations", _ranks),
    Rule("DASH-bandwidth-order", _always, "Representations worst first, none without", _sorted),
    Rule("DASH-set-ids", _always, "AdaptationSet@id unique in its Period", _duplicate_sets),
    Rule("TIM-l678-AST", _live, "availabilityStartTime is 1970, for ever",
         lambda m: [] if m.root.attrib["availabilityStartTime"] == "1970-01-01T00:00:00Z" else [1]),
    Rule("TIM-dynamic-attributes", _live, "what a dynamic MPD must have",
         _missing("id", "publishTime", "timeShiftBufferDepth", "suggestedPresentationDelay")),
    Rule("TIM-l696-MUP", _updated, "updates while the event goes on",
         lambda m: [] if m.root.attrib.get("minimumUpdatePeriod") == "PT1S" else ["MUP"]),
    Rule("TIM-l644-SPD", _live, "the delay leaves something of the time shift",
         lambda m: [] if 0 < m.time("suggestedPresentationDelay") < m.time("timeShiftBufferDepth")
         else ["SPD"]),
    Rule("DASH-Period-id", _always, "Period@id and @start on all", lambda m: [
        period for period in m.periods if not {"id", "start"} <= {*period.attrib}]),
    Rule("TIM-Period-overlap", _always, "no Period begins before the one before ends", _overlaps),
    Rule("DESIGN-8-Period-end", _updated, "the last Period of an event that goes on has no end",
         _stray_end),
    Rule("TIM-maxSegmentDuration", _always, "no segment is longer", _longer),
    Rule("DASH-period-continuity", _always, "names the Period before, which has the same set",
         _broken_continuity),
    Rule("TIM-l788-static", _over, "nothing of a live MPD is left in a recording", _live_leftovers),
    Rule("TIM-l788-static-attributes", _over, "without MUP, time shift, delay", _present(
        "availabilityStartTime", "minimumUpdatePeriod", "timeShiftBufferDepth",
        "suggestedPresentationDelay")),
    Rule("TIM-l788-end", lambda m: not _updated(m), "an end that is the end of the last Period",
         _ends_apart),
]  # fmt: skip

DEVIATIONS: dict[str, tuple[str, Check]] = {
    "LL LeapSecondInformation (SHOULD)": (
        "its attribute is the leap offset at availabilityStartTime; in 1970 there was none",
        lambda mpd: descendants(mpd.root, "LeapSecondInformation"),
    ),
    "LL urn:mpeg:dash:event:2012 in-band (SHOULD)": (
        "the origin writes no emsg of its own; the MPD is asked for every second anyway",
        lambda mpd: [
            node for node in descendants(mpd.root, "InbandEventStream")
            if node.attrib["schemeIdUri"] == "urn:mpeg:dash:event:2012"
        ],
    ),
    "LL multi-rate set: segment < target, or Resync@type 1|2 with @marker (SHOULD)": (
        "depends on the encoder's GOP; a marker would be a lie",
        lambda mpd: [
            node for node in descendants(mpd.root, "Resync") if "marker" in node.attrib
        ],
    ),
}  # fmt: skip
"""What LL recommends and we leave, why, and how to see that we do."""
