"""Rules for one MPD: what a low-latency player must find in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from sorgente.tools.check.rule import DASH, LL, TIMING, Breach, Rulebook, Severity
from sorgente.tools.mpd.presentation import Mpd, Representation
from sorgente.tools.mpd.segments import Addressing
from sorgente.tools.mpd.values import date_time, integer

PROBLEM: Final = Severity.PROBLEM
WARNING: Final = Severity.WARNING

UTC_SCHEMES: Final = tuple(
    f"urn:mpeg:dash:utc:{name}" for name in ("http-iso:2014", "http-xsdate:2014", "http-ntp:2014")
)
PLAYED_SCHEMES: Final = ("http-iso", "http-xsdate", "http-head", "direct")
"""What dash.js and Shaka implement; neither does ntp in any form."""
LONGEST_UPDATE: Final = 30
"""Seconds between looks at the MPD: later than that is too late for the end, or a new period."""
SEGMENT_SHARE: Final = Fraction(1, 2)
"""Of the target latency, which a segment without chunks may last."""

MANIFEST: Final = Rulebook[Mpd]()


def _live(mpd: Mpd) -> list[tuple[Representation, Addressing]]:
    """Of the last period, which is the one that players are in."""
    last = mpd.periods[-1].representations
    return [(each, each.addressing) for each in last if each.addressing is not None]


def _chunked(mpd: Mpd) -> list[tuple[Representation, Addressing]]:
    return [(each, how) for each, how in _live(mpd) if how.early is not None]


def _s(seconds: Fraction | float) -> str:
    return f"{float(seconds):.3f}".rstrip("0").rstrip(".") + " s"


# --- the MPD itself ---------------------------------------------------------------------------


@MANIFEST.rule("mpd-attributes", PROBLEM, f"{DASH} §5.3.1.2", "what a dynamic MPD must have")
def _(mpd: Mpd) -> Iterator[Breach]:
    needed = ["profiles", "minBufferTime"]
    if mpd.live:
        needed += ["availabilityStartTime", "publishTime"]
    for name in needed:
        if name not in mpd.attributes:
            yield Breach("MPD", f"has no @{name}")


@MANIFEST.rule("update-period", PROBLEM, f"{DASH} §5.4", "players know when to look again")
def _(mpd: Mpd) -> Iterator[Breach]:
    listed = any(how.listed for _, how in _live(mpd))
    if mpd.live and listed and mpd.seconds("minimumUpdatePeriod") is None:
        yield Breach("MPD", "lists its segments and has no @minimumUpdatePeriod: players never see"
                     " another one")  # fmt: skip


@MANIFEST.rule("update-soon", WARNING, f"{TIMING}, §5.4 of {DASH}",
               "the end and new periods are seen in time")  # fmt: skip
def _(mpd: Mpd) -> Iterator[Breach]:
    period = mpd.seconds("minimumUpdatePeriod")
    if mpd.live and period is None and not any(how.listed for _, how in _live(mpd)):
        yield Breach("MPD", "has no @minimumUpdatePeriod: players never look again, and see neither"
                     " the end nor a new period")  # fmt: skip
    elif period is not None and period > LONGEST_UPDATE:
        yield Breach("MPD", f"players look again after {_s(period)} (@minimumUpdatePeriod), and see"
                     " the end or a new period as late as that")  # fmt: skip


@MANIFEST.rule("presentation-delay", PROBLEM, TIMING, "the delay leaves some of the time shift")
def _(mpd: Mpd) -> Iterator[Breach]:
    delay, depth = mpd.seconds("suggestedPresentationDelay"), mpd.seconds("timeShiftBufferDepth")
    if delay is not None and depth is not None and delay >= depth:
        yield Breach("MPD", f"@suggestedPresentationDelay of {_s(delay)} is not less than"
                     f" @timeShiftBufferDepth, {_s(depth)}: there is nothing to play")  # fmt: skip


@MANIFEST.rule("presentation-delay-given", WARNING, f"{DASH} §5.3.1.2",
               "all players have the same delay")  # fmt: skip
def _(mpd: Mpd) -> Iterator[Breach]:
    if mpd.live and mpd.target is None and mpd.seconds("suggestedPresentationDelay") is None:
        yield Breach("MPD", "neither a Latency nor @suggestedPresentationDelay: every player"
                     " chooses a delay of its own")  # fmt: skip


@MANIFEST.rule("utc-timing", PROBLEM, f"{LL} 9.X.4.2; {DASH} §5.8.4.11", "a clock to go by")
def _(mpd: Mpd) -> Iterator[Breach]:
    schemes = [scheme for scheme, _ in mpd.timings]
    if not schemes:
        yield Breach("MPD", "has no UTCTiming: players whose clock is off ask too early or late")
    elif not any(scheme in UTC_SCHEMES for scheme in schemes):
        yield Breach("UTCTiming", f"none of http-iso, http-xsdate, http-ntp, but {schemes[0]}")


@MANIFEST.rule("utc-timing-played", PROBLEM, "dash.js, Shaka", "a clock that players can read")
def _(mpd: Mpd) -> Iterator[Breach]:
    names = [scheme.rsplit(":", 2)[-2:][0] for scheme, _ in mpd.timings]
    if names and not any(name in PLAYED_SCHEMES for name in names):
        yield Breach("UTCTiming", f"players implement none of {', '.join(names)}")


@MANIFEST.rule("service-description", PROBLEM, f"{LL}; {DASH} Annex K", "a target latency")
def _(mpd: Mpd) -> Iterator[Breach]:
    if mpd.live and mpd.target is None:
        yield Breach("MPD", "no ServiceDescription with Latency@target: players choose their own")
    elif mpd.target is not None and mpd.target <= 0:
        yield Breach("Latency", f"@target is {_s(mpd.target)}")


@MANIFEST.rule("latency-order", PROBLEM, f"{DASH} Annex K", "min ≤ target ≤ max")
def _(mpd: Mpd) -> Iterator[Breach]:
    for node in mpd.root.iter("Latency"):
        told = [integer(node.attrib[name]) for name in ("min", "target", "max")
                if name in node.attrib]  # fmt: skip
        if told != sorted(told):
            yield Breach("Latency", f"min ≤ target ≤ max does not hold: {told} ms")


@MANIFEST.rule("latency-reference", PROBLEM, f"{DASH} Annex K", "names a ProducerReferenceTime")
def _(mpd: Mpd) -> Iterator[Breach]:
    known = {node.get("id") for node in mpd.periods[-1].node.iter("ProducerReferenceTime")}
    for node in mpd.root.iter("Latency"):
        name = node.get("referenceId")
        if name is not None and name not in known:
            yield Breach("Latency", f"@referenceId {name} is no ProducerReferenceTime of the last"
                         " period")  # fmt: skip


# --- periods ----------------------------------------------------------------------------------


@MANIFEST.rule("period-ids", PROBLEM, f"{DASH} §5.3.2.2", "each Period has an id of its own")
def _(mpd: Mpd) -> Iterator[Breach]:
    for period in mpd.periods:
        if mpd.live and "id" not in period.node.attrib:
            yield Breach(f"Period {period.id}", "a dynamic MPD's Period has no @id")
    for name in _repeated(period.id for period in mpd.periods):
        yield Breach(f"Period {name}", "two have this @id")


@MANIFEST.rule("period-order", PROBLEM, f"{DASH} §5.3.2.1", "periods in order, none overlapping")
def _(mpd: Mpd) -> Iterator[Breach]:
    for before, after in pairwise(mpd.periods):
        where = f"Period {after.id}"
        if after.start < before.start:
            yield Breach(where, f"begins {_s(before.start - after.start)} before the one before it")
        elif before.end is not None and before.end > after.start:
            yield Breach(where, f"begins {_s(before.end - after.start)} before the end of the one"
                         " before it")  # fmt: skip


@MANIFEST.rule("period-end", WARNING, "dash.js", "an end comes with what is behind it")
def _(mpd: Mpd) -> Iterator[Breach]:
    goes_on = mpd.live and "mediaPresentationDuration" not in mpd.attributes
    if goes_on and mpd.periods[-1].end is not None:
        yield Breach(f"Period {mpd.periods[-1].id}", "is the last, and has an end, while the event"
                     " goes on: dash.js pauses there, for good")  # fmt: skip


# --- sets and representations -----------------------------------------------------------------


@MANIFEST.rule("ids", PROBLEM, f"{DASH} §5.3.3.2, §5.3.5.2", "ids are unique in their period")
def _(mpd: Mpd) -> Iterator[Breach]:
    for period in mpd.periods:
        sets = (owner[0].set_node.get("id", f"#{n}") for n, owner in enumerate(period.sets))
        for name in _repeated(sets):
            yield Breach(f"Period {period.id}", f"two adaptation sets have the id {name}")
        for name in _repeated(each.id for each in period.representations):
            yield Breach(f"Period {period.id}", f"two representations have the id {name!r}")


@MANIFEST.rule("representation-attributes", PROBLEM, f"{DASH} §5.3.5.2, §5.3.7.2",
               "id, bandwidth, mimeType and codecs")  # fmt: skip
def _(mpd: Mpd) -> Iterator[Breach]:
    for each in mpd.representations:
        for name in ("id", "bandwidth"):
            if name not in each.node.attrib:
                yield Breach(each.name, f"has no @{name}")
        for name in ("mimeType", "codecs"):
            if not each.get(name):
                yield Breach(each.name, f"has no @{name}: players cannot tell if they play it")


@MANIFEST.rule("content-kind", PROBLEM, LL, "contentType and mimeType agree")
def _(mpd: Mpd) -> Iterator[Breach]:
    for each in mpd.representations:
        kind, mime = each.get("contentType"), (each.get("mimeType") or "").partition("/")[0]
        if kind in ("video", "audio") and mime and mime not in (kind, "application"):
            yield Breach(each.name, f"contentType {kind}, but mimeType {each.get('mimeType')}")


@MANIFEST.rule("alignment", PROBLEM, f"{LL}; {DASH} §5.3.3.2", "sets in which one can switch")
def _(mpd: Mpd) -> Iterator[Breach]:
    for owner in _sets(mpd):
        node = owner[0].set_node
        aligned = {node.get("segmentAlignment"), node.get("subsegmentAlignment")}
        if len(owner) > 1 and aligned <= {None, "false"}:
            yield Breach(_set(owner[0]), "several representations, and no @segmentAlignment:"
                         " players may not switch between them")  # fmt: skip
        if owner[0].get("startWithSAP") not in ("1", "2"):
            yield Breach(_set(owner[0]), "@startWithSAP is neither 1 nor 2: nothing promises that"
                         " segments can be started at")  # fmt: skip


@MANIFEST.rule("addressing", PROBLEM, f"{LL}; {DASH} §5.3.9.4", "segments can be found")
def _(mpd: Mpd) -> Iterator[Breach]:
    for each in mpd.representations:
        if each.addressing is None:
            yield Breach(each.name, "no SegmentTemplate with @duration or a SegmentTimeline")
        elif not each.addressing.by_name:
            yield Breach(each.name, f"@media {each.addressing.media!r} has neither $Number$ nor"
                         " $Time$: all segments have one URL")  # fmt: skip
        elif not each.addressing.init:
            yield Breach(each.name, "no @initialization")


@MANIFEST.rule("urls-unique", PROBLEM, f"{DASH} §5.3.9.4.4; RFC 9111 §4",
               "a URL is for one segment only")  # fmt: skip
def _(mpd: Mpd) -> Iterator[Breach]:
    spans: dict[str, list[tuple[str, int, int | None]]] = {}
    for period in mpd.periods:
        for each in period.representations:
            if (how := each.addressing) is None or not how.by_name:
                continue
            first, last = _span(how)
            name = f"{each.name} of period {period.id}"
            for other, begin, end in spans.setdefault(how.base + "\0" + how.media, []):
                if (end is None or first <= end) and (last is None or begin <= last):
                    yield Breach(each.name, f"the URLs of {name} are those of {other} too: caches"
                                 " and players mix them up")  # fmt: skip
                    break
            spans[how.base + "\0" + how.media].append((name, first, last))


@MANIFEST.rule("max-segment-duration", PROBLEM, f"{DASH} §5.3.1.2", "no segment is longer")
def _(mpd: Mpd) -> Iterator[Breach]:
    longest = mpd.seconds("maxSegmentDuration")
    for each in mpd.representations:
        if longest is not None and each.addressing and each.addressing.longest > longest:
            yield Breach(each.name, f"has segments of {_s(each.addressing.longest)};"
                         f" @maxSegmentDuration is {_s(longest)}")  # fmt: skip


# --- low latency ------------------------------------------------------------------------------


@MANIFEST.rule("low-latency", PROBLEM, f"{LL} 9.X.4.5, 9.X.4.6",
               "chunks, or segments of at most half the target")  # fmt: skip
def _(mpd: Mpd) -> Iterator[Breach]:
    for each, how in _live(mpd) if mpd.live else ():
        if how.early is not None or each.kind not in ("video", "audio"):
            continue
        if mpd.target is None or how.longest > mpd.target * SEGMENT_SHARE:
            yield Breach(each.name, "no @availabilityTimeOffset: it is asked for when whole, and"
                         f" segments of {_s(how.longest)} are too long for that")  # fmt: skip


@MANIFEST.rule("ato-range", PROBLEM, f"{LL} 9.X.4.5; {DASH} §5.3.9.2.2",
               "0 < availabilityTimeOffset < segment")  # fmt: skip
def _(mpd: Mpd) -> Iterator[Breach]:
    for each, how in _chunked(mpd):
        early = how.early or Fraction(0)
        if not 0 < early < how.longest:
            yield Breach(each.name, f"@availabilityTimeOffset is {_s(early)}, its segments last"
                         f" {_s(how.longest)}: no chunk can be whole that early")  # fmt: skip


@MANIFEST.rule("ato-target", PROBLEM, f"{LL} 9.X.4.5", "segment − offset < target latency")
def _(mpd: Mpd) -> Iterator[Breach]:
    for each, how in _chunked(mpd):
        left = how.longest - (how.early or 0)
        if mpd.target is not None and left >= mpd.target:
            yield Breach(each.name, f"a segment is there {_s(left)} after it begins, and the target"
                         f" latency is {_s(mpd.target)}")  # fmt: skip


@MANIFEST.rule("ato-complete", PROBLEM, f"{LL} 9.X.4.5", 'availabilityTimeComplete is "false"')
def _(mpd: Mpd) -> Iterator[Breach]:
    for each, how in _chunked(mpd):
        if how.complete not in ("false", "0"):
            said = "no @availabilityTimeComplete" if how.complete is None else how.complete
            yield Breach(each.name, f"{said}: with an offset it must be false, or dash.js does not"
                         " play it at low latency")  # fmt: skip


@MANIFEST.rule("ato-everywhere", WARNING, "Shaka", "all representations have an offset, or none")
def _(mpd: Mpd) -> Iterator[Breach]:
    if _chunked(mpd):
        for each, how in _live(mpd):
            if how.early is None:
                yield Breach(each.name, "has no @availabilityTimeOffset, others have: Shaka does"
                             " not play any of them at low latency")  # fmt: skip


@MANIFEST.rule("ato-level", WARNING, "dash.js", "the offset is given on one level")
def _(mpd: Mpd) -> Iterator[Breach]:
    for each, how in _chunked(mpd):
        if how.early_levels > 1:
            yield Breach(each.name, "@availabilityTimeOffset on several levels: Shaka adds them up,"
                         " dash.js takes the innermost")  # fmt: skip


@MANIFEST.rule("ato-same", WARNING, f"{LL} 9.X.4.5", "one offset for a set")
def _(mpd: Mpd) -> Iterator[Breach]:
    for owner in _sets(mpd):
        if len({each.addressing.early for each in owner if each.addressing}) > 1:
            yield Breach(_set(owner[0]), "its representations differ in @availabilityTimeOffset")


@MANIFEST.rule("producer-reference-time", PROBLEM, f"{LL} 9.X.4.5", "what latency counts from")
def _(mpd: Mpd) -> Iterator[Breach]:
    for each, _ in _chunked(mpd):
        nodes = each.inherited("ProducerReferenceTime")
        if not nodes:
            yield Breach(_set(each), "has no ProducerReferenceTime: players cannot know their"
                         " latency")  # fmt: skip
        for node in nodes:
            missing = [name for name in ("id", "wallClockTime", "presentationTime")
                       if name not in node.attrib]  # fmt: skip
            if missing:
                yield Breach(_set(each), f"ProducerReferenceTime without @{', @'.join(missing)}")
            else:
                date_time(node.attrib["wallClockTime"])
                integer(node.attrib["presentationTime"])


@MANIFEST.rule("producer-reference-id", WARNING, "dash.js", "ids are 1 or more")
def _(mpd: Mpd) -> Iterator[Breach]:
    for node in mpd.periods[-1].node.iter("ProducerReferenceTime"):
        if node.get("id") == "0":
            yield Breach("ProducerReferenceTime", "@id 0 means none to dash.js")


@MANIFEST.rule("resync", WARNING, f"{LL} 9.X.4.5", "Resync says how far chunks are apart")
def _(mpd: Mpd) -> Iterator[Breach]:
    for each, _ in _chunked(mpd):
        if not each.inherited("Resync"):
            yield Breach(_set(each), "no Resync")


def _sets(mpd: Mpd) -> Iterator[Sequence[Representation]]:
    for period in mpd.periods:
        yield from period.sets


def _set(each: Representation) -> str:
    return f"AdaptationSet {each.set_name}"


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _span(how: Addressing) -> tuple[int, int | None]:
    """First and last number, or time, that URLs are made of; None: no end."""
    if how.duration:
        if how.end is None:
            count = None
        else:
            count = -int(-(how.end - how.start) * how.timescale // how.duration)
        last = None if count is None else how.start_number + count - 1
        if "$Time" not in how.media:
            return how.start_number, last
        return how.offset, None if count is None else how.offset + (count - 1) * how.duration
    times = [time for time, _ in how.listed]
    if "$Time" in how.media:
        return (min(times), max(times)) if times else (0, -1)
    return how.start_number, how.start_number + len(times) - 1
