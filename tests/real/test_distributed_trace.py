"""One trace across processes: through the front door, Kafka headers and PostgreSQL."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.otlp import running_collector
from tests.support.suites import DistributedSuite
from tests.support.traced import EXAM_PUSH, recorded_to, sms_of_the_report, travel_traced, within


@pytest.mark.real
def test_one_trace_runs_through_every_process(
    make_distributed: Callable[[dict[str, str]], DistributedSuite], tmp_path: Path
) -> None:
    with running_collector() as collector:
        suite = make_distributed(recorded_to(collector))
        travelled = travel_traced(suite, collector, tmp_path)
        suite.stop()
    trace = travelled.trace
    assert trace.orphans(travelled.hospital_span) == []
    for chain in trace.ancestries("mpi", "process radbridge.exam.registered.v1"):
        assert within(chain, ("ingest-api", "send radbridge.exam.registered.v1"), EXAM_PUSH)
        assert chain[-2:] == [EXAM_PUSH, ("front", "POST /exam-sync")]
    assert any(sms_of_the_report(chain) for chain in travelled.sms_chains())
    systems = {span.attributes.get("db.system.name") for span in trace.spans if span.name.startswith("database ")}
    assert systems == {"postgresql"}
    assert any(EXAM_PUSH in chain for chain in trace.ancestries("ingest-api", "database write"))
    assert travelled.betrayals() == []
