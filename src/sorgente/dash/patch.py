"""MPD patches: the way from one MPD to the next, a few lines instead of the whole.

Worth it only where segments are listed one by one (``PatchLocation`` is there only then). A patch
says what happens there at every segment: ``S`` elements go, change and come, ``startNumber`` and
``publishTime`` move on. Anything else, and there is no patch: the client gets the whole MPD.

The selectors are those that players understand: steps by ``@id`` in single quotes or by a position
from 1 (Shaka's are regular expressions; dash.js reads one condition a step). An ``S`` that changes
is replaced as an element: dash.js would keep a replaced attribute as a string, and add to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sorgente.dash.manifest import manifest
from sorgente.dash.xml import Element, document, element
from sorgente.media.snapshot import PresentationSnapshot

CONTENT_TYPE: Final = "application/dash-patch+xml"

_NAMESPACE: Final = "urn:mpeg:dash:schema:mpd-patch:2020"
_MOVING: Final = {"MPD": "publishTime", "SegmentTemplate": "startNumber"}
"""Attributes that a patch may change."""


class _Unpatchable(Exception):
    """The MPDs differ in something a patch does not say."""


def offers_patch(snapshot: PresentationSnapshot) -> bool:
    """Whether its MPD says where a patch of it is to be had."""
    return manifest(snapshot).first("PatchLocation") is not None


def render_patch(old: PresentationSnapshot, new: PresentationSnapshot) -> bytes | None:
    """The patch that makes the MPD of ``new`` from that of ``old``; None: there is none.

    None too when ``new`` is not newer: both players take such a patch for a broken one.
    """
    before, after = manifest(old), manifest(new)
    since, until = before.attributes["publishTime"], after.attributes["publishTime"]
    if old.changed_at >= new.changed_at or since == until or not before.first("PatchLocation"):
        return None
    try:
        operations = list(_differences(before, after, "/MPD"))
    except _Unpatchable:
        return None
    return _document(after, since, operations)


def render_standstill(newest: PresentationSnapshot) -> bytes:
    """The patch that makes the MPD of ``newest`` from itself: for who has it, and for who has one
    that no patch leads on from.

    For there is no status that says so. On 404 or 425, dash.js 5.2.1 (``ManifestUpdater``) never
    looks for an update again, as ``isUpdating`` stays set, and Shaka 5.2.12 (``requestManifest_``)
    asks for the same patch until its ``ttl`` is over. But both compare ``originalPublishTime``:

    has the newest    Shaka applies what changes nothing; dash.js wants a later ``publishTime``,
                      and gets the whole MPD ("Patch provided is invalid, performing full manifest
                      refresh"), which is a 304
    has another       both get the whole MPD: dash.js at once, Shaka with its next update ("Clean
                      patch location nodes, so it will force full MPD update")
    """
    mpd = manifest(newest)
    now = mpd.attributes["publishTime"]
    return _document(mpd, now, [Element("replace", {"sel": "/MPD/@publishTime"}, text=now)])


def _document(after: Element, since: str, operations: list[Element]) -> bytes:
    attributes = {
        "xmlns": _NAMESPACE,
        "mpdId": after.attributes["id"],
        "originalPublishTime": since,
        "publishTime": after.attributes["publishTime"],
    }
    return document(element("Patch", attributes, *operations))


def _differences(before: Element, after: Element, path: str) -> Iterator[Element]:
    """Operations that make ``after`` of ``before``, which is found at ``path``."""
    yield from _attribute_differences(before, after, path)
    if before.name == "SegmentTimeline":
        yield from _run_differences(before.children, after.children, path)
        return
    if before.text != after.text or len(before.children) != len(after.children):
        raise _Unpatchable
    for old, new in zip(before.children, after.children, strict=True):
        if old == new:
            continue
        if old.name != new.name:
            raise _Unpatchable
        if new.name == "PatchLocation":
            yield _operation("replace", f"{path}/PatchLocation[1]", new)
        else:
            yield from _differences(old, new, path + _step(old))


def _attribute_differences(before: Element, after: Element, path: str) -> Iterator[Element]:
    if before.attributes == after.attributes:
        return
    moving = _MOVING.get(before.name, "")
    old, new = dict(before.attributes), dict(after.attributes)
    value = new.pop(moving, "")
    if not old.pop(moving, "") or not value or old != new:
        raise _Unpatchable
    yield Element("replace", {"sel": f"{path}/@{moving}"}, text=value)


def _run_differences(
    before: tuple[Element, ...], after: tuple[Element, ...], path: str
) -> Iterator[Element]:
    """Operations on ``S``, one after the other, so positions count what is left by then."""
    start = int(after[0].attributes["t"])  # of the first there is always one
    kept = list(before)
    ends = _ends(before)
    while kept and ends[len(before) - len(kept)] <= start:
        kept.pop(0)
        yield _operation("remove", f"{path}/S[1]")
    if len(kept) > len(after):
        raise _Unpatchable
    for position, (old, new) in enumerate(zip(kept, after, strict=False), start=1):
        if old != new:
            yield _operation("replace", f"{path}/S[{position}]", new)
    if after[len(kept) :]:
        yield _operation("add", path, *after[len(kept) :])


def _ends(runs: tuple[Element, ...]) -> list[int]:
    """The time each run ends at."""
    ends: list[int] = []
    for run in runs:
        start = int(run.attributes["t"]) if "t" in run.attributes else ends[-1]
        repeated = int(run.attributes.get("r", "0"))
        ends.append(start + int(run.attributes["d"]) * (repeated + 1))
    return ends


def _operation(name: str, path: str, *content: Element) -> Element:
    return element(name, {"sel": path}, *content)


def _step(node: Element) -> str:
    """One step of a selector. What has no id is the only one of its name where it matters."""
    number = node.attributes.get("id")
    if number is None:
        return f"/{node.name}"
    if "'" in number or "/" in number:
        raise _Unpatchable
    return f"/{node.name}[@id='{number}']"
