"""What ``portal`` does with events: keep each one, and project what lists and pages need."""

from typing import Any

from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.events.recognition import ExamMarked, ExamReminded
from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned, ReportVoided
from radbridge.portal import store
from radbridge.runtime.consumer import ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Transaction

GROUP = "portal"

JOURNEY_EVENTS: tuple[type[EventBody], ...] = (
    ExamRegistered,
    ExamVoided,
    ReportReceived,
    ReportSigned,
    ReportRejected,
    ReportVoided,
    ImagesStored,
    PatientLinked,
    ExamReminded,
    ExamMarked,
    NotificationIssued,
    NotificationDelivered,
)


async def keep(tx: Transaction, received: Received[Any], prepared: object) -> None:
    """Handler of every event of a journey."""
    event, body = received.event, received.body
    if isinstance(body, ExamRegistered):
        await store.save_exam(tx, event, body)
    elif isinstance(body, ExamVoided):
        await store.void_exam(tx, body.exam_id, event.version)
    elif isinstance(body, NotificationIssued):
        await store.save_link(tx, body)
    await store.add_fact(tx, event, body)


def consumer() -> ConsumerSpec:
    """The event edge of the service. Every event counts, older ones too: a timeline leaves nothing out."""
    return ConsumerSpec(GROUP, tuple(On(event, keep, order="every") for event in JOURNEY_EVENTS))
