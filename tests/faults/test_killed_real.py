"""SIGKILL at drawn points on Kafka, PostgreSQL and S3, and the servers away in turn.

One process of a service dies before or after one of its commits, or in the middle of its work, while its twin goes on.
"""

import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from radbridge.cli.demo.gateways import Gateways, running_gateways
from radbridge.cli.demo.parties import StepFailedError
from radbridge.cli.demo.set_up import SetUp, set_up
from radbridge.cli.services import SERVICES
from tests.servers.kafka import KafkaBroker
from tests.servers.postgres import PostgresCluster
from tests.servers.s3 import S3Server
from tests.support.journeys import eventually
from tests.support.suites import DistributedSuite, Process, wait_until_ready
from tests.support.workload import Workload

CASES = 2
LAST_COMMIT = 25


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[KafkaBroker, PostgresCluster, S3Server]]:
    """Servers of this module's own, because it stops them."""
    made: tuple[Any, ...] = (KafkaBroker(), PostgresCluster(), S3Server())
    try:
        for server in made:
            server.start()
        yield made
    finally:
        for server in made:
            server.close()


@pytest.fixture(scope="module")
def stage(
    servers: tuple[KafkaBroker, PostgresCluster, S3Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[DistributedSuite, Gateways, SetUp]]:
    """One suite for all rounds: what a round broke must be whole for the next."""
    kafka, postgres, objects = servers
    databases = {service: postgres.create_database() for service in SERVICES}
    suite = DistributedSuite(tmp_path_factory.mktemp("distributed"), kafka.url, databases, objects.create_bucket())
    try:
        suite.start()
        with running_gateways() as gateways:
            yield suite, gateways, set_up(suite.client(), gateways)
    finally:
        suite.stop()


def workload(stage: tuple[DistributedSuite, Gateways, SetUp], dice: random.Random, folder: Path) -> Workload:
    """Prepared once every process has started: what the round before restarted may still be at it, and a server that
    is stopped under a starting process is another fault than the one drawn."""
    suite, gateways, known = stage
    suite.wait_until_ready()
    work = Workload(suite, known, gateways, dice, folder)
    work.prepare(CASES)
    return work


def until_only_these_fail(process: Process, service: str, names: set[str]) -> None:
    """Wait until a process is ready although these checks fail; each has two seconds, which a busy machine may take."""

    def look() -> tuple[int, set[str]]:
        answer = httpx.get(f"{process.url}/readyz", timeout=60)
        return answer.status_code, {check["name"] for check in answer.json()["services"][service] if not check["ok"]}

    eventually(look, lambda found: found == (httpx.codes.OK, names))


@pytest.mark.real
@pytest.mark.faults
def test_a_killed_process_loses_nothing(
    stage: tuple[DistributedSuite, Gateways, SetUp], real_seed: int, tmp_path: Path
) -> None:
    dice = random.Random(real_seed)
    suite = stage[0]
    victim: Process = dice.choice([process for replicas in suite.processes.values() for process in replicas])
    work = workload(stage, dice, tmp_path)
    victim.stop()
    moment = dice.choice(("before", "after"))
    victim.start((sys.executable, "-m", "tests.support.crashing", str(dice.randrange(1, LAST_COMMIT)), moment))
    pushing = threading.Thread(target=work.push)
    pushing.start()
    deadline = time.monotonic() + dice.uniform(2.0, 8.0)
    while victim.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    victim.kill()
    victim.start()
    pushing.join()
    assert work.reckon() == []


@pytest.mark.real
@pytest.mark.faults
def test_an_outbox_fills_while_the_broker_is_away_and_drains_afterwards(
    stage: tuple[DistributedSuite, Gateways, SetUp],
    servers: tuple[KafkaBroker, PostgresCluster, S3Server],
    tmp_path: Path,
) -> None:
    work = workload(stage, random.Random(1), tmp_path)
    servers[0].stop()
    try:
        for case in work.cases[1:]:
            work.push_exam(case)
        restarted, other = stage[0].processes["ingest-api"]
        [receiver] = stage[0].processes["dicom-edge"]
        until_only_these_fail(other, "ingest-api", {"event log"})
        for service, process in (("ingest-api", restarted), ("dicom-edge", receiver)):
            process.kill()
            process.start()
            wait_until_ready(process.url, [process])
            until_only_these_fail(process, service, {"event log", "institution directory"})
        work.push_exam(work.cases[0])
        work.send_images(work.cases[0])
        assert all(case.exam_id for case in work.cases)
    finally:
        servers[0].start()
    work.push()
    assert work.reckon() == []


@pytest.mark.real
@pytest.mark.faults
def test_without_a_database_pushes_are_refused_with_that_reason(
    stage: tuple[DistributedSuite, Gateways, SetUp],
    servers: tuple[KafkaBroker, PostgresCluster, S3Server],
    tmp_path: Path,
) -> None:
    work = workload(stage, random.Random(2), tmp_path)
    servers[1].stop()
    try:
        with pytest.raises(StepFailedError, match="数据库"):
            work.push_exam(work.cases[0])
    finally:
        servers[1].start()
    work.push()
    assert work.reckon() == []


@pytest.mark.real
@pytest.mark.faults
def test_without_the_object_store_reports_are_refused_and_images_accepted(
    stage: tuple[DistributedSuite, Gateways, SetUp],
    servers: tuple[KafkaBroker, PostgresCluster, S3Server],
    tmp_path: Path,
) -> None:
    work = workload(stage, random.Random(3), tmp_path)
    servers[2].stop()
    try:
        with pytest.raises((StepFailedError, httpx.TimeoutException), match=r"对象存储|timed out"):
            work.push_report(work.cases[0])
        work.send_images(work.cases[0])
        assert work.cases[0].acknowledged
    finally:
        servers[2].start()
    work.push()
    assert work.reckon() == []
