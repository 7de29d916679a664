"""The commands as processes: what they print, how they end, and services that run alone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from radbridge.cli.commands import up
from radbridge.cli.services import SERVICES
from radbridge.contracts.routes import ROUTES
from radbridge.runtime.host.embedded import Address
from tests.servers.process import free_port

RADBRIDGE = [sys.executable, "-c", "from radbridge.cli.main import main; main()"]


def clean_environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RADBRIDGE_")}
    return {**kept, **variables}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RADBRIDGE, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=clean_environment(**variables),
    )


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    vault = tmp_path / "vault.key"
    assert run("vault", "new", str(vault)).returncode == 0
    return {
        "RADBRIDGE_EVENTS_URL": f"sqlite:///{tmp_path}/events.db",
        "RADBRIDGE_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/mpi.db",
        "RADBRIDGE_BLOBS_URL": f"file://{tmp_path}/blobs",
        "RADBRIDGE_VAULT_KEY_FILE": str(vault),
        "RADBRIDGE_ADMIN_TOKEN": "t",
        "RADBRIDGE_DATA_DIR": str(tmp_path / "mpi"),
    }


@contextmanager
def serving(*arguments: str, **variables: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    process = subprocess.Popen(
        [*RADBRIDGE, "serve", *arguments, "--port", str(port)],
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(**variables),
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(url: str, status: int) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = httpx.get(url, trust_env=False, timeout=20)
            if answer.status_code == status:
                return answer
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, url
        time.sleep(0.05)


def only_json(finished: subprocess.CompletedProcess[str]) -> Any:
    assert finished.stdout.count("\n") == 1
    return json.loads(finished.stdout)


def test_there_is_a_service_for_every_route() -> None:
    assert {route.service for route in ROUTES} <= SERVICES.keys()


def test_version() -> None:
    assert only_json(run("version", "--json"))["radbridge"]
    assert run("version").stdout.startswith("radbridge ")


def test_every_command_has_json() -> None:
    from typer.main import get_command

    from radbridge.cli.main import app

    def leaves(command: Any, path: str) -> Generator[tuple[str, Any]]:
        for name, child in getattr(command, "commands", {}).items():
            yield from leaves(child, f"{path} {name}")
        if not hasattr(command, "commands"):
            yield path, command

    for path, command in leaves(get_command(app), "radbridge"):
        assert any("--json" in option.opts for option in command.params), path


def test_serve_names_every_missing_variable() -> None:
    finished = run("serve", "mpi")
    assert finished.returncode == 1
    for name in ("EVENTS_URL", "DATABASE_URL", "BLOBS_URL", "VAULT_KEY"):
        assert f"RADBRIDGE_{name}: " in finished.stderr
    assert "Traceback" not in finished.stderr


def test_serve_front_names_a_missing_upstream() -> None:
    finished = run("serve", "front")
    assert finished.returncode == 1
    assert "RADBRIDGE_UPSTREAM_" in finished.stderr


def test_serve_knows_its_services() -> None:
    finished = run("serve", "nothing", "--json")
    assert finished.returncode == 2
    assert "ingest-api" in only_json(finished)["error"]


def test_a_vault_is_made_once_and_rotated(tmp_path: Path) -> None:
    file = tmp_path / "vault.key"
    assert only_json(run("vault", "new", str(file), "--json"))["root"] == "r1"
    made = file.read_text()
    assert run("vault", "new", str(file)).returncode == 1
    assert file.read_text() == made
    assert only_json(run("vault", "rotate", str(file), "--json"))["root"] == "r2"
    assert json.loads(made)["roots"].items() <= json.loads(file.read_text())["roots"].items()


def test_check_tells_what_is_wrong_and_the_jobs_mend_it(environment: dict[str, str]) -> None:
    before = run("check", "--json", **environment)
    assert before.returncode == 1
    wrong = {finding["name"]: finding["reason"] for finding in only_json(before)["checks"] if not finding["ok"]}
    assert "topics are missing" in wrong["RADBRIDGE_EVENTS_URL"]
    assert "exam" in only_json(run("topics", "--json", **environment))["made"]
    assert only_json(run("topics", "--json", **environment))["made"] == []
    assert only_json(run("migrate", "mpi", "--json", **environment)) == {"service": "mpi", "changed": True}
    assert only_json(run("migrate", "mpi", "--json", **environment)) == {"service": "mpi", "changed": False}
    assert run("check", **environment).returncode == 0


def test_check_names_settings_that_are_not_valid(environment: dict[str, str]) -> None:
    finished = run("check", "--json", **{**environment, "RADBRIDGE_PORT": "high", "RADBRIDGE_BLOBS_URL": "nowhere"})
    assert finished.returncode == 1
    assert {found["name"] for found in only_json(finished)["checks"]} == {"RADBRIDGE_PORT", "RADBRIDGE_BLOBS_URL"}


def test_check_says_when_nothing_answers() -> None:
    finished = run("check", "--url", f"http://127.0.0.1:{free_port()}", "--json")
    assert finished.returncode == 1
    assert "no suite answers" in only_json(finished)["error"]


@pytest.mark.parametrize(
    "command", [("events", "tail"), ("hospital", "list"), ("why", "--hospital", "H", "--patient", "P")]
)
def test_without_a_suite_a_command_says_so_in_one_value(command: tuple[str, ...]) -> None:
    done = run(*command, "--url", f"http://127.0.0.1:{free_port()}", "--json")
    assert done.returncode == 1
    assert "no suite answers" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize("command", ["show", "rotate-key", "disable", "enable"])
def test_a_hospital_is_named_once_in_either_way(command: str) -> None:
    nobody = ("--url", f"http://127.0.0.1:{free_port()}", "--json")
    for code in (("H",), ("--code", "H")):
        assert "no suite answers" in json.loads(run("hospital", command, *code, *nobody).stdout)["error"]
    for codes in ((), ("H", "--code", "H")):
        assert "no suite answers" not in run("hospital", command, *codes, *nobody).stdout


def test_a_hospital_is_changed_by_command(environment: dict[str, str]) -> None:
    with serving("ingest-api", **environment) as (_, url):
        wait_for(f"{url}/readyz", 200)

        def hospital(*arguments: str) -> Any:
            done = run("hospital", *arguments, "--url", url, "--json", RADBRIDGE_TOKEN="t")
            return only_json(done) | {"exit code": done.returncode}

        connecting = ("--signing-policy", "warn", "--dicom-address", "pacs:104", "--setting", "sign_order=ascii")
        before = hospital("add", "--code", "H1", "--name", "甲医院", "--host", "a.example", *connecting)
        assert before["settings"] == {"signing_policy": "warn", "dicom_address": "pacs:104", "sign_order": "ascii"}
        after = hospital("set", "H1", "--signing-policy", "reject", "--setting", "dicom_address=", "--phone", "0571-1")
        assert after["settings"] == {"signing_policy": "reject", "sign_order": "ascii"}
        assert (after["hosts"], after["service_phone"], after["dialect"]) == (["a.example"], "0571-1", "shanxi")
        assert hospital("set", "H1", "--host", "b", "--host", "c", "--ae-title", "NEW")["hosts"] == ["b", "c"]
        assert hospital("set", "--code", "H1", "--no-hosts", "--clock-skew", "60")["hosts"] == []
        assert not hospital("disable", "H1")["enabled"]
        assert hospital("enable", "H1")["enabled"]
        shown = hospital("show", "H1")
        assert (shown["ae_title"], shown["clock_skew_seconds"], shown["sm4_key"]) == ("NEW", 60, before["sm4_key"])
        refused = hospital("set", "H1", "--signing-policy", "hodl", "--setting", "colour=red")
        assert "body.settings.signing_policy" in refused["error"]
        assert "body.settings.colour" in refused["error"]
        assert refused["exit code"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        ("--setting", "sign_order"),
        ("--host", "h", "--no-hosts"),
        ("--signing-policy", "warn", "--setting", "signing_policy=hold"),
    ],
)
def test_a_change_of_a_hospital_says_what_changes(wrong: tuple[str, ...]) -> None:
    done = run("hospital", "set", "H", *wrong, "--url", f"http://127.0.0.1:{free_port()}", "--json")
    assert done.returncode == 2
    assert "no suite answers" not in done.stdout


def test_items_are_read_as_spreadsheets_save_them(tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    header = "item_code,item_name,catalogue,catalogue_code\n"
    command = ("items", "import", "--hospital", "H", str(file), "--url", f"http://127.0.0.1:{free_port()}", "--json")
    for encoding in ("utf-8-sig", "gb18030"):
        file.write_text(f"{header}X1,头部平扫,shanxi,CT01\n", encoding=encoding)
        assert "no suite answers" in json.loads(run(*command).stdout)["error"]
    file.write_bytes(header.encode() + b"X1,\xff\xff,shanxi,CT01\n")
    assert "GB 18030" in json.loads(run(*command).stdout)["error"]


def test_a_projection_is_rebuilt_by_command(environment: dict[str, str]) -> None:
    with serving("portal", **environment) as (_, url):
        wait_for(f"{url}/readyz", 200)
        done = run("events", "rebuild", "--group", "portal", "--url", url, "--json", RADBRIDGE_TOKEN="t")
        refused = run("events", "rebuild", "--group", "mpi", "--url", url, "--json", RADBRIDGE_TOKEN="t")
    assert done.returncode == 0, done.stdout
    assert only_json(done) == {"group": "portal", "events": 0, "applied": 0, "skipped": 0, "left_dead": 0, "failed": 0}
    assert refused.returncode == 2


def test_a_service_runs_alone_behind_the_front_and_stops_in_order(environment: dict[str, str]) -> None:
    with serving("mpi", **environment) as (service, url):
        wait_for(f"{url}/readyz", 200)
        upstreams = {
            f"RADBRIDGE_UPSTREAM_{name.upper().replace('-', '_')}": url if name == "mpi" else "http://127.0.0.1:1"
            for name in SERVICES
        }
        with serving("front", **upstreams) as (front, front_url):
            wait_for(f"{front_url}/healthz", 200)
            assert httpx.get(f"{front_url}/api/mpi/v1/openapi.json", trust_env=False, timeout=60).status_code == 200
            ready = httpx.get(f"{front_url}/readyz", trust_env=False, timeout=60)
            assert ready.status_code == 503
            assert all(check["ok"] for check in ready.json()["services"]["mpi"])
            front.send_signal(signal.SIGTERM)
            assert front.wait(60) == 0
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0


def test_a_service_waits_for_its_database(environment: dict[str, str]) -> None:
    away = {**environment, "RADBRIDGE_DATABASE_URL": f"postgresql+asyncpg://u:hidden@127.0.0.1:{free_port()}/mpi"}
    with serving("mpi", **away) as (service, url):
        wait_for(f"{url}/healthz", 200)
        ready = wait_for(f"{url}/readyz", 503)
        assert "hidden" not in ready.text
        assert service.poll() is None
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0


def test_the_demo_that_a_suite_suggests_finds_it() -> None:
    addresses = [Address("console", "http://127.0.0.1:9000/"), Address("DICOM", "127.0.0.1:11200")]
    suggested = up._demo_arguments(addresses, Path("elsewhere"))
    assert suggested == "--url http://127.0.0.1:9000 --dicom-port 11200 --data elsewhere"
