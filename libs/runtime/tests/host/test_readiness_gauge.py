"""What ``/readyz`` and ``radbridge_check_ok`` say of a service."""

import orjson
import pytest

from radbridge.runtime import readiness as module
from radbridge.runtime.readiness import Readiness
from radbridge.runtime.service import Check
from radbridge.runtime.telemetry.meters import MeterBoard


async def test_a_start_that_was_waited_for_is_over_in_the_gauge() -> None:
    board = MeterBoard()

    async def answers() -> None: ...

    readiness = Readiness("mpi", board.check_ok)
    readiness.checks = (Check("database", answers),)

    def shown(check: str) -> float | None:
        return board.registry.get_sample_value("radbridge_check_ok", {"service": "mpi", "check": check})

    await readiness.results()
    assert shown("started") == 0
    readiness.started = True
    await readiness.results()
    assert (shown("started"), shown("database")) == (1, 1)
    readiness.stopping = True
    await readiness.results()
    assert shown("started") == 0


class Backend:
    """Something that a check asks."""

    def __init__(self) -> None:
        self.away = False

    async def ping(self) -> None:
        if self.away:
            raise RuntimeError("gone")


@pytest.fixture
def board() -> MeterBoard:
    return MeterBoard()


@pytest.fixture
def database() -> Backend:
    return Backend()


@pytest.fixture
def log() -> Backend:
    return Backend()


@pytest.fixture
def readiness(board: MeterBoard, database: Backend, log: Backend) -> Readiness:
    readiness = Readiness("mpi", board.check_ok)
    readiness.checks = (Check("database", database.ping), Check("event log", log.ping, required=False))
    readiness.started = True
    return readiness


async def status(readiness: Readiness) -> tuple[int, str]:
    answer = await readiness.response()
    return answer.status_code, orjson.loads(bytes(answer.body))["status"]


async def test_a_service_is_ready_without_what_it_can_do_without(
    readiness: Readiness, board: MeterBoard, log: Backend
) -> None:
    assert await status(readiness) == (200, "ready")
    log.away = True
    answer = await readiness.response()
    [_, shown] = orjson.loads(bytes(answer.body))["services"]["mpi"]
    assert (answer.status_code, shown["ok"], shown["required"]) == (200, False, False)
    assert shown["reason"] == "RuntimeError: gone"
    assert (readiness.is_ready, readiness.degraded) == (True, ("event log",))
    assert board.registry.get_sample_value("radbridge_check_ok", {"service": "mpi", "check": "event log"}) == 0
    log.away = False
    await readiness.results()
    assert readiness.degraded == ()


async def test_a_service_is_not_ready_without_what_it_requires(readiness: Readiness, database: Backend) -> None:
    assert await status(readiness) == (200, "ready")
    database.away = True
    assert await status(readiness) == (503, "not ready")
    assert (readiness.is_ready, readiness.degraded) == (False, ())


async def test_every_check_counts_until_a_started_service_has_settled(
    readiness: Readiness, log: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    log.away = True
    assert await status(readiness) == (503, "not ready")
    now[0] = 9.9
    assert await status(readiness) == (503, "not ready")
    now[0] = 10.0
    assert await status(readiness) == (200, "ready")
