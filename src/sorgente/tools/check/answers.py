"""Rules for answers of HTTP: what browsers and caches make of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sorgente.tools.check.rule import HTTP, LL, Breach, Rulebook, Severity
from sorgente.tools.web import PAGE, Answer

PROBLEM: Final = Severity.PROBLEM
WARNING: Final = Severity.WARNING

MANIFEST_AGE: Final = 2
"""Seconds a cache may keep an MPD that is looked at every second or two."""
ERROR_AGE: Final = 1
"""Seconds a cache may keep a 404 for what is about to be there."""


class Role(Enum):
    """What was asked for."""

    MANIFEST = "manifest"
    MANIFEST_AGAIN = "manifest, with its ETag"
    CLOCK = "clock"
    INIT = "init segment"
    SEGMENT = "segment"
    EARLY = "segment far ahead of its time"
    RANGE = "range of a segment"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and its answer."""

    role: Role
    where: str
    """For people: which."""
    answer: Answer
    update_seconds: float = MANIFEST_AGE
    """Of a manifest: ``minimumUpdatePeriod``."""
    etag: str = ""
    """That was asked with."""


ANSWERS: Final = Rulebook[Asked]()

_MEDIA: Final = (Role.INIT, Role.SEGMENT, Role.RANGE)
_TYPES: Final = {
    Role.MANIFEST: ("application/dash+xml",),
    Role.INIT: ("video/mp4", "audio/mp4", "application/mp4", "text/mp4"),
    Role.SEGMENT: ("video/mp4", "audio/mp4", "application/mp4", "text/mp4", "video/iso.segment",
                   "audio/iso.segment"),
}  # fmt: skip


@ANSWERS.rule("cors", PROBLEM, "Fetch Standard §3.2 (CORS)", "pages may read every answer")
def _(asked: Asked) -> Iterator[Breach]:
    allowed = asked.answer.headers.get("Access-Control-Allow-Origin")
    if allowed not in ("*", PAGE):
        what = f"the {asked.answer.status} for the {asked.role.value}"
        said = "no Access-Control-Allow-Origin" if allowed is None else f"it allows {allowed} only"
        yield Breach(asked.role.value, f"{what}: {said}; players in a browser do not see it")


@ANSWERS.rule("answered", PROBLEM, f"{HTTP} §15", "what the MPD names is there")
def _(asked: Asked) -> Iterator[Breach]:
    if asked.role in (Role.MANIFEST, Role.INIT, Role.CLOCK) and asked.answer.status != 200:
        yield Breach(asked.where, f"status {asked.answer.status}")


@ANSWERS.rule("whole", PROBLEM, "RFC 9112 §8", "answers end as they should")
def _(asked: Asked) -> Iterator[Breach]:
    if asked.answer.broken:
        yield Breach(asked.where, f"the {asked.role.value} broke off: {asked.answer.broken}")


@ANSWERS.rule("media-type", PROBLEM, f"RFC 4337; {LL}", "answers say what they are")
def _(asked: Asked) -> Iterator[Breach]:
    wanted = _TYPES.get(asked.role)
    said = asked.answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if wanted and asked.answer.status == 200 and said not in wanted:
        yield Breach(asked.role.value, f"Content-Type {said or 'not given'}, not {wanted[0]}")


@ANSWERS.rule("manifest-caching", WARNING, "RFC 9111 §4.2", "caches keep no MPD for long")
def _(asked: Asked) -> Iterator[Breach]:
    if asked.role is not Role.MANIFEST or asked.answer.status != 200:
        return
    age = max_age(asked.answer)
    if age is None and asked.answer.headers.get("Last-Modified"):
        yield Breach("manifest", "no Cache-Control: caches keep it as long as they think right")
    elif age is not None and age > max(MANIFEST_AGE, asked.update_seconds):
        yield Breach("manifest", f"caches may keep it for {age} s; players look again after"
                     f" {asked.update_seconds:g} s")  # fmt: skip


@ANSWERS.rule("media-caching", WARNING, "RFC 9111 §5.2.2", "caches may keep media")
def _(asked: Asked) -> Iterator[Breach]:
    if asked.role in (Role.INIT, Role.SEGMENT) and asked.answer.status == 200:
        said = asked.answer.headers.get("Cache-Control", "").lower()
        if "no-store" in said or "no-cache" in said or "private" in said:
            yield Breach(asked.role.value, f"Cache-Control: {said}; every viewer of a CDN costs the"
                         " origin a request")  # fmt: skip


@ANSWERS.rule("error-caching", PROBLEM, f"{HTTP} §15.1; RFC 9111 §4.2.2",
              "no cache keeps a 404 for what comes later")  # fmt: skip
def _(asked: Asked) -> Iterator[Breach]:
    if asked.role not in (Role.EARLY, Role.SEGMENT) or asked.answer.status not in (404, 410):
        return
    age = max_age(asked.answer)
    if age is None or age > ERROR_AGE:
        how = "as long as they like" if age is None else f"for {age} s"
        yield Breach(asked.role.value, f"caches may keep the {asked.answer.status} {how}, and"
                     " answer it when the segment is there; say no-store")  # fmt: skip


@ANSWERS.rule("early-answer", PROBLEM, f"{HTTP} §15.5", "what does not exist yet is not there")
def _(asked: Asked) -> Iterator[Breach]:
    if asked.role is Role.EARLY and not 400 <= asked.answer.status < 500:
        yield Breach(asked.role.value, f"status {asked.answer.status}, for a segment that cannot"
                     " exist yet")  # fmt: skip


@ANSWERS.rule(
    "manifest-etag", WARNING, f"{HTTP} §8.8, §13.1.2", "an MPD that is known costs little"
)
def _(asked: Asked) -> Iterator[Breach]:
    if asked.role is Role.MANIFEST and asked.answer.status == 200:
        if not (asked.answer.headers.get("ETag") or asked.answer.headers.get("Last-Modified")):
            yield Breach("manifest", "neither ETag nor Last-Modified: it is sent whole each time")
    elif asked.role is Role.MANIFEST_AGAIN and asked.answer.status == 200:
        if asked.answer.headers.get("ETag") == asked.etag:
            yield Breach("manifest", "If-None-Match with the ETag that it has: 200, not 304")
    elif asked.role is Role.MANIFEST_AGAIN and asked.answer.status != 304:
        yield Breach("manifest", f"status {asked.answer.status}, asked again with its ETag")


@ANSWERS.rule("ranges", PROBLEM, f"{HTTP} §14, §15.3.7", "a part is the part that was asked for")
def _(asked: Asked) -> Iterator[Breach]:
    if asked.role is not Role.RANGE or asked.answer.status == 200:
        return
    told = asked.answer.headers.get("Content-Range", "")
    if asked.answer.status != 206:
        yield Breach("range", f"bytes 0-99 of a segment that is there: status"
                     f" {asked.answer.status}")  # fmt: skip
    elif not told.startswith("bytes 0-99/") or asked.answer.size != 100:
        yield Breach("range", f"asked for bytes 0-99, got {asked.answer.size} bytes as {told!r}")


def max_age(answer: Answer) -> int | None:
    """Seconds for which a shared cache may keep it; None: not said."""
    said = answer.headers.get("Cache-Control", "").lower()
    if "no-store" in said or "no-cache" in said:
        return 0
    for name in ("s-maxage", "max-age"):
        if match := re.search(rf"{name}\s*=\s*\"?(\d{{1,9}})", said):
            return int(match[1])
    return None
