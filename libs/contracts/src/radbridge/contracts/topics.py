"""Every topic as data: what is on it, who writes and who reads it, how long it is kept.

The topics job creates them from this table and refuses to shrink a topic that exists.
"""

from dataclasses import dataclass
from enum import StrEnum

from radbridge.contracts.events.audit import AccessRecorded
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.institution import InstitutionUpdated
from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.contracts.events.patient import PatientLinked, PatientMerged, PatientSplit
from radbridge.contracts.events.presence import InstanceSeen
from radbridge.contracts.events.recognition import ExamMarked, ExamReminded, ItemsMapped
from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned, ReportVoided
from radbridge.contracts.events.session import SessionEnded


class Retention(StrEnum):
    """How long messages stay."""

    FOREVER = "forever"
    """Facts: never deleted, so that projections can be rebuilt."""
    COMPACT = "compact"
    """The newest message of each key stays."""
    DAY = "day"
    """Gone after 24 hours."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``producers`` and ``consumers`` are service folder names."""

    name: str
    key: str
    """What the message key is."""
    events: tuple[type[EventBody], ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    partitions: int = 12
    retention: Retention = Retention.FOREVER


ALL_SERVICES = ("ingest-api", "dicom-edge", "mpi", "signing", "recognition", "notify", "portal")

TOPICS: tuple[Topic, ...] = (
    Topic("exam", "exam_id", (ExamRegistered, ExamVoided), ("ingest-api",), ("mpi", "recognition", "notify", "portal")),
    Topic(
        "report",
        "report_id",
        (ReportReceived, ReportSigned, ReportRejected, ReportVoided),
        ("ingest-api", "signing"),
        ("signing", "recognition", "notify", "portal"),
    ),
    Topic("images", "study_id", (ImagesStored,), ("dicom-edge",), ("recognition", "portal")),
    Topic(
        "patient",
        "record_id or person_id",
        (PatientLinked, PatientMerged, PatientSplit),
        ("mpi",),
        ("recognition", "portal"),
    ),
    Topic(
        "recognition",
        "reminder_id, mark_id or institution_id",
        (ExamReminded, ExamMarked, ItemsMapped),
        ("recognition",),
        ("portal",),
    ),
    Topic("notification", "notification_id", (NotificationIssued, NotificationDelivered), ("notify",), ("portal",)),
    Topic("audit", "access_id", (AccessRecorded,), ALL_SERVICES, ()),
    Topic(
        "institution",
        "institution_id",
        (InstitutionUpdated,),
        ("ingest-api",),
        ALL_SERVICES,
        partitions=1,
        retention=Retention.COMPACT,
    ),
    Topic(
        "presence",
        "instance_id",
        (InstanceSeen,),
        ALL_SERVICES,
        ("ingest-api", "portal"),
        partitions=1,
        retention=Retention.DAY,
    ),
    Topic(
        "session",
        "session_id",
        (SessionEnded,),
        ("portal",),
        ALL_SERVICES,
        partitions=1,
        retention=Retention.DAY,
    ),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
BY_EVENT_TYPE: dict[str, type[EventBody]] = {body.event_type(): body for topic in TOPICS for body in topic.events}


def dead_letter_topic(topic: str, group: str) -> str:
    """Where messages go that ``group`` could not handle."""
    return f"{topic}.{group}.dead"


def replay_topic(topic: str, group: str) -> str:
    """Where dead letters are put back for ``group`` alone; its consumers read it beside ``topic``."""
    return f"{topic}.{group}.replay"
