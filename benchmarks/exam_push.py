"""Exam pushes on their complete path against a bare route that inserts one row.

Complete: HTTP, SM4, validation of 113 fields, sealing, row and event in one commit, relay to the event log, with
telemetry; 50 connections. Ours runs with one helper process unless told otherwise, as an installation on two cores
does. The peer does one insert with a commit per request through the raw driver on the same kind of database.
Rounds alternate; the spread over the rounds is the noise of this machine.

    uv run python -m benchmarks.exam_push [--database postgresql] [--slow-sync] [--helpers 1] [--rounds 3] [--json]
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks import http_load
from benchmarks.slow_sync import preload
from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.contracts.dialects.shanxi_v2_1.examples import HOSPITAL_CODE, ExampleExam, exam_record
from radbridge.runtime.security.vault import Vault
from tests.servers.postgres import PostgresCluster
from tests.servers.process import free_port

REQUIRED = {"sqlite": 0.70, "postgresql": 0.50, "sqlite, slow sync": 4.0}
CONNECTIONS = 50
WARM_UP = 200
RADBRIDGE = (sys.executable, "-m", "radbridge.cli")
TOKEN = "benchmark-admin-token"


def pushes(count: int, key: bytes) -> list[bytes]:
    """As many whole requests, each with an exam of its own."""
    exam = ExampleExam(examined_at=datetime.now(UTC) - timedelta(hours=1))
    now = int(time.time())
    label = os.urandom(4).hex()
    found: list[bytes] = []
    for number in range(count):
        patient = replace(exam.patient, patient_number=f"P{label}{number}")
        record = exam_record(replace(exam, number=f"E{label}{number}", patient=patient))
        sealed = envelope.seal_envelope(record, hospital_code=HOSPITAL_CODE, key=key, timestamp=now)
        headers = (("content-type", "application/json"), ("encryption-type", "SM4"))
        found.append(http_load.post("/exam-sync", sealed.to_json(), headers))
    return found


@contextmanager
def process(command: list[str], environment: dict[str, str], ready_url: str) -> Generator[None]:
    """A server process that answers at ``ready_url``."""
    running = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx.get(ready_url, timeout=2).status_code in (200, 404):
                    break
            except httpx.HTTPError:
                pass
            if running.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[1:4]} did not start")
            time.sleep(0.1)
        yield
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()


@contextmanager
def ingest(
    folder: Path, database_url: str, environment: dict[str, str], program: tuple[str, ...] = RADBRIDGE
) -> Generator[int]:
    """``radbridge serve ingest-api`` on an embedded log; ``program`` runs ``radbridge``."""
    port = free_port()
    variables = {
        "RADBRIDGE_EVENTS_URL": f"sqlite:///{folder}/events.db",
        "RADBRIDGE_DATABASE_URL": database_url,
        "RADBRIDGE_BLOBS_URL": f"file://{folder}/blobs",
        "RADBRIDGE_VAULT_KEY": Vault.create().to_text(),
        "RADBRIDGE_ADMIN_TOKEN": TOKEN,
        "RADBRIDGE_DATA_DIR": str(folder / "ingest-api"),
        **environment,
    }
    command = [*program, "serve", "ingest-api", "--port", str(port)]
    with process(command, variables, f"http://127.0.0.1:{port}/readyz"):
        yield port


def register(port: int) -> bytes:
    """The SM4 key of a new hospital."""
    answer = httpx.post(
        f"http://127.0.0.1:{port}/api/ingest-api/v1/institutions",
        json={"code": HOSPITAL_CODE, "name": "影桥示例医院"},
        headers={"authorization": f"Bearer {TOKEN}"},
        timeout=30,
    )
    return bytes.fromhex(answer.raise_for_status().json()["sm4_key"])


def measure(
    kind: str, folder: Path, database: str | None, rounds: int, count: int, slow: dict[str, str], helpers: int
) -> dict[str, Any]:
    """Alternate both contenders."""
    bare_port = free_port()
    bare_database = database or str(folder / "bare.db")
    ours_database = f"sqlite+aiosqlite:///{folder}/ingest-api.db"
    if database:
        ours_database = database.replace("postgresql://", "postgresql+asyncpg://")
    bare_command = [
        sys.executable,
        "-m",
        "benchmarks.bare_route",
        "--port",
        str(bare_port),
        "--database",
        bare_database,
    ]
    ours: list[http_load.Load] = []
    bare: list[http_load.Load] = []
    with (
        process(bare_command, slow, f"http://127.0.0.1:{bare_port}/"),
        ingest(folder, ours_database, {**slow, "RADBRIDGE_INGEST_HELPER_PROCESSES": str(helpers)}) as port,
    ):
        key = register(port)
        for number in range(rounds + 1):
            size = count if number else WARM_UP
            requests = pushes(size, key)
            plain = [http_load.post("/push", b"x" * 6000) for _ in range(size)]
            theirs = http_load.run(bare_port, plain, connections=CONNECTIONS)
            mine = http_load.run(port, requests, connections=CONNECTIONS, good=b'"code":1')
            if number:
                bare.append(theirs)
                ours.append(mine)
    ratios = [mine.requests_per_second / theirs.requests_per_second for mine, theirs in zip(ours, bare, strict=True)]
    return {
        "kind": kind,
        "helpers": helpers,
        "ratio": statistics.median(ratios),
        "ratio_spread": [min(ratios), max(ratios)],
        "required": REQUIRED[kind],
        "pushes_per_second": statistics.median(load.requests_per_second for load in ours),
        "bare_per_second": statistics.median(load.requests_per_second for load in bare),
        "push_p50_ms": statistics.median(load.percentile(0.5) for load in ours),
        "push_p99_ms": statistics.median(load.percentile(0.99) for load in ours),
        "failures": sum(load.failures for load in (*ours, *bare)),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pushes", type=int, default=3000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--helpers", type=int, default=1, help="helper processes of ours, for a machine of two cores")
    parser.add_argument("--slow-sync", action="store_true", help="syncs take 2 ms longer")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="radbridge-push-") as name:
        folder = Path(name)
        slow = preload(folder) if arguments.slow_sync else {}
        kind = f"{arguments.database}{', slow sync' if slow else ''}"
        if arguments.database == "postgresql":
            cluster = PostgresCluster()
            cluster.start()
            try:
                url = cluster.create_database().replace("postgresql+asyncpg://", "postgresql://")
                found = measure(kind, folder, url, arguments.rounds, arguments.pushes, slow, arguments.helpers)
            finally:
                cluster.close()
        else:
            found = measure(kind, folder, None, arguments.rounds, arguments.pushes, slow, arguments.helpers)
    if arguments.json:
        print(json.dumps(found))
        return
    low, high = found["ratio_spread"]
    print(
        f"exam push, {kind}: {found['pushes_per_second']:.0f}/s, bare route {found['bare_per_second']:.0f}/s, "
        f"ratio {found['ratio']:.2f} ({low:.2f}-{high:.2f}; at least {found['required']}), "
        f"p50 {found['push_p50_ms']:.1f} ms, p99 {found['push_p99_ms']:.1f} ms, failures {found['failures']}"
    )


if __name__ == "__main__":
    main()
