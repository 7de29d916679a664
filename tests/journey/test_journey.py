"""One exam's whole journey on the embedded suite, and its wrong turns."""

from pathlib import Path

import pytest

from radbridge.cli.demo.gateways import running_gateways
from radbridge.cli.demo.journey import REQUIRED_KINDS, StepDone
from tests.support.journeys import journey, travel, until_whole
from tests.support.suites import EmbeddedSuite


@pytest.mark.proves("SX-041", "SX-042", "SX-045", "NJ-063", "NJ-064")
def test_the_whole_journey(suite: EmbeddedSuite, tmp_path: Path) -> None:
    done: list[StepDone] = []
    with running_gateways() as gateways:
        made = journey(suite, gateways, tmp_path, done).run()
    assert len(done) >= 10
    steps = suite.client().get(f"/api/portal/v1/exams/{made['exam_id']}").json()["steps"]
    assert {step["kind"] for step in steps} >= REQUIRED_KINDS


def test_a_second_journey_on_the_same_data(suite: EmbeddedSuite, tmp_path: Path) -> None:
    with running_gateways() as gateways:
        travel(suite, gateways, tmp_path)


def test_a_restart_keeps_the_journey(tmp_path: Path) -> None:
    suite = EmbeddedSuite(tmp_path / "data")
    suite.start()
    try:
        with running_gateways() as gateways:
            made = travel(suite, gateways, tmp_path)
        until_whole(suite.client(), made["exam_id"])
        address = f"/api/portal/v1/exams/{made['exam_id']}"
        before = suite.client().get(address).json()
        assert suite.stop() == 0
        suite.start()
        assert suite.client().get(address).json() == before
    finally:
        suite.stop()
