"""Traces go on across processes; spans are recorded where a collector is set, sampled, and without personal data."""

import sys
from collections.abc import Generator
from pathlib import Path
from subprocess import run

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from radbridge.runtime.database.open import open_database
from radbridge.runtime.telemetry.database import TracedDatabase
from radbridge.runtime.telemetry.otlp import OtlpRecorder
from radbridge.runtime.telemetry.traces import Tracing, current_traceparent, parse_traceparent

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"
UNSAMPLED = f"00-{'a' * 32}-{'b' * 16}-00"


class Collector:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.recorder = OtlpRecorder("http://collector", instance_id="i", exporter=self.exporter)

    def spans(self) -> list[ReadableSpan]:
        self.recorder.close()
        return list(self.exporter.get_finished_spans())


@pytest.fixture
def collector() -> Generator[Collector]:
    collector = Collector()
    yield collector
    collector.recorder.close()


def test_without_a_collector_a_trace_still_goes_on() -> None:
    tracing = Tracing("mpi")
    assert current_traceparent() is None
    with tracing.span("a", traceparent=PARENT) as outer:
        assert current_traceparent() == outer.traceparent
        assert outer.trace_id == "a" * 32
        assert outer.traceparent != PARENT
        assert outer.traceparent.endswith("-01")
        with tracing.span("b") as inner:
            assert inner.trace_id == outer.trace_id
        assert current_traceparent() == outer.traceparent
    assert current_traceparent() is None


def test_each_request_without_a_trace_begins_one() -> None:
    tracing = Tracing("mpi")
    with tracing.span("a") as one:
        pass
    with tracing.span("a") as two:
        pass
    assert one.trace_id != two.trace_id


def test_spans_of_several_services_form_one_tree(collector: Collector) -> None:
    with Tracing("ingest-api", collector.recorder).span("POST", kind=SpanKind.SERVER) as push:
        header = push.traceparent
    with Tracing("mpi", collector.recorder).span("process", kind=SpanKind.CONSUMER, traceparent=header):
        pass
    one, two = collector.spans()
    assert two.parent is not None
    assert two.parent.span_id == one.context.span_id
    assert (one.resource.attributes["service.name"], two.resource.attributes["service.name"]) == ("ingest-api", "mpi")


def test_the_callers_sampling_decision_is_kept(collector: Collector) -> None:
    tracing = Tracing("mpi", collector.recorder, ratio=0.0)
    with tracing.span("own") as own:
        assert not own.is_recorded
    with tracing.span("sampled", traceparent=PARENT):
        pass
    with Tracing("mpi", collector.recorder).span("not sampled", traceparent=UNSAMPLED) as other:
        assert other.traceparent.endswith("-00")
        with tracing.span("below"):
            pass
    assert [span.name for span in collector.spans()] == ["sampled"]


def test_a_share_of_the_traces_is_sampled(collector: Collector) -> None:
    tracing = Tracing("mpi", collector.recorder, ratio=0.3)
    recorded = 0
    for _ in range(1000):
        with tracing.span("a") as span:
            recorded += span.is_recorded
    assert 200 < recorded < 400


def test_an_error_marks_the_span_without_its_text(collector: Collector) -> None:
    def fail() -> None:
        with Tracing("mpi", collector.recorder).span("a", attributes={"patient.name": "张三", "x": "13912345678"}):
            raise ValueError("张三")

    with pytest.raises(ValueError, match="张三"):
        fail()
    [span] = collector.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "ValueError"
    assert span.attributes == {"patient.name": "***", "x": "***"}
    assert "张三" not in span.to_json()


def test_attributes_that_name_things_are_shown(collector: Collector) -> None:
    things = {
        "db.system.name": "sqlite",
        "db.operation.name": "write",
        "messaging.destination.name": "exam",
        "messaging.consumer.group.name": "mpi",
    }
    with Tracing("mpi", collector.recorder).span("a", attributes=things):
        pass
    [span] = collector.spans()
    assert span.attributes == things


async def test_database_work_stands_below_the_request_that_caused_it(collector: Collector, tmp_path: Path) -> None:
    tracing = Tracing("mpi", collector.recorder)
    database = TracedDatabase(open_database(f"sqlite+aiosqlite:///{tmp_path}/x.db", service="mpi"), tracing)
    await database.write(lambda tx: tx.execute("CREATE TABLE t (a TEXT)"))
    with tracing.span("POST"):
        await database.write(lambda tx: tx.execute("INSERT INTO t VALUES ($1)", "张三"))
        assert (await database.fetch("SELECT a FROM t WHERE a = $1", "张三"))[0]["a"] == "张三"
    await database.close()
    write, read, request = collector.spans()
    assert (write.name, read.name) == ("database write", "database read")
    assert {span.parent.span_id for span in (write, read) if span.parent} == {request.context.span_id}
    assert (read.attributes or {})["db.query.text"] == "SELECT a FROM t WHERE a = $1"
    assert "张三" not in read.to_json() + write.to_json()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "junk",
        "00-" + "0" * 32 + "-" + "b" * 16 + "-01",
        "00-" + "a" * 32 + "-" + "0" * 16 + "-01",
        "00-" + "g" * 32 + "-" + "b" * 16 + "-01",
        "ff-" + "a" * 32 + "-" + "b" * 16 + "-01",
        PARENT + "-more",
        "00-" + "a" * 31 + "-" + "b" * 17 + "-01",
        "x" * 10_000,
    ],
)
def test_a_malformed_traceparent_is_ignored(header: str) -> None:
    assert parse_traceparent(header) is None
    with Tracing("mpi").span("a", traceparent=header) as span:
        assert span.trace_id not in header


def test_a_later_version_of_the_header_is_understood() -> None:
    context = parse_traceparent("01" + PARENT[2:] + "-more")
    assert context is not None
    assert f"{context.trace_id:032x}" == "a" * 32


def test_the_exporter_is_not_even_imported_without_a_collector() -> None:
    program = (
        "import sys; import radbridge.runtime.host.platform; import radbridge.runtime.http; "
        "print([m for m in sys.modules if m.startswith(('opentelemetry.exporter', 'opentelemetry.sdk', 'httpx', "
        "'sqlalchemy', 'alembic', 'aiokafka', 'minio', 'authlib'))])"
    )
    assert run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
