"""What every event body has in common."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

TYPE_PREFIX = "radbridge."


class Part(BaseModel):
    """A value inside an event body. Unknown members of newer producers are ignored, so schemas can grow."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EventBody(Part):
    """The JSON body of one event type.

    Subclasses set ``NAME`` (``exam.registered``), ``TOPIC`` and ``MAJOR``, and say in ``aggregate_id`` whose history
    the event belongs to: the message key, so all events of one aggregate keep their order.
    """

    NAME: ClassVar[str]
    TOPIC: ClassVar[str]
    MAJOR: ClassVar[int] = 1

    @classmethod
    def event_type(cls) -> str:
        """The CloudEvents ``type``, for example ``radbridge.exam.registered.v1``."""
        return f"{TYPE_PREFIX}{cls.NAME}.v{cls.MAJOR}"

    def aggregate_id(self) -> str:
        """Subject of the event and key of the message."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class EncodedBody:
    """An event body as it will be sent: what remains of it where another process made it."""

    type: str
    topic: str
    subject: str
    data: bytes
    """UTF-8 JSON."""


def encoded(body: EventBody) -> EncodedBody:
    """The body, written."""
    return EncodedBody(body.event_type(), body.TOPIC, body.aggregate_id(), body.model_dump_json().encode())


class BlobRef(Part):
    """A sealed object in the blob store, named by the SHA-256 of its clear bytes within its institution."""

    name: str
    size: int
    media_type: str = "application/octet-stream"


class PatientRef(Part):
    """The patient of a record: nothing in clear but what cannot name a person.

    ``sealed`` is the canonical patient as JSON, sealed under the institution's ``patient`` key with the record id as
    associated data. The indexes are keyed HMAC-SM3 values for equality search (``None`` where the value is missing).
    """

    record_id: str
    sealed: str
    document_index: str | None = None
    phone_index: str | None = None
    demographics_index: str | None = None
