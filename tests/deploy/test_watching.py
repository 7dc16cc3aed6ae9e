"""What ``deploy/`` asks Prometheus for is there."""

from __future__ import annotations

import json
import re

import pytest

from tests.deploy.fronts import DEPLOY
from tests.support.origin import InProcess

pytestmark = pytest.mark.usefixtures("no_complaints")

METRIC = re.compile(r"\b(?:sorgente|process)_[a-z_]+\b")


@pytest.mark.parametrize("file", ["alerts.yml", "grafana/sorgente.json"])
async def test_every_metric_is_exported(origin: InProcess, file: str) -> None:
    exported = (await origin.ask("GET", "/metrics")).body.decode()
    names = set(METRIC.findall((DEPLOY / file).read_text()))
    assert names
    assert {name for name in names if f"TYPE {_family(name)} " not in exported} == set()


def _family(name: str) -> str:
    return name.removesuffix("_bucket")


def test_every_panel_of_the_dashboard_has_a_place_and_a_query() -> None:
    panels = json.loads((DEPLOY / "grafana/sorgente.json").read_text())["panels"]
    assert all(target["expr"] for panel in panels for target in panel["targets"])
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
