"""From a push accepted to the exam visible in ``recognition``, one push at a time.

Visible is what ``recognition``'s database answers to somebody else: to ask its API again and again would load the very
process that is measured. Its API is asked once for each exam, to see that it knows it too.

uv run python -m benchmarks.visible [--pushes 200] [--json]                 embedded suite
uv run python -m benchmarks.visible --real [--pushes 200] [--json]          Kafka, PostgreSQL, S3, one process a service
"""

import argparse
import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import httpx

from radbridge.cli.services import SERVICES
from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.contracts.dialects.shanxi_v2_1.examples import HOSPITAL_CODE, ExampleExam, exam_record
from tests.servers.kafka import KafkaBroker
from tests.servers.postgres import PostgresCluster
from tests.servers.s3 import S3Server
from tests.support.suites import DistributedSuite, EmbeddedSuite

BOUNDS_MS = {"embedded": (15.0, 60.0), "real": (40.0, 150.0)}
POLL_S = 0.0005


IsThere = Callable[[str], bool]
"""Whether ``recognition``'s database has an exam."""


def measure(client: httpx.Client, is_there: IsThere, count: int) -> list[float]:
    """Milliseconds of each push, ascending.

    :raises SystemExit: an exam is in the database, but its API does not know it.
    """
    hospital = (
        client.post("/api/ingest-api/v1/institutions", json={"code": HOSPITAL_CODE, "name": "影桥示例医院"})
        .raise_for_status()
        .json()
    )
    exam = ExampleExam(examined_at=datetime.now(UTC) - timedelta(hours=1))
    latencies: list[float] = []
    for number in range(count):
        patient = replace(exam.patient, sequence=number % 999, birth_date=exam.patient.birth_date + timedelta(number))
        record = exam_record(replace(exam, number=f"V{number}", patient=patient))
        sealed = envelope.seal_envelope(
            record, hospital_code=HOSPITAL_CODE, key=bytes.fromhex(hospital["sm4_key"]), timestamp=int(time.time())
        )
        answer = client.post("/exam-sync", content=sealed.to_json())
        accepted = time.perf_counter()
        exam_id = answer.raise_for_status().json()["content"]
        while not is_there(exam_id):
            time.sleep(POLL_S)
        latencies.append((time.perf_counter() - accepted) * 1000)
        if client.get(f"/api/recognition/v1/exams/{exam_id}").status_code != 200:
            raise SystemExit(f"recognition's API does not know exam {exam_id}")
    return sorted(latencies)


@contextmanager
def embedded(folder: Path) -> Generator[tuple[httpx.Client, IsThere]]:
    """A client of a fresh embedded suite, and a look at its database."""
    suite = EmbeddedSuite(folder / "data")
    suite.start()
    try:
        [file] = (folder / "data").rglob("recognition.db")
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            yield (
                suite.client(),
                lambda exam_id: (
                    database.execute("SELECT 1 FROM exam WHERE exam_id = ?", (exam_id,)).fetchone() is not None
                ),
            )
    finally:
        suite.stop()


@contextmanager
def real(folder: Path) -> Generator[tuple[httpx.Client, IsThere]]:
    """A client of a fresh suite on real servers, and a look at its database."""
    kafka, postgres, objects = KafkaBroker(), PostgresCluster(), S3Server()
    servers = (kafka, postgres, objects)
    try:
        for server in servers:
            server.start()
        databases = {service: postgres.create_database() for service in SERVICES}
        suite = DistributedSuite(folder, kafka.url, databases, objects.create_bucket())
        try:
            suite.start()
            with asyncio.Runner() as runner:
                url = databases["recognition"].replace("postgresql+asyncpg:", "postgresql:")
                database: Any = runner.run(cast(Any, asyncpg).connect(url))

                def is_there(exam_id: str) -> bool:
                    found = database.fetchval("SELECT 1 FROM exam WHERE exam_id = $1", exam_id)
                    return runner.run(found) is not None

                yield suite.client(), is_there
                runner.run(database.close())
        finally:
            suite.stop()
    finally:
        for server in servers:
            server.close()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pushes", type=int, default=200)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    kind = "real" if arguments.real else "embedded"
    suite = real if arguments.real else embedded
    with tempfile.TemporaryDirectory(prefix="radbridge-visible-") as name, suite(Path(name)) as parts:
        latencies = measure(*parts, arguments.pushes)
    p50, p99 = statistics.median(latencies), latencies[int(0.99 * (len(latencies) - 1))]
    bound_50, bound_99 = BOUNDS_MS[kind]
    if arguments.json:
        print(json.dumps({"kind": kind, "p50_ms": p50, "p99_ms": p99, "p50_ms_max": bound_50, "p99_ms_max": bound_99}))
        return
    print(
        f"push accepted to visible in recognition, {kind}: p50 {p50:.1f} ms (at most {bound_50:g}), "
        f"p99 {p99:.1f} ms (at most {bound_99:g}), {len(latencies)} pushes"
    )


if __name__ == "__main__":
    main()
