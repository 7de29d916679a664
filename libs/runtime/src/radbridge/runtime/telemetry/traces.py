"""Traces: W3C trace context through HTTP and event headers, spans recorded only where a collector is set.

Every request and message gets a trace id, so that logs and events can be followed anywhere. Spans as OpenTelemetry
knows them are built for sampled traces alone; for the others a context of two ids is carried along.
"""

import random
from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Protocol

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer

from radbridge.runtime.telemetry.masking import mask_value

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)
_TRACE_BITS, _SPAN_BITS = 128, 64
_TRACEPARENT_LENGTH = 55
_NAMES_OF_THINGS = frozenset(
    {"db.system.name", "db.operation.name", "messaging.destination.name", "messaging.consumer.group.name"}
)
"""Attributes of OpenTelemetry's semantic conventions that end like the name of a person."""

Attributes = Mapping[str, str | int | float | bool]


class Recorder(Protocol):
    """Records spans and sends them on."""

    def tracer(self, service: str) -> Tracer:
        """Makes recorded spans of a service."""
        ...

    def close(self) -> None:
        """Send what is recorded; blocks for a few seconds at most."""
        ...


class Tracing:
    """Makes the spans of one service.

    :param recorder: where sampled spans go; ``None``: none is sampled.
    :param ratio: share of the traces begun here that are sampled.
    """

    def __init__(self, service: str, recorder: Recorder | None = None, *, ratio: float = 1.0) -> None:
        self._tracer = recorder.tracer(service) if recorder else None
        self._ratio = ratio

    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        traceparent: str | None = None,
        attributes: Attributes | None = None,
    ) -> "ActiveSpan":
        """A span, current inside ``with``. It continues ``traceparent`` where that is given and valid, else the
        current span, else it begins a trace."""
        parent = parse_traceparent(traceparent) if traceparent else None
        if parent is None:
            parent = trace.get_current_span().get_span_context()
        if self._tracer is not None and self._is_sampled(parent):
            context = trace.set_span_in_context(NonRecordingSpan(parent), Context()) if parent.is_valid else Context()
            return ActiveSpan(self._tracer.start_span(name, context=context, kind=kind, attributes=_shown(attributes)))
        trace_id = parent.trace_id if parent.is_valid else random.getrandbits(_TRACE_BITS)
        span_id = random.getrandbits(_SPAN_BITS)
        # a sampled caller's decision stays in the flags although nothing is recorded here
        flags = parent.trace_flags if parent.is_valid else _NOT_SAMPLED
        return ActiveSpan(NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags)))

    def _is_sampled(self, parent: SpanContext) -> bool:
        if parent.is_valid:
            return bool(parent.trace_flags & TraceFlags.SAMPLED)
        return self._ratio >= 1 or random.random() < self._ratio  # noqa: S311


class ActiveSpan:
    """A span that is current between ``__enter__`` and ``__exit__``; an exception that passes marks it as failed."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._token: Token[Context] | None = None

    def __enter__(self) -> "ActiveSpan":
        self._token = attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        if self._token is not None:
            detach(self._token)
        if error is not None and isinstance(error, Exception):
            self.fail(type(error).__name__)
        self._span.end()

    @property
    def is_recorded(self) -> bool:
        """Whether attributes are worth computing."""
        return self._span.is_recording()

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return f"{self._span.get_span_context().trace_id:032x}"

    @property
    def traceparent(self) -> str:
        """The W3C ``traceparent`` that continues this span."""
        return format_traceparent(self._span.get_span_context())

    def rename(self, name: str) -> None:
        """Give the span the name that is known only now."""
        self._span.update_name(name)

    def describe(self, attributes: Attributes) -> None:
        """Add attributes; personal data is masked."""
        if self._span.is_recording():
            self._span.set_attributes(_shown(attributes) or {})

    def fail(self, reason: str) -> None:
        """Mark the span as failed; the reason holds no personal data."""
        self._span.set_status(Status(StatusCode.ERROR, reason))


def current_traceparent() -> str | None:
    """The ``traceparent`` of the current span; ``None`` outside any."""
    context = trace.get_current_span().get_span_context()
    return format_traceparent(context) if context.is_valid else None


def is_sampled(traceparent: str | None) -> bool:
    """Whether a ``traceparent`` says that its trace is recorded."""
    context = parse_traceparent(traceparent) if traceparent else None
    return context is not None and context.trace_flags.sampled


def format_traceparent(context: SpanContext) -> str:
    """W3C Trace Context, version 00."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def parse_traceparent(text: str) -> SpanContext | None:
    """The span context of a ``traceparent``; ``None`` if it is malformed, which W3C tells to ignore."""
    parts = text.split("-")
    if len(text) < _TRACEPARENT_LENGTH or len(parts) < 4 or [len(p) for p in parts[:4]] != [2, 32, 16, 2]:
        return None
    try:
        version, trace_id, span_id, flags = (int(part, 16) for part in parts[:4])
    except ValueError:
        return None
    if version == 0xFF or (version == 0 and len(parts) != 4):
        return None
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=_SAMPLED if flags & 1 else _NOT_SAMPLED)
    return context if context.is_valid else None


def _shown(attributes: Attributes | None) -> dict[str, str | int | float | bool] | None:
    if attributes is None:
        return None
    shown: dict[str, str | int | float | bool] = {}
    for name, value in attributes.items():
        masked = mask_value(value, "" if name in _NAMES_OF_THINGS else name.rpartition(".")[2])
        shown[name] = masked if isinstance(masked, str | int | float | bool) else str(masked)
    return shown
