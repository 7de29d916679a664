"""The compose file is valid, whole, and starts things in order."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from radbridge.cli.services import SERVICES
from tests.deploy.manifests import COMPOSE, compose, is_ours
from tools.stamps import ROOT, TEST_SERVERS, TOOLS, digest

pytestmark = pytest.mark.timeout(1800)  # the loader is compiled once

_LOADER = Path(__file__).parent / "compose_loader"


@pytest.fixture(scope="session")
def compose_loader() -> Path:
    """The loader of docker compose as a program, built once (a minute; Go and its proxy are needed)."""
    go = shutil.which("go") or next(map(str, TOOLS.glob("go-*/go/bin/go")), None)
    program = TEST_SERVERS / f"compose-loader-{digest(_LOADER.iterdir())[:12]}"
    if not program.exists():
        if go is None:
            pytest.skip("Go is not installed")
        built = subprocess.run(
            [go, "build", "-o", program, "."], cwd=_LOADER, capture_output=True, text=True, check=False
        )
        if built.returncode:
            pytest.skip(f"the compose loader cannot be built: {built.stderr.strip()[-300:]}")
    return program


def load(loader: Path, file: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run([loader, file], env=environment, capture_output=True, text=True, check=False)


def test_it_follows_the_compose_specification() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_docker_composes_own_loader_takes_it(compose_loader: Path, secrets: Path) -> None:
    done = load(compose_loader, COMPOSE, SECRETS=str(secrets), HTTP_PORT="80")
    assert done.returncode == 0, done.stderr
    project = json.loads(done.stdout)
    assert project["services"].keys() == compose()["services"].keys()
    assert project["services"]["front"]["ports"][0]["published"] == "80"
    for file in (*project["secrets"].values(), *project["configs"].values()):
        assert Path(file["file"]).is_file(), file


def test_the_loader_finds_a_network_that_is_not_there(compose_loader: Path, tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE.read_text().replace("networks: [inside]", "networks: [nowhere]", 1))
    done = load(compose_loader, broken)
    assert done.returncode != 0
    assert "nowhere" in done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_after_its_jobs_and_is_watched(service: str) -> None:
    found = compose()["services"][service]
    assert {
        name for name, how in found["depends_on"].items() if how["condition"] == "service_completed_successfully"
    } == {
        "topics",
        "bucket",
        f"migrate-{service}",
    }
    assert "/readyz" in found["healthcheck"]["test"][-1]


def test_our_containers_have_no_privileges() -> None:
    for name, service in compose()["services"].items():
        if is_ours(service["image"]):
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name


def test_received_objects_are_on_a_volume() -> None:
    edge = compose()["services"]["dicom-edge"]
    assert "dicom:/var/lib/radbridge" in edge["volumes"]
    assert edge["tmpfs"] == ["/tmp"]


def test_only_the_front_door_and_the_dicom_port_are_open_to_others() -> None:
    open_to_all = {
        name
        for name, service in compose()["services"].items()
        if any(not port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    }
    assert open_to_all == {"front", "dicom-edge"}


def test_what_the_example_environment_names_is_used() -> None:
    names = [line.split("=")[0] for line in (ROOT / ".env.example").read_text().splitlines() if line[:1].isalpha()]
    assert names
    for name in names:
        assert f"${{{name}:-" in COMPOSE.read_text(), name


def test_every_instance_of_every_service_is_scraped() -> None:
    import yaml

    config = yaml.safe_load((ROOT / "deploy/observability/prometheus.yml").read_text())
    found = config["scrape_configs"][0]["dns_sd_configs"][0]
    assert sorted(found["names"]) == sorted(SERVICES)
    assert found["port"] == 8080


def test_spans_go_where_the_collector_listens() -> None:
    import yaml

    collector = yaml.safe_load((ROOT / "deploy/observability/otel-collector.yml").read_text())
    port = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
    for service in SERVICES:
        environment = compose()["services"][service]["environment"]
        assert environment["RADBRIDGE_OTLP_ENDPOINT"] == f"http://otel-collector:{port}"
