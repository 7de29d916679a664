"""What ``radbridge_check_ok`` says of a service, for alerts."""

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
