"""Every meter that all services have, in one typed list, in the Prometheus exposition format.

One ``MeterBoard`` per process; each service sees it through its own ``Meters``, which fills in the ``service`` label.
Labels never hold personal data or unbounded values: paths appear as route templates.
"""

from collections.abc import Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.process_collector import ProcessCollector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

M = TypeVar("M", bound=MetricWrapperBase)


class MeterBoard:
    """The meters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._added: dict[str, MetricWrapperBase] = {}
        of = self.registry
        self.http_requests = Counter(
            "radbridge_http_requests", "HTTP requests answered.", ("service", "method", "route", "status"), registry=of
        )
        self.http_seconds = Histogram(
            "radbridge_http_request_seconds", "From the request's head to the last byte of the answer.",
            ("service", "route"), buckets=_SECONDS, registry=of,
        )  # fmt: skip
        self.events_handled = Counter(
            "radbridge_events_handled", "Events handled, by outcome: applied, skipped, retried, dead.",
            ("service", "group", "type", "outcome"), registry=of,
        )  # fmt: skip
        self.event_seconds = Histogram(
            "radbridge_event_seconds", "Time to handle an event.", ("service", "group", "type"),
            buckets=_SECONDS, registry=of,
        )  # fmt: skip
        self.event_delay_seconds = Histogram(
            "radbridge_event_delay_seconds", "From an event's time to the end of its handling.",
            ("service", "group", "type"), buckets=(*_SECONDS, 60.0, 300.0, 3600.0), registry=of,
        )  # fmt: skip
        self.consumer_lag = Gauge(
            "radbridge_consumer_lag", "Events of a topic that a group has not finished.",
            ("service", "group", "topic"), registry=of,
        )  # fmt: skip
        self.consumer_paused = Gauge(
            "radbridge_consumer_paused", "1 while too many dead letters keep a consumer paused.",
            ("service", "group"), registry=of,
        )  # fmt: skip
        self.outbox_waiting = Gauge(
            "radbridge_outbox_waiting", "Events in the outbox that wait for the log.", ("service",), registry=of
        )
        self.outbox_oldest_seconds = Gauge(
            "radbridge_outbox_oldest_seconds", "How long the oldest event in the outbox has waited.",
            ("service",), registry=of,
        )  # fmt: skip
        self.outbound_requests = Counter(
            "radbridge_outbound_requests", "Calls to others, by outcome: status class, timeout, failed, open.",
            ("service", "peer", "outcome"), registry=of,
        )  # fmt: skip
        self.worker_failures = Counter(
            "radbridge_worker_failures", "Background workers that failed and were restarted.",
            ("service", "worker"), registry=of,
        )  # fmt: skip
        self.check_ok = Gauge(
            "radbridge_check_ok", "1 while a readiness check passes.", ("service", "check"), registry=of
        )

    def exposition(self) -> bytes:
        """All meters as Prometheus text."""
        return generate_latest(self.registry)

    def add(self, kind: type[M], name: str, meaning: str, labels: Sequence[str]) -> M:
        """A meter of a service's own; asked for again, the same one. ``name`` begins with ``radbridge_``."""
        known = self._added.get(name)
        if known is None:
            known = self._added[name] = kind(name, meaning, labels, registry=self.registry)
        if not isinstance(known, kind):
            raise TypeError(f"{name} is a {type(known).__name__}")
        return known


class Meters:
    """The meters as one service uses them."""

    def __init__(self, board: MeterBoard, service: str) -> None:
        self.board = board
        self.service = service
        self._requests: dict[tuple[str, str, int], Counter] = {}
        self._durations: dict[str, Histogram] = {}
        self._waiting = board.outbox_waiting.labels(service)
        self._oldest = board.outbox_oldest_seconds.labels(service)

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an HTTP request."""
        key = (method, route, status)
        counter = self._requests.get(key)
        if counter is None:
            counter = self._requests[key] = self.board.http_requests.labels(self.service, method, route, status)
        counter.inc()
        histogram = self._durations.get(route)
        if histogram is None:
            histogram = self._durations[route] = self.board.http_seconds.labels(self.service, route)
        histogram.observe(seconds)

    def outbox_backlog(self, waiting: int, oldest_seconds: float) -> None:
        """Set what waits in the outbox."""
        self._waiting.set(waiting)
        self._oldest.set(oldest_seconds)

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        """A counter of this service's own."""
        return self.board.add(Counter, name, meaning, labels)

    def histogram(self, name: str, meaning: str, *labels: str) -> Histogram:
        """A histogram of seconds of this service's own."""
        return self.board.add(Histogram, name, meaning, labels)

    def gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        """A gauge of this service's own."""
        return self.board.add(Gauge, name, meaning, labels)
