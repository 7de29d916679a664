"""The Dockerfiles copy what is there, pin what they install, and run as nobody in particular."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest

from radbridge.cli.services import SERVICES
from radbridge.runtime.settings import RuntimeSettings
from tests.deploy import dockerfiles
from tests.deploy.dockerfiles import BASE, image_command, image_environment, read_dockerfile
from tests.deploy.manifests import compose
from tools.lock import locked_version
from tools.stamps import ROOT

FILES = [BASE, *dockerfiles.SERVICES.values()]
files = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))


def test_every_service_has_a_dockerfile() -> None:
    assert dockerfiles.SERVICES.keys() == SERVICES.keys()


@pytest.mark.parametrize("service", SERVICES)
def test_it_starts_its_service(service: str) -> None:
    assert image_command(service) == ["serve", service]
    assert read_dockerfile(dockerfiles.SERVICES[service])[-1].base == "radbridge-base"
    assert read_dockerfile(BASE)[-1].words("ENTRYPOINT") == ["radbridge"]


@pytest.mark.parametrize("service", SERVICES)
def test_compose_builds_it_on_the_base(service: str) -> None:
    build = compose()["services"][service]["build"]
    assert ROOT / build["dockerfile"] == dockerfiles.SERVICES[service]
    name = build["additional_contexts"]["radbridge-base"].removeprefix("service:")
    assert ROOT / compose()["services"][name]["build"]["dockerfile"] == BASE


@files
def test_what_it_copies_reaches_the_builder(file: Path) -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert rules[0] == "*"
    for stage in read_dockerfile(file):
        for copy in stage.copies:
            if not copy.stage:
                for source in copy.sources:
                    assert (ROOT / source).exists(), source
                    assert source in let_in, f"{source} is ignored"


def test_no_rule_keeps_sources_out() -> None:
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    kept_out = [rule.removeprefix("**/") for rule in rules if rule.startswith("**/")]
    for path in ROOT.glob("*/*/src/**/*"):
        if path.is_file() and "__pycache__" not in path.parts:
            parts = path.relative_to(ROOT).parts
            assert not any(fnmatch.fnmatch(part, rule) for part in parts for rule in kept_out), path


def test_uv_is_the_locked_one() -> None:
    assert f"pip install --no-cache-dir uv=={locked_version('uv')}" in read_dockerfile(BASE)[0].runs


def test_the_image_runs_without_root() -> None:
    last = read_dockerfile(BASE)[-1]
    user = last.single["USER"].partition(":")[0]
    assert int(user) > 0
    assert f"--uid {user}" in last.runs[0]
    for file in dockerfiles.SERVICES.values():
        assert "USER" not in read_dockerfile(file)[-1].single, "the base chose it"


def test_exposed_ports_are_the_settings() -> None:
    assert "RADBRIDGE_PORT" not in image_environment("base")
    assert read_dockerfile(BASE)[-1].single["EXPOSE"] == str(RuntimeSettings.model_fields["port"].default)
    edge = read_dockerfile(dockerfiles.SERVICES["dicom-edge"])[-1]
    assert edge.single["EXPOSE"] == str(RuntimeSettings.model_fields["dicom_port"].default)
    assert edge.single["VOLUME"] == image_environment("dicom-edge")["RADBRIDGE_DATA_DIR"]
