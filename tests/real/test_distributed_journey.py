"""The journey on real servers: every service in processes of its own, one of each pair killed midway."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from radbridge.cli.demo.gateways import running_gateways
from radbridge.runtime.bus.open import open_log
from tests.support.journeys import travel
from tests.support.suites import DistributedSuite

CONSUMERS = ("mpi", "signing", "recognition", "notify", "portal")
MEMBERS_EACH = 2


def members(kafka: str) -> dict[str, int]:
    """How many members each consumer group has now."""

    async def ask() -> dict[str, int]:
        log = open_log(kafka)
        try:
            return {state.group: len(state.members) for state in await log.groups()}
        finally:
            await log.close()

    return asyncio.run(ask())


def eventually_two_members(kafka: str) -> dict[str, int]:
    deadline = time.monotonic() + 180
    while True:
        found = members(kafka)
        if all(found.get(group) == MEMBERS_EACH for group in CONSUMERS) or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


@pytest.mark.real
def test_the_journey_on_kafka_postgresql_and_s3(distributed: DistributedSuite, tmp_path: Path) -> None:
    found = eventually_two_members(distributed.kafka)
    assert {group: found.get(group) for group in CONSUMERS} == dict.fromkeys(CONSUMERS, MEMBERS_EACH)
    pids = {process.pid for process in distributed.all_processes}
    assert len(pids) == len(distributed.all_processes) == 2 * len(CONSUMERS) + 2 + 1 + 1
    assert all(process.alive() for process in distributed.all_processes)
    with running_gateways() as gateways:
        travel(distributed, gateways, tmp_path)
    assert all(process.alive() for process in distributed.all_processes)


@pytest.mark.real
@pytest.mark.faults
def test_one_of_each_consumer_killed_in_the_middle(distributed: DistributedSuite, tmp_path: Path) -> None:
    victims = [distributed.processes[service][1] for service in CONSUMERS]

    def kill() -> None:
        for victim in victims:
            time.sleep(0.4)
            victim.kill()

    with running_gateways() as gateways:
        killer = threading.Thread(target=kill)
        killer.start()
        travel(distributed, gateways, tmp_path)
        killer.join()
        assert not any(victim.alive() for victim in victims)
        for victim in victims:
            victim.start()
        (tmp_path / "second").mkdir()
        travel(distributed, gateways, tmp_path / "second")


@pytest.mark.real
def test_sigterm_ends_every_process_cleanly(distributed: DistributedSuite) -> None:
    codes = {process.name: process.stop() for process in reversed(distributed.all_processes)}
    assert codes == dict.fromkeys(codes, 0)
