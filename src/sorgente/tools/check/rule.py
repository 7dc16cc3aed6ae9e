"""Rules, by name, and what breaks them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Generic, NamedTuple, TypeVar

from sorgente.tools.mpd.tree import UnreadableManifest

LL: Final = "DASH-IF Low-Latency Modes"
"""DASH-IF IOP v5 part 4; where a section is given, that of its conformance tool."""
DASH: Final = "ISO/IEC 23009-1"
TIMING: Final = "DASH-IF timing model"
HTTP: Final = "RFC 9110"

T = TypeVar("T")


class Severity(Enum):
    """How bad it is."""

    PROBLEM = "problem"
    """Against a rule that players rely on; some will not play, or not at low latency."""
    WARNING = "warning"
    """Against advice, or something that costs latency or caches."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What must be so."""

    name: str
    severity: Severity
    clause: str
    """Where it is written; or which player needs it."""
    says: str


class Breach(NamedTuple):
    """Where a rule is broken, and in words how."""

    where: str
    words: str


@dataclass(slots=True)
class Finding:
    """Breaches of a rule at one place."""

    rule: Rule
    where: str
    words: str
    """Of the first."""
    count: int = 1


Broken = Callable[[T], Iterable[Breach]]


@dataclass(frozen=True)
class Rulebook(Generic[T]):
    """Rules about one kind of thing."""

    rules: list[tuple[Rule, Broken[T]]] = field(default_factory=list)

    def rule(
        self, name: str, severity: Severity, clause: str, says: str
    ) -> Callable[[Broken[T]], Broken[T]]:
        """Add a rule: the function gives what breaks it."""

        def add(broken: Broken[T]) -> Broken[T]:
            self.rules.append((Rule(name, severity, clause, says), broken))
            return broken

        return add

    def judge(self, subject: T) -> Iterator[Finding]:
        """Hold ``subject`` against all of them. What a rule looks at and cannot read breaks it."""
        for rule, broken in self.rules:
            try:
                for where, words in broken(subject):
                    yield Finding(rule, where, words)
            except UnreadableManifest as error:
                yield Finding(rule, "MPD", str(error))


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """One for each rule and place, worst first."""
    first: dict[tuple[str, str], Finding] = {}
    for each in findings:
        known = first.setdefault((each.rule.name, each.where), each)
        if known is not each:
            known.count += each.count
    return sorted(first.values(), key=lambda each: each.rule.severity is not Severity.PROBLEM)
