"""How a tool that measures ends: an exit code, and a report for people or for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

import rich.console

from sorgente.tools.console import Console
from sorgente.tools.errors import ToolError

CANNOT: Final = 2
"""There was nothing to measure."""
INTERRUPTED: Final = 130
"""By Ctrl-C, as shells have it."""

T = TypeVar("T")


def concluded(measure: Callable[[], T], report: Callable[[T], int], console: Console) -> int:
    """The exit code of ``report`` about what ``measure`` found, or of why it found nothing."""
    try:
        found = measure()
    except ToolError as error:
        console.say(f"sorgente: {error}")
        return CANNOT
    except KeyboardInterrupt:
        return INTERRUPTED
    return report(found)


def print_json(report: dict[str, Any]) -> None:
    """For programs."""
    json.dump(report, sys.stdout, indent=2)
    sys.stdout.write("\n")


def page() -> rich.console.Console:
    """What a report for people is printed on."""
    return rich.console.Console(highlight=False)
