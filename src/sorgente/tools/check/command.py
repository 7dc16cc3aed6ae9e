"""``sorgente check``: from an address to an exit code."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Final

import rich.console

from sorgente.tools.check.course import watch
from sorgente.tools.check.report import as_json, print_verdict
from sorgente.tools.check.settings import CheckSettings
from sorgente.tools.check.verdict import Verdict, judge, unreadable
from sorgente.tools.console import Console
from sorgente.tools.errors import ToolError, UnusableArgument
from sorgente.tools.mpd.tree import UnreadableManifest
from sorgente.tools.web import check_url

OK: Final = 0
PROBLEMS: Final = 1
CANNOT: Final = 2
INTERRUPTED: Final = 130


def check(url: str, settings: CheckSettings) -> int:
    """Watch ``url`` and report. 0: all is well; 1: there are problems; 2: could not look."""
    console = Console(sys.stderr, time.monotonic)
    try:
        verdict = asyncio.run(_look(check_url(url), settings, console))
    except ToolError as error:
        console.say(f"sorgente: {error}")
        return CANNOT
    except KeyboardInterrupt:
        return INTERRUPTED
    if settings.json:
        json.dump(as_json(verdict), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        print_verdict(verdict, rich.console.Console(highlight=False))
    return PROBLEMS if verdict.problems else OK


async def _look(url: str, settings: CheckSettings, console: Console) -> Verdict:
    if settings.seconds <= 0:
        raise UnusableArgument("--seconds must be more than 0")
    in_place = sys.stderr.isatty()
    try:
        seen = await watch(url, settings.seconds, console.show if in_place else lambda _: None)
    except UnreadableManifest as error:
        return unreadable(url, str(error))
    finally:
        console.clear()
    return judge(seen)
