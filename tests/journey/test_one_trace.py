"""One trace runs from a hospital's push to the gateway of the patient's SMS, and tells nothing of the patient."""

import pytest

from tests.support.otlp import Trace, running_collector
from tests.support.suites import EmbeddedSuite
from tests.support.traced import (
    EXAM_PUSH,
    REPORT_PUSH,
    TracedJourney,
    recorded_to,
    sms_of_the_report,
    travel_traced,
    within,
)

SERVICES = ["ingest-api", "mpi", "signing", "recognition", "notify", "portal"]


@pytest.fixture(scope="module")
def travelled(tmp_path_factory: pytest.TempPathFactory) -> TracedJourney:
    folder = tmp_path_factory.mktemp("traced")
    with running_collector() as collector:
        suite = EmbeddedSuite(folder / "data", environment=recorded_to(collector))
        suite.start()
        try:
            found = travel_traced(suite, collector, folder)
        finally:
            assert suite.stop() == 0
    return found


@pytest.fixture(scope="module")
def trace(travelled: TracedJourney) -> Trace:
    return travelled.trace


def test_every_span_of_the_trace_has_its_parent(travelled: TracedJourney, trace: Trace) -> None:
    assert trace.orphans(travelled.hospital_span) == []


def test_the_pushes_continue_the_hospitals_trace(travelled: TracedJourney, trace: Trace) -> None:
    for service, name in (EXAM_PUSH, REPORT_PUSH):
        spans = trace.named(service, name)
        assert spans
        assert {(span.kind, span.parent_id) for span in spans} == {("server", travelled.hospital_span)}


@pytest.mark.parametrize("service", ["mpi", "recognition", "notify", "portal"])
def test_the_exam_passes_the_outbox_to_every_service_that_handles_it(trace: Trace, service: str) -> None:
    event = "radbridge.exam.registered.v1"
    for chain in trace.ancestries(service, f"process {event}"):
        assert chain == [(service, f"process {event}"), ("ingest-api", f"send {event}"), EXAM_PUSH]


def test_the_person_is_linked_in_the_trace_of_the_push(trace: Trace) -> None:
    event = "radbridge.patient.linked.v1"
    for service in ("recognition", "portal"):
        for chain in trace.ancestries(service, f"process {event}"):
            assert within(
                chain,
                (service, f"process {event}"),
                ("mpi", f"send {event}"),
                ("mpi", "process radbridge.exam.registered.v1"),
                ("ingest-api", "send radbridge.exam.registered.v1"),
                EXAM_PUSH,
            )


def test_the_sms_leaves_in_the_trace_of_the_report(travelled: TracedJourney, trace: Trace) -> None:
    chains = travelled.sms_chains()
    assert any(sms_of_the_report(chain) for chain in chains), chains
    assert {span.kind for span in trace.named("notify", f"POST {travelled.gateway}")} == {"client"}


def test_the_verdict_reaches_recognition_in_the_trace_of_the_report(trace: Trace) -> None:
    for chain in trace.ancestries("recognition", "process radbridge.report.signed.v1"):
        assert within(chain, ("signing", "process radbridge.report.received.v1"), REPORT_PUSH)


@pytest.mark.parametrize("service", SERVICES)
def test_database_work_stands_below_what_caused_it(trace: Trace, service: str) -> None:
    work = [span for span in trace.spans if span.service == service and span.name.startswith("database ")]
    assert "write" in {span.attributes["db.operation.name"] for span in work}
    assert {span.attributes["db.system.name"] for span in work} == {"sqlite"}
    assert {span.kind for span in work} == {"client"}
    assert all(len(trace.ancestry(span)) > 1 for span in work)


def test_an_association_has_a_trace_of_its_own(travelled: TracedJourney) -> None:
    spans = travelled.collector.spans()
    associations = {span.trace_id for span in spans if span.name == "dicom.association"}
    assert travelled.trace_id not in associations
    [trace] = [found for one in associations if (found := Trace.of(spans, one)).named("dicom-edge", "C-STORE")]
    stores = trace.named("dicom-edge", "C-STORE")
    assert len(stores) > 1
    assert {span.attributes["dicom.status"] for span in stores} == {"SUCCESS"}
    for chain in trace.ancestries("dicom-edge", "C-STORE"):
        assert chain == [("dicom-edge", "C-STORE"), ("dicom-edge", "dicom.association")]
    writes = trace.ancestries("dicom-edge", "database write")
    assert any(within(chain, ("dicom-edge", "C-STORE"), ("dicom-edge", "dicom.association")) for chain in writes)
    for service in ("recognition", "portal"):
        for chain in trace.ancestries(service, "process radbridge.images.stored.v1"):
            assert within(chain, ("dicom-edge", "send radbridge.images.stored.v1"), ("dicom-edge", "dicom.association"))
    assert trace.orphans() == []


@pytest.mark.proves("SZ-283")
def test_no_span_holds_the_patient(travelled: TracedJourney) -> None:
    assert len(travelled.collector.spans()) > 100
    assert travelled.betrayals() == []


def test_no_span_holds_what_opens_something(travelled: TracedJourney) -> None:
    paths = {span.attributes["url.path"] for span in travelled.collector.spans() if "url.path" in span.attributes}
    assert "/api/portal/v1/links/{code}/open" in paths
    assert not any("?" in path or "token=" in path for path in paths)


def test_nothing_of_the_journey_failed(trace: Trace) -> None:
    assert [(span.service, span.name) for span in trace.spans if span.failed] == []
