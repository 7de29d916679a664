"""What became of messages to patients, published by ``notify``."""

from datetime import datetime
from typing import ClassVar

from radbridge.contracts.events.base import EventBody


class _OfNotification(EventBody):
    TOPIC: ClassVar[str] = "notification"

    notification_id: str
    report_id: str
    exam_ids: list[str] = []

    def aggregate_id(self) -> str:
        return self.notification_id


class NotificationIssued(_OfNotification):
    """A patient's link exists: ``portal`` opens it for whoever knows the code and the last four characters."""

    NAME: ClassVar[str] = "notification.issued"

    institution_id: str
    code_digest: str
    """``identifiers.link_code_digest`` of the link's random code; the code itself is in no event."""
    patient_sealed: str
    """Name, document number and phone as JSON, sealed under the institution's ``patient`` key with the notification id
    as associated data."""
    hospital_phone: str = ""
    issued_at: datetime
    expires_at: datetime


class NotificationDelivered(_OfNotification):
    """The state of one delivery changed. ``state``: accepted, delivered, failed, unknown or suppressed."""

    NAME: ClassVar[str] = "notification.delivered"

    delivery_id: str
    channel: str
    state: str
    provider_id: str = ""
    reason: str = ""
    at: datetime
