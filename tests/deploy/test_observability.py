"""Alert rules and dashboard use metrics and labels that exist, and every alert tells what to do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from radbridge.cli.services import SERVICES
from tests.deploy.manifests import compose
from tests.deploy.meters import known_meters
from tests.deploy.promql import unknown_names
from tools.stamps import ROOT, TEST_SERVERS
from tools.versions import OTELCOL

FOLDER = ROOT / "deploy" / "observability"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana" / "radbridge.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

rules = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
panels = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


@pytest.fixture(scope="session")
def promtool() -> str:
    found = shutil.which("promtool") or shutil.which(TEST_SERVERS / "promtool")
    if found is None:
        pytest.skip("promtool is not installed (make test takes Debian's)")
    return found


@pytest.fixture(scope="session")
def otelcol() -> Path:
    program = TEST_SERVERS / f"otelcol-{OTELCOL}" / "otelcol"
    if not program.exists():
        pytest.skip("the OpenTelemetry collector is not installed (make test builds it)")
    return program


def run(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ('sum by (service) (rate(radbridge_http_requests_total{status=~"5.."}[5m])) / 2 > 0.1', set()),
        ("radbridge_nothing_total", {"radbridge_nothing_total"}),
        ('radbridge_outbox_waiting{topic="exam"}', {"radbridge_outbox_waiting{topic}"}),
        ("max by (colour) (radbridge_outbox_waiting offset 15m)", {"colour"}),
        ("rate(radbridge_http_requests[5m])", {"radbridge_http_requests"}),
    ],
)
def test_unknown_names_are_found(expression: str, unknown: set[str]) -> None:
    assert unknown_names(expression, known_meters()) == unknown


@rules
def test_alerts_use_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert unknown_names(rule["expr"], known_meters()) == set()


@rules
def test_alerts_say_what_to_do(rule: dict[str, Any]) -> None:
    runbook = (ROOT / "docs" / "operating" / "alerts.md").read_text()
    assert f"\n## {rule['alert']}\n" in runbook
    assert rule["labels"]["severity"] in ("critical", "warning")


def test_the_runbook_knows_no_other_alerts() -> None:
    runbook = (ROOT / "docs" / "operating" / "alerts.md").read_text()
    assert set(re.findall(r"^## (Radbridge\w+)$", runbook, re.MULTILINE)) == {rule["alert"] for rule in RULES}


def test_every_service_is_missed() -> None:
    expression = next(rule["expr"] for rule in RULES if rule["alert"] == "RadbridgeServiceMissing")
    assert sorted(re.findall(r'service="([^"]+)"', expression)) == sorted(SERVICES)


@panels
def test_panels_use_metrics_that_exist(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        assert unknown_names(target["expr"], known_meters()) == set()


def test_panels_lie_beside_each_other() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken.get((x, y))}"
                taken[x, y] = panel["title"]
        assert place["x"] + place["w"] <= 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_grafana_finds_the_dashboard_and_its_data() -> None:
    sources = yaml.safe_load((FOLDER / "grafana" / "datasources.yml").read_text())["datasources"]
    assert {panel["datasource"]["uid"] for panel in PANELS} == {sources[0]["uid"]}
    provider = yaml.safe_load((FOLDER / "grafana" / "dashboards.yml").read_text())["providers"][0]
    mounted = {Path(config["target"]).parent for config in compose()["services"]["grafana"]["configs"]}
    assert Path(provider["options"]["path"]) in mounted
    assert sources[0]["url"] == "http://prometheus:9090"


def test_promtool_takes_rules_and_configuration(promtool: str, tmp_path: Path) -> None:
    run(promtool, "check", "rules", FOLDER / "alerts.yml")
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    config = (FOLDER / "prometheus.yml").read_text().replace("/etc/prometheus", str(tmp_path))
    (tmp_path / "prometheus.yml").write_text(config)
    run(promtool, "check", "config", tmp_path / "prometheus.yml")


def test_alerts_fire_when_they_should(promtool: str, tmp_path: Path) -> None:
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    shutil.copy(Path(__file__).with_name("alerts_test.yml"), tmp_path)
    run(promtool, "test", "rules", tmp_path / "alerts_test.yml")


def test_the_collectors_pipelines_are_whole() -> None:
    config = yaml.safe_load((FOLDER / "otel-collector.yml").read_text())
    for pipeline in config["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert pipeline[part]
            assert set(pipeline[part]) <= config[part].keys()


def test_the_collector_takes_its_configuration(otelcol: Path, tmp_path: Path) -> None:
    configuration = FOLDER / "otel-collector.yml"
    run(otelcol, "validate", f"--config={configuration}")
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(configuration.read_text().replace("verbosity:", "loudness:"))
    assert subprocess.run([otelcol, "validate", f"--config={wrong}"], capture_output=True, check=False).returncode


def test_the_collector_that_is_tested_is_the_one_that_is_deployed() -> None:
    assert compose()["services"]["otel-collector"]["image"].endswith(f":{OTELCOL}")
    assert f"go.opentelemetry.io/collector/otelcol v{OTELCOL}" in (ROOT / "tools/otelcol/go.mod").read_text()
