"""MPDs as an origin gives them out while it runs, held against everything that judges one.

The judges are those of ``tests/dash``, where they see MPDs made from snapshots by hand: the MPEG
schema, npm's mpd-parser and the list of rules. Here they see what real encoders bring about.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.dash.reader import Mpd
from tests.dash.rules import RULES
from tests.dash.schemas import complaints
from tests.support.npm import node, run
from tests.support.origin import Site, until

SCHEMA = "DASH-MPD.xsd"


class Look(NamedTuple):
    """The MPD of a channel at a moment, seconds since 1970."""

    text: bytes
    at: float

    @property
    def mpd(self) -> Mpd:
        return Mpd(self.text)


async def look(origin: Site, channel: str = "live") -> Look:
    """The MPD, once there is one: the origin holds the request, though not for ever."""
    found: list[Look] = []

    async def there() -> bool:
        answer = await origin.ask("GET", f"/live/{channel}/manifest.mpd")
        found.append(Look(answer.body, time.time()))
        return answer.status == 200

    await until(there)
    return found[-1]


async def announced(origin: Site, channel: str = "live") -> bool:
    """Whether there is an MPD; a GET would be held until the channel is as old as its target."""
    return (await origin.ask("HEAD", f"/live/{channel}/manifest.mpd")).status == 200


def faults(looks: Sequence[Look]) -> list[str]:
    """What anybody has to say about them; one line each."""
    return [
        f"{number}. MPD of {len(looks)}: {complaint}"
        for number, seen in enumerate(looks, start=1)
        for complaint in (*_schema(seen), *_rules(seen))
    ] + list(_mpd_parser(looks))


def _schema(seen: Look) -> Iterator[str]:
    if said := complaints(SCHEMA, seen.text):
        yield f"schema: {said}"


def _rules(seen: Look) -> Iterator[str]:
    mpd = seen.mpd
    for rule in RULES:
        if rule.applies(mpd) and (broken := list(rule.broken(mpd))):
            yield f"{rule.id}: {rule.says}: {broken}"


def _mpd_parser(looks: Sequence[Look]) -> Iterator[str]:
    """It takes each, without a warning, and finds the tracks in it."""
    uri = "http://origin.test/live/live/manifest.mpd"
    requests = [{"mpd": each.text.decode(), "uri": uri, "now": each.at * 1000} for each in looks]
    answers = json.loads(run(node(), "parse_mpd.mjs", text=json.dumps(requests)))
    for number, answer in enumerate(answers, start=1):
        if said := answer.get("error") or answer["warnings"] or not answer["tracks"]:
            yield f"{number}. MPD of {len(looks)}: mpd-parser: {said}"
