"""The suite in one process, as a process: its files, its front door, its signals, two of them in conflict."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

PROGRAM = Path(__file__).parent / "suite_of_lamps.py"


class Suite:
    def __init__(self, process: subprocess.Popen[str], data: Path) -> None:
        assert process.stdout is not None
        self.process = process
        self.lines: list[str] = []
        for line in process.stdout:
            self.lines.append(line.strip())
            if self.lines[-1] == "ready":
                break
        else:
            assert process.stderr is not None
            raise AssertionError(process.stderr.read())
        self.url = self.lines[0].split()[1].rstrip("/")
        token = (data / "admin.token").read_text().strip()
        bearer = {"authorization": f"Bearer {token}"}
        self.admin = httpx.Client(base_url=self.url, headers=bearer, timeout=60, trust_env=False)
        self.anybody = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.admin.close()
        self.anybody.close()
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def command(lamp_migrations: str, data: Path) -> list[str]:
    return [sys.executable, str(PROGRAM), str(data), "0", lamp_migrations]


@contextmanager
def suite(command: list[str], data: Path, **environment: str) -> Generator[Suite]:
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **environment},
    )
    try:
        yield Suite(process, data)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_suite_announces_itself_and_answers_for_everything(command: list[str], data: Path) -> None:
    with suite(command, data) as running:
        assert running.lines[0].startswith("console http://127.0.0.1:")
        assert running.anybody.get("/healthz").status_code == 200
        assert running.anybody.get("/readyz").json()["services"].keys() == {"mpi"}
        assert running.anybody.get("/api/mpi/v1/lamps").json() == []
        assert running.anybody.get("/api/mpi/v1/address").json() == running.url
        assert running.anybody.get("/exam-sync").status_code == 404
        assert running.stop() == 0


def test_what_is_secret_is_private(command: list[str], data: Path) -> None:
    with suite(command, data):
        for name in ("admin.token", "vault.key"):
            assert stat.S_IMODE((data / name).stat().st_mode) == 0o600


def test_the_metrics_page_asks_for_the_token(command: list[str], data: Path) -> None:
    with suite(command, data) as running:
        for path in ("/metrics", "/metrics?x=1", "/%6detrics"):
            assert running.anybody.get(path).status_code == 401
        assert running.anybody.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert "radbridge_check_ok" in running.admin.get("/metrics").text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_run_keeps_data_and_token(command: list[str], data: Path, number: int) -> None:
    with suite(command, data) as first:
        assert first.admin.post("/api/mpi/v1/lamps/desk").status_code == 200
        token = first.admin.headers["authorization"]
        assert first.stop(number) == 0
    with suite(command, data) as second:
        assert second.anybody.get("/api/mpi/v1/lamps").json() == ["desk"]
        assert second.admin.headers["authorization"] == token


def test_a_killed_suite_starts_again(command: list[str], data: Path) -> None:
    with suite(command, data) as first:
        first.admin.post("/api/mpi/v1/lamps/desk")
        first.stop(signal.SIGKILL)
    with suite(command, data) as second:
        assert second.anybody.get("/api/mpi/v1/lamps").json() == ["desk"]


def test_a_token_from_the_environment_is_what_commands_find(command: list[str], data: Path) -> None:
    with suite(command, data, RADBRIDGE_ADMIN_TOKEN="chosen-by-hand") as running:
        assert running.admin.headers["authorization"] == "Bearer chosen-by-hand"
        assert running.admin.get("/metrics").status_code == 200


def test_a_second_suite_on_the_same_folder_is_refused(command: list[str], data: Path) -> None:
    with suite(command, data) as running:
        second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert second.returncode != 0
        assert f"in use by process {running.process.pid}" in second.stderr
        assert running.anybody.get("/readyz").status_code == 200


def test_a_port_that_is_taken_is_named(command: list[str], data: Path, tmp_path: Path) -> None:
    with suite(command, data) as running:
        port = running.url.rpartition(":")[2]
        other = [*command[:2], str(tmp_path / "other"), port, command[4]]
        second = subprocess.run(other, capture_output=True, text=True, timeout=120, check=False)
        assert second.returncode != 0
        assert f"port {port} on 127.0.0.1 is in use" in second.stderr
