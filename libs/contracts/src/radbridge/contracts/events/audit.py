"""Who looked at whose data."""

from datetime import datetime
from typing import ClassVar

from radbridge.contracts.events.base import EventBody


class AccessRecorded(EventBody):
    """Somebody read a patient's data."""

    NAME: ClassVar[str] = "access.recorded"
    TOPIC: ClassVar[str] = "audit"

    access_id: str
    actor: str
    """``admin``, ``hospital:<code>``, ``patient:<notification id>``, ``user:<subject>`` or ``service:<name>``."""
    action: str
    """For example ``recognition.query``, ``dicomweb.retrieve``, ``report.open``."""
    service: str
    institution_id: str | None = None
    person_id: str | None = None
    exam_ids: list[str] = []
    study_uid: str | None = None
    allowed: bool = True
    at: datetime

    def aggregate_id(self) -> str:
        return self.access_id
