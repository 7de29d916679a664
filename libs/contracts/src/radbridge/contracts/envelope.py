"""CloudEvents 1.0 attributes and their binary-mode form on the bus.

Kafka protocol binding of CloudEvents, section 3.2 (binary content mode): each attribute is a header ``ce_<name>``, the
message value is the JSON body, ``content-type`` tells its format.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from radbridge.contracts.events.base import EventBody
from radbridge.contracts.identifiers import event_id

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
SCHEMA_BASE = "https://radbridge.cn/schemas/"


class EnvelopeError(ValueError):
    """A message is not a CloudEvent that this project can read; the text names the attribute."""


@dataclass(frozen=True, slots=True)
class Event:
    """One CloudEvent. ``version`` (header ``ce_aggregateversion``) counts the aggregate's events at their source."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    version: int
    data: bytes
    traceparent: str | None = None

    @property
    def dataschema(self) -> str:
        """Address of the JSON Schema of the body."""
        return f"{SCHEMA_BASE}{self.type}.json"


def source_of(service: str) -> str:
    """CloudEvents ``source`` of a service: ``/radbridge/ingest-api``."""
    return f"/radbridge/{service}"


def make_event(
    body: EventBody, *, service: str, version: int, time: datetime | None = None, traceparent: str | None = None
) -> Event:
    """Wrap a body. The id is derived from (source, subject, version, type): made twice, it is the same event."""
    source = source_of(service)
    subject = body.aggregate_id()
    type_ = body.event_type()
    return Event(
        id=event_id(source, subject, version, type_),
        source=source,
        type=type_,
        subject=subject,
        time=time or datetime.now(UTC),
        version=version,
        data=body.model_dump_json().encode(),
        traceparent=traceparent,
    )


def to_headers(event: Event) -> list[tuple[str, bytes]]:
    """Message headers of the event, binary mode."""
    headers = [
        ("ce_specversion", SPEC_VERSION.encode()),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.encode()),
        ("ce_subject", event.subject.encode()),
        ("ce_time", event.time.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()),
        ("ce_dataschema", event.dataschema.encode()),
        ("ce_aggregateversion", str(event.version).encode()),
        ("content-type", CONTENT_TYPE.encode()),
    ]
    if event.traceparent:
        headers.append(("traceparent", event.traceparent.encode()))
    return headers


def from_headers(headers: Iterable[tuple[str, bytes]] | Mapping[str, bytes], value: bytes) -> Event:
    """The event of a message.

    :raises EnvelopeError: a required attribute is missing or malformed.
    """
    found = dict(headers.items() if isinstance(headers, Mapping) else headers)

    def text(name: str) -> str:
        raw = found.get(name)
        if not raw:
            raise EnvelopeError(f"{name} is missing")
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise EnvelopeError(f"{name} is not UTF-8") from error

    if text("ce_specversion") != SPEC_VERSION:
        raise EnvelopeError(f"ce_specversion is not {SPEC_VERSION}")
    try:
        version = int(text("ce_aggregateversion"))
        time = datetime.fromisoformat(text("ce_time"))
    except ValueError as error:
        raise EnvelopeError(str(error)) from error
    traceparent = found.get("traceparent")
    return Event(
        id=text("ce_id"),
        source=text("ce_source"),
        type=text("ce_type"),
        subject=text("ce_subject"),
        time=time,
        version=version,
        data=value,
        traceparent=traceparent.decode("ascii", "replace") if traceparent else None,
    )
