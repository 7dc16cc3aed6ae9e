"""How tools that measure get in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import ExistingFile


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReachSettings:
    """Of a place that is not open to everybody, or not known to."""

    token: str | None = field(default=None, repr=False)
    """What opens it: sent to the host of URL as a Bearer token. Better in SORGENTE_TOKEN: ps shows
    command lines to everybody. A user and a password may stand in URL."""

    cacert: ExistingFile | None = None
    """PEM file of the authority that signed its certificate; no other is believed."""

    insecure: Annotated[bool, Parameter(negative=())] = False
    """Believe any certificate."""
