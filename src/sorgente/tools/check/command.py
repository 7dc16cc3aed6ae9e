"""``sorgente check``: from an address to an exit code."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

from sorgente.tools.check.course import watch
from sorgente.tools.check.report import as_json, print_verdict
from sorgente.tools.check.settings import CheckSettings
from sorgente.tools.check.verdict import Verdict, judge, unreadable
from sorgente.tools.console import Console
from sorgente.tools.errors import UnusableArgument
from sorgente.tools.mpd.tree import UnreadableManifest
from sorgente.tools.outcome import concluded, page, print_json
from sorgente.tools.web import parse_place

OK: Final = 0
PROBLEMS: Final = 1


def check(url: str, settings: CheckSettings) -> int:
    """Watch ``url`` and report. 0: all is well; 1: there are problems; 2: could not look."""
    console = Console(sys.stderr, time.monotonic)

    def report(verdict: Verdict) -> int:
        if settings.json:
            print_json(as_json(verdict))
        else:
            print_verdict(verdict, page())
        return PROBLEMS if verdict.problems else OK

    return concluded(lambda: asyncio.run(_look(url, settings, console)), report, console)


async def _look(url: str, settings: CheckSettings, console: Console) -> Verdict:
    if settings.seconds <= 0:
        raise UnusableArgument("--seconds must be more than 0")
    place = parse_place(url, settings.reach)
    in_place = sys.stderr.isatty()
    try:
        seen = await watch(place, settings.seconds, console.show if in_place else lambda _: None)
    except UnreadableManifest as error:
        return unreadable(place.url, str(error))
    finally:
        console.clear()
    return judge(seen)
