"""An exam as a list shows it, derived from the events of its journey."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from radbridge.contracts.envelope import Event
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.events.recognition import ExamMarked, ExamReminded
from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned, ReportVoided
from radbridge.portal.domain.verdicts import report_state

Fact = tuple[Event, EventBody]

_NOTIFIED = ("none", "pending", "failed", "accepted", "delivered")
_REPORTED = ("none", "voided", "rejected", "received", "signed")
"""Each from least to most: of several deliveries or reports the best one is told."""


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


def summarise(exam: ExamRegistered, *, voided: bool, updated_at: datetime, facts: Iterable[Fact]) -> ExamSummary:
    """The summary of an exam from its newest state and the events of its journey."""
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
    reports: defaultdict[str, list[Fact]] = defaultdict(list)
    marks: set[str] = set()
    for event, body in facts:
        match body:
            case ImagesStored():
                instances[body.study_id] = max(body.instances, instances.get(body.study_id, 0))
            case ReportReceived() | ReportSigned() | ReportRejected() | ReportVoided():
                reports[body.report_id].append((event, body))
            case PatientLinked():
                summary.linked = True
            case ExamReminded():
                summary.reminded += 1
            case ExamMarked():
                marks.add(body.mark_id)
            case NotificationIssued():
                summary.notified = _better(_NOTIFIED, summary.notified, "pending")
            case NotificationDelivered():
                summary.notified = _better(_NOTIFIED, summary.notified, body.state)
            case _:
                pass
    for of_report in reports.values():
        summary.report = _better(_REPORTED, summary.report, report_state(of_report))
    summary.images = sum(instances.values())
    summary.marked = len(marks)
    return summary


def _better(order: tuple[str, ...], one: str, other: str) -> str:
    """The later of two states in an order; a state that is not in it counts for nothing."""
    return max((state for state in (one, other) if state in order), key=order.index)
