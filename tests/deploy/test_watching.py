"""What ``deploy/`` asks Prometheus for is there."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

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


def test_the_files_that_compose_mounts_are_there_and_know_each_other() -> None:
    compose = (DEPLOY / "compose.yaml").read_text()
    mounted: dict[str, str] = dict(
        re.findall(r"- \./([\w./]+):([\w./]+):ro$", compose, re.MULTILINE)
    )
    assert len(mounted) == 4
    assert [file for file in mounted if not (DEPLOY / file).exists()] == []

    def seen_at(container_path: str) -> Path:
        """The file that a container has there."""
        return next(
            DEPLOY / file / PurePosixPath(container_path).relative_to(place)
            for file, place in mounted.items()
            if PurePosixPath(container_path).is_relative_to(place)
        )

    prometheus = seen_at("/etc/prometheus/prometheus.yml").read_text()
    (rules,) = re.findall(r"^rule_files:\n  - (.+)$", prometheus, re.MULTILINE)
    assert seen_at(f"/etc/prometheus/{rules}").exists()
    assert 'targets: ["origin:8080"]' in prometheus
    assert "job_name: sorgente\n" in prometheus

    (dashboard,) = re.findall(r"HOME_DASHBOARD_PATH: (.+)$", compose, re.MULTILINE)
    shown = json.loads(seen_at(dashboard).read_text())
    provider = seen_at("/etc/grafana/provisioning/dashboards/sorgente.yml").read_text()
    assert f"path: {PurePosixPath(dashboard).parent}\n" in provider
    source = seen_at("/etc/grafana/provisioning/datasources/prometheus.yml").read_text()
    (uid,) = re.findall(r"uid: (.+)$", source, re.MULTILINE)
    assert {panel["datasource"]["uid"] for panel in shown["panels"]} == {uid}
