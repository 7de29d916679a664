"""An OpenTelemetry collector for tests: takes OTLP over HTTP and keeps every span as it was sent."""

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PATH = "/v1/traces"

Chain: TypeAlias = list[tuple[str, str]]
"""Service and name of a span, of its parent, and so on up to the one whose parent is not in the trace."""


@dataclass(frozen=True, slots=True)
class SentSpan:
    """One span. Ids are hex digits; ``parent_id`` is empty where a trace begins."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]
    failed: bool


@dataclass(slots=True)
class Collector:
    """What has arrived so far."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list[bytes])
    """The requests as they came: attributes, events, links and resources, decoded by nobody."""

    def spans(self) -> list[SentSpan]:
        """Every span that arrived."""
        return [span for body in self.bodies for span in _spans(ExportTraceServiceRequest.FromString(body))]


@dataclass(frozen=True, slots=True)
class Trace:
    """The spans of one trace, and how they hang together."""

    spans: tuple[SentSpan, ...]

    @classmethod
    def of(cls, spans: list[SentSpan], trace_id: str) -> "Trace":
        """The spans of ``trace_id``."""
        return cls(tuple(span for span in spans if span.trace_id == trace_id))

    def named(self, service: str, name: str) -> list[SentSpan]:
        """The spans of this service with this name."""
        return [span for span in self.spans if (span.service, span.name) == (service, name)]

    def ancestries(self, service: str, name: str) -> list[Chain]:
        """The ancestry of each span of this service with this name, of which there must be one."""
        found = [self.ancestry(span) for span in self.named(service, name)]
        assert found, f"{service}: no span {name!r} in the trace"
        return found

    def ancestry(self, span: SentSpan) -> Chain:
        """The chain from this span up."""
        by_id = {one.span_id: one for one in self.spans}
        found = [(span.service, span.name)]
        while (parent := by_id.get(span.parent_id)) is not None:
            span = parent
            found.append((span.service, span.name))
        return found

    def orphans(self, *known: str) -> list[SentSpan]:
        """Spans whose parent is neither here nor one of the ``known`` span ids, and that do not begin the trace."""
        ids = {span.span_id for span in self.spans} | {"", *known}
        return [span for span in self.spans if span.parent_id not in ids]


@contextmanager
def running_collector() -> Generator[Collector]:
    """A collector on a free port of this machine until the block ends."""
    collector = Collector()

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # every process of a suite may call at once, and each gives up after five seconds

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            known = urlsplit(self.path).path == PATH
            if known:
                collector.bodies.append(body)
            self.send_response(200 if known else 404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged."""

    server = Server(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, name="collector", daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _spans(request: ExportTraceServiceRequest) -> list[SentSpan]:
    found: list[SentSpan] = []
    for resource in request.resource_spans:
        service = _attributes(resource.resource.attributes).get("service.name", "")
        for scope in resource.scope_spans:
            found += [_span(service, span) for span in scope.spans]
    return found


def _span(service: str, span: Span) -> SentSpan:
    return SentSpan(
        service=service,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_attributes(span.attributes),
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, str]:
    return {pair.key: str(getattr(pair.value, pair.value.WhichOneof("value") or "string_value")) for pair in pairs}
