"""An exam as a list shows it, derived from the events of its journey."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.events.recognition import ExamMarked, ExamReminded
from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned, ReportVoided

_NOTIFIED = ("none", "pending", "failed", "accepted", "delivered")
"""From least to most: of several deliveries the best one is told."""


@dataclass(slots=True)
class ExamSummary:
    """One line of the console's list."""

    exam_id: str
    exam_number: str
    hospital_code: str
    hospital_name: str
    item_name: str
    modality: str
    body_part: str
    status: str
    performed_at: datetime | None
    updated_at: datetime
    voided: bool
    images: int = 0
    report: str = "none"
    linked: bool = False
    reminded: int = 0
    marked: int = 0
    notified: str = "none"


def summarise(exam: ExamRegistered, *, voided: bool, updated_at: datetime, facts: Iterable[EventBody]) -> ExamSummary:
    """The summary of an exam from its newest state and the bodies of its journey, oldest first."""
    summary = ExamSummary(
        exam_id=exam.exam_id,
        exam_number=exam.exam_number,
        hospital_code=exam.hospital_code,
        hospital_name=exam.hospital_name,
        item_name=exam.item_name,
        modality=exam.modality,
        body_part=exam.body_part,
        status=exam.status,
        performed_at=exam.performed_at,
        updated_at=updated_at,
        voided=voided,
    )
    instances: dict[str, int] = {}
    for body in facts:
        match body:
            case ImagesStored():
                instances[body.study_id] = max(body.instances, instances.get(body.study_id, 0))
            case ReportReceived():
                summary.report = "received"
            case ReportSigned():
                summary.report = "signed"
            case ReportRejected():
                summary.report = "rejected"
            case ReportVoided():
                summary.report = "voided"
            case PatientLinked():
                summary.linked = True
            case ExamReminded():
                summary.reminded += 1
            case ExamMarked():
                summary.marked += 1
            case NotificationIssued():
                summary.notified = _better(summary.notified, "pending")
            case NotificationDelivered():
                summary.notified = _better(summary.notified, body.state)
            case _:
                pass
    summary.images = sum(instances.values())
    return summary


def _better(one: str, other: str) -> str:
    known = [state for state in (one, other) if state in _NOTIFIED]
    return max(known, key=_NOTIFIED.index)
