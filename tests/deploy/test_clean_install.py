"""The Dockerfiles' install and start commands in a clean environment: jobs, then each service until it is ready, then
SIGTERM. With RADBRIDGE_SOAK=1 the portal's pages are built as its image builds them, too."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from radbridge.cli.services import SERVICES
from tests.deploy.clean_machine import CleanMachine, bring_pages, build_stages
from tests.deploy.dockerfiles import BASE, image_command, image_environment, read_dockerfile
from tests.deploy.processes import upstreams
from tests.servers.process import free_port
from tools.stamps import ROOT

pytestmark = pytest.mark.timeout(1800)  # all packages are installed anew

_SOAK = bool(os.environ.get("RADBRIDGE_SOAK"))
_READY_S = 200
_STOP_S = 90


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> CleanMachine:
    """A machine on which the base image's packages are installed."""
    machine = CleanMachine(tmp_path_factory.mktemp("machine"))
    build_stages(machine)
    return machine


@dataclass(frozen=True)
class Container:
    """What starts in the image of one service, with backends below one folder."""

    machine: CleanMachine
    service: str
    variables: dict[str, str]

    def argv(self, *words: str) -> list[str]:
        """The entry point, with other words than the image's or with them."""
        program = read_dockerfile(BASE)[-1].words("ENTRYPOINT")
        return [str(self.machine.path("/opt/radbridge/bin") / program[0]), *(words or image_command(self.service))]

    @property
    def environment(self) -> dict[str, str]:
        return {**self.machine.environment(image_environment(self.service)), **self.variables}

    def run(self, *words: str, exit_code: int = 0) -> str:
        """Run a command to its end and answer its output."""
        done = subprocess.run(
            self.argv(*words), env=self.environment, cwd=self.machine.home, capture_output=True, text=True, check=False
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def started(self, log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """The container's process; killed at the end if it still runs."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.argv(*words), env=self.environment, cwd=self.machine.home, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _READY_S
    answer = "no answer"
    while time.monotonic() < end and process.poll() is None:
        try:
            response = httpx.get(url, timeout=20, trust_env=False)
        except httpx.HTTPError:
            pass
        else:
            if response.status_code == HTTPStatus.OK:
                return
            answer = response.text
        time.sleep(0.1)
    pytest.fail(f"{url}: {answer}\n{log.read_text()[-3000:]}")


def stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(_STOP_S)


def container(machine: CleanMachine, service: str, secrets: Path, folder: Path) -> Container:
    """A service's container with embedded backends, set as the deployments set it: by files, migrated by jobs."""
    urls = {"database": f"sqlite+aiosqlite:///{folder}/{service}.db", "events": f"sqlite:///{folder}/events.db"}
    for name, url in urls.items():
        (folder / f"{name}.url").write_text(f"{url}\n")
    variables = {
        "RADBRIDGE_EVENTS_URL_FILE": str(folder / "events.url"),
        "RADBRIDGE_DATABASE_URL_FILE": str(folder / "database.url"),
        "RADBRIDGE_BLOBS_URL": f"file://{folder}/blobs",
        "RADBRIDGE_VAULT_KEY_FILE": str(secrets / "vault.key"),
        "RADBRIDGE_ADMIN_TOKEN_FILE": str(secrets / "admin.token"),
        "RADBRIDGE_MIGRATE": "never",
        "RADBRIDGE_DATA_DIR": str(folder / "data"),
        "RADBRIDGE_HOST": "127.0.0.1",
        "RADBRIDGE_PORT": str(free_port()),
        "RADBRIDGE_DICOM_PORT": str(free_port()),
    }
    return Container(machine, service, variables)


def test_nothing_of_the_workspace_is_needed(machine: CleanMachine) -> None:
    python = machine.path("/opt/radbridge/bin/python")
    script = "import radbridge.cli.main, radbridge.mpi.main as m; print(m.__file__)"
    done = subprocess.run(
        [python, "-c", script],
        env=machine.environment({}),
        cwd=machine.home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(machine.path("/opt/radbridge/lib")))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_after_its_jobs_and_stops_in_order(
    service: str, machine: CleanMachine, secrets: Path, tmp_path: Path
) -> None:
    running = container(machine, service, secrets, tmp_path)
    assert "exam" in running.run("topics")
    assert running.run("migrate", service).strip() == f"{service}: migrated"
    log = tmp_path / "log"
    with running.started(log) as process:
        wait_for(f"http://127.0.0.1:{running.variables['RADBRIDGE_PORT']}/readyz", process, log)
        assert '"ok":false' not in running.run("check", "--json")
        assert stop(process) == 0, log.read_text()[-3000:]


def test_the_front_door_starts_and_stops(machine: CleanMachine, secrets: Path, tmp_path: Path) -> None:
    running = container(machine, "ingest-api", secrets, tmp_path)
    address = {name: running.variables[name] for name in ("RADBRIDGE_HOST", "RADBRIDGE_PORT")}
    front = Container(machine, "ingest-api", address | dict.fromkeys(upstreams(), "http://127.0.0.1:9"))
    log = tmp_path / "log"
    with front.started(log, "serve", "front") as process:
        url = f"http://127.0.0.1:{address['RADBRIDGE_PORT']}"
        wait_for(f"{url}/healthz", process, log)
        findings = front.run("check", "--url", url, "--json", exit_code=1)
        assert '"mpi: answers"' in findings
        assert stop(process) == 0


def test_the_portals_image_has_the_pages_and_the_viewer(machine: CleanMachine, secrets: Path, tmp_path: Path) -> None:
    if not (_SOAK or ((ROOT / "web/dist/.built-from").exists() and list(ROOT.glob(".tools/ohif/*/dist")))):
        pytest.skip("the pages are not built (make web)")
    bring_pages(machine, build=_SOAK)
    running = container(machine, "portal", secrets, tmp_path)
    running.run("topics")
    running.run("migrate", "portal")
    log = tmp_path / "log"
    with running.started(log) as process:
        url = f"http://127.0.0.1:{running.variables['RADBRIDGE_PORT']}"
        wait_for(f"{url}/readyz", process, log)
        for path in ("/", "/viewer/"):
            answer = httpx.get(f"{url}{path}", trust_env=False, timeout=60)
            assert answer.status_code == HTTPStatus.OK, path
            assert "<!doctype html>" in answer.text.lower(), path


@pytest.mark.parametrize("variable", ["RADBRIDGE_DATABASE_URL_FILE", "RADBRIDGE_EVENTS_URL_FILE"])
def test_a_missing_setting_is_named(variable: str, machine: CleanMachine, secrets: Path, tmp_path: Path) -> None:
    running = container(machine, "mpi", secrets, tmp_path)
    del running.variables[variable]
    done = subprocess.run(
        running.argv(), env=running.environment, cwd=machine.home, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert variable.removesuffix("_FILE") in done.stdout + done.stderr
