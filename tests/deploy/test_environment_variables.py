"""Every variable that a deployment sets exists in the settings of the process that gets it, with a value it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from radbridge.cli.services import SERVICES
from radbridge.runtime.blobs.open import open_blobs
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.database.open import open_database
from radbridge.runtime.security.vault import Vault
from radbridge.runtime.settings import RuntimeSettings, load_settings
from tests.deploy.dockerfiles import image_environment
from tests.deploy.manifests import KUSTOMIZE_PROGRAM
from tests.deploy.processes import Process, all_processes, known_variables, required_variables, settings_of

SECRET = ("DATABASE_URL", "BLOBS_URL", "VAULT_KEY", "ADMIN_TOKEN")

pytestmark = pytest.mark.skipif(
    not KUSTOMIZE_PROGRAM.exists(), reason="kustomize is not installed (make test installs it)"
)
processes = pytest.mark.parametrize("process", all_processes() if KUSTOMIZE_PROGRAM.exists() else [], ids=str)


def test_every_service_runs_in_every_deployment() -> None:
    started = {(process.where.split()[0], process.command) for process in all_processes()}
    for where in ("compose", "trial", "production"):
        for service in SERVICES:
            assert (where, ("serve", service)) in started
            assert (where, ("migrate", service)) in started
        assert (where, ("serve", "front")) in started
        assert (where, ("topics",)) in started


@processes
def test_variables_exist(process: Process) -> None:
    assert process.environment.keys() - known_variables(process.command) == set()


@processes
def test_required_variables_are_set(process: Process) -> None:
    given = {name.removesuffix("_FILE") for name in process.environment}
    assert required_variables(process.command) - given == set()


@processes
def test_secrets_come_from_files_that_are_mounted(process: Process, secrets: Path) -> None:
    for name, value in process.environment.items():
        assert not name.endswith(SECRET), f"{name} holds a secret in clear"
        if name.endswith("_FILE"):
            assert (secrets / process.files[value]).is_file()


@processes
def test_settings_load(process: Process, secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in process.environment.items():
        monkeypatch.setenv(name, str(secrets / process.files[value]) if name.endswith("_FILE") else value)
    loaded = [load_settings(one) for one in settings_of(process.command)]
    for settings in loaded:
        if isinstance(settings, RuntimeSettings):
            Vault.from_text(settings.vault_key.get_secret_value())
            open_log(settings.events_url)
            open_blobs(settings.blobs_url)
            open_database(settings.database_url, service="check")
            assert settings.migrate == "never", "jobs migrate"
            service = process.command[1].replace("-", "_")
            assert settings.database_url.endswith(f"/{service}"), "each service has a database of its own"


@pytest.mark.parametrize("service", SERVICES)
def test_variables_of_the_images_exist(service: str) -> None:
    set_by_image = {name for name in image_environment(service) if name.startswith("RADBRIDGE_")}
    assert set_by_image - known_variables(("serve", service)) == set()
