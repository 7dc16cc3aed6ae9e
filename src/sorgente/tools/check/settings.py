"""The options of ``sorgente check``. Apart, so that the origin loads nothing of the tool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from sorgente.tools.reach import ReachSettings


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """How to look."""

    seconds: float = 30.0
    """How long to watch."""

    json: Annotated[bool, Parameter(negative=())] = False
    """Print the report as JSON."""

    reach: ReachSettings = ReachSettings()  # noqa: RUF009 - frozen
