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


async def test_every_metric_is_documented(origin: InProcess) -> None:
    exported = (await origin.ask("GET", "/metrics")).body.decode()
    names = set(re.findall(r"^# TYPE (sorgente_\w+)", exported, re.MULTILINE))
    told = named_in((DEPLOY.parent / "docs/operating.md").read_text())
    assert names - told == set()


def named_in(text: str) -> set[str]:
    """The metrics that the tables of ``text`` name, one for each row and those that share the
    beginning of its name: `` `sorgente_lag_skips_total`, `_aborts_total` ``."""
    found: set[str] = set()
    for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE):
        first, *others = re.findall(r"`(\w+)(?:\{[^`]*)?`", row) or [""]
        beginnings = ["_".join(first.split("_")[:length]) for length in (1, 2)]
        found |= {first, *others, *(each + other for each in beginnings for other in others)}
    return found


def test_a_finished_container_has_the_players_of_the_page() -> None:
    built = (DEPLOY / "Dockerfile").read_text()
    assert "scripts/players && test -e src/sorgente/web/vendor/done" in built
    assert re.search(r"^COPY --from=players .*web/vendor ", built, re.MULTILINE)


def test_who_starts_the_containers_may_look_at_the_dashboard() -> None:
    """From outside of the container nobody is local: without the key it shows itself to no one."""
    assert "SORGENTE_ADMIN_KEY:" in (DEPLOY / "compose.yaml").read_text()


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
