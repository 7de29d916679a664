"""A journey that a hospital traces itself, and what a collector was sent of it."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from radbridge.cli.demo.gateways import running_gateways
from radbridge.cli.demo.journey import StepDone
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExamplePatient
from tests.support.encodings import forms
from tests.support.journeys import RunningSuite, eventually, journey
from tests.support.otlp import Chain, Collector, Trace

EXAM_PUSH, REPORT_PUSH = ("ingest-api", "POST /exam-sync"), ("ingest-api", "POST /report/sync")

EXAM_HANDLED = [
    (service, "process radbridge.exam.registered.v1") for service in ("mpi", "recognition", "notify", "portal")
]
"""What is below the push of an exam once every service knows the exam."""

JOURNEY_HANDLED = [
    *EXAM_HANDLED,
    *((service, "process radbridge.images.stored.v1") for service in ("recognition", "portal")),
    *((service, "process radbridge.patient.linked.v1") for service in ("recognition", "portal")),
    *((service, "process radbridge.report.signed.v1") for service in ("recognition", "notify", "portal")),
]
"""Of all that happens in a journey what services do by themselves, and no party waits for."""


@dataclass(frozen=True, slots=True)
class TracedJourney:
    """One journey. Read the trace once the suite has stopped: only then everything was sent."""

    collector: Collector
    trace_id: str
    hospital_span: str
    gateway: str
    """Host and port of the SMS gateway."""
    link_code: str
    """What opens the patient's page."""

    @property
    def trace(self) -> Trace:
        """The hospital's trace."""
        return Trace.of(self.collector.spans(), self.trace_id)

    def sms_chains(self) -> list[Chain]:
        """The ancestries of every request to the gateways."""
        return self.trace.ancestries("notify", f"POST {self.gateway}")

    def betrayals(self) -> list[str]:
        """Where the patient, or what opens the patient's page, stands in clear in anything that was sent: attributes,
        events, links, resources."""
        patient = ExamplePatient()
        patterns = {
            f"{trait} as {form}": pattern
            for trait in ("resident_id", "phone", "name")
            for form, pattern in forms(getattr(patient, trait)).items()
        }
        patterns["the link's code"] = self.link_code.encode()
        return [what for what, pattern in patterns.items() if any(pattern in body for body in self.collector.bodies)]


def recorded_to(collector: Collector) -> dict[str, str]:
    """The settings of a suite that records everything."""
    return {"RADBRIDGE_OTLP_ENDPOINT": collector.url, "RADBRIDGE_TRACE_SAMPLE_RATIO": "1"}


def travel_traced(suite: RunningSuite, collector: Collector, folder: Path) -> TracedJourney:
    """Play a whole journey whose every request continues one trace of the hospital's own.

    Every service knows the exam before the report is pushed: the trace in which a patient is told is that of whichever
    of the two came last. And every service has done its part when this returns.
    """
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)

    def exam_pushed(_: StepDone) -> None:
        """The first step; nothing is to be done after the others."""
        trip.report = lambda _: None
        arrived(collector, EXAM_HANDLED)

    with running_gateways() as gateways:
        trip = journey(suite, gateways, folder)
        trip.report = exam_pushed
        trip.client.headers["traceparent"] = f"00-{trace_id}-{span_id}-01"
        trip.run()
        arrived(collector, JOURNEY_HANDLED)
        told = gateways.messages_for(ExamplePatient().phone)
        assert told is not None
        link_code = told[1].link.rpartition("/")[2]
        return TracedJourney(collector, trace_id, span_id, gateways.url.removeprefix("http://"), link_code)


def arrived(collector: Collector, names: Collection[tuple[str, str]]) -> None:
    """Wait until a span of each service and name has arrived that has not failed."""
    eventually(
        lambda: set(names) - {(span.service, span.name) for span in collector.spans() if not span.failed},
        lambda missing: not missing,
    )


def sms_of_the_report(chain: Chain) -> bool:
    """Whether a request to a gateway stands below the push of the report, with all that lies between."""
    return within(
        chain[1:],
        ("notify", "deliver"),
        ("notify", "process radbridge.report.signed.v1"),
        ("signing", "send radbridge.report.signed.v1"),
        ("signing", "process radbridge.report.received.v1"),
        ("ingest-api", "send radbridge.report.received.v1"),
        REPORT_PUSH,
    )


def within(chain: Chain, *steps: tuple[str, str]) -> bool:
    """Whether the steps occur in the chain in this order, whatever stands between."""
    rest = iter(chain)
    return all(step in rest for step in steps)
