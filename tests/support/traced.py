"""A journey that a hospital traces itself, and what a collector was sent of it."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from radbridge.cli.demo.gateways import running_gateways
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExamplePatient
from tests.support.encodings import forms
from tests.support.journeys import RunningSuite, journey
from tests.support.otlp import Chain, Collector, Trace

EXAM_PUSH, REPORT_PUSH = ("ingest-api", "POST /exam-sync"), ("ingest-api", "POST /report/sync")


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
    """Play a whole journey whose every request continues one trace of the hospital's own."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    with running_gateways() as gateways:
        trip = journey(suite, gateways, folder)
        trip.client.headers["traceparent"] = f"00-{trace_id}-{span_id}-01"
        trip.run()
        told = gateways.messages_for(ExamplePatient().phone)
        assert told is not None
        link_code = told[1].link.rpartition("/")[2]
        return TracedJourney(collector, trace_id, span_id, gateways.url.removeprefix("http://"), link_code)


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
