"""SIGKILL at drawn points of journeys on the embedded suite: in the middle, and before and after commits."""

import random
import sys
import threading
import time
from pathlib import Path

import pytest

from radbridge.cli.demo.gateways import running_gateways
from radbridge.cli.demo.set_up import set_up
from tests.support.suites import EmbeddedSuite, wait_until_ready
from tests.support.workload import Workload

CASES = 2
LAST_COMMIT = 90


@pytest.mark.faults
def test_nothing_accepted_is_lost_or_doubled(embedded_seed: int, tmp_path: Path) -> None:
    dice = random.Random(embedded_seed)
    suite = EmbeddedSuite(tmp_path / "data")
    suite.start()
    try:
        with running_gateways() as gateways:
            work = Workload(suite, set_up(suite.client(), gateways), gateways, dice, tmp_path / "series")
            work.prepare(CASES)
            assert suite.stop() == 0
            moment = dice.choice(("before", "after"))
            suite.launch((sys.executable, "-m", "tests.support.crashing", str(dice.randrange(5, LAST_COMMIT)), moment))
            assert suite.process is not None
            wait_until_ready_or_dead(suite)
            pushing = threading.Thread(target=work.push)
            pushing.start()
            delay = dice.uniform(0.5, 4.0)
            began = time.monotonic()
            while suite.process.alive() and time.monotonic() - began < delay:
                time.sleep(0.02)
            suite.kill()
            suite.start()
            pushing.join()
            assert work.reckon() == []
    finally:
        suite.stop()


def wait_until_ready_or_dead(suite: EmbeddedSuite) -> None:
    """The armed suite may crash while it starts: that is a fault like any other."""
    assert suite.process is not None
    try:
        wait_until_ready(suite.url, [suite.process])
    except Exception:
        if suite.process.alive():
            raise
