"""An exam's journey, told from events alone.

Each event becomes one ``Step`` with a kind, an outcome and details that name nobody. ``keys`` says which exams an event
belongs to, also where it knows only a study, an accession number or a patient record: those keys are joined with the
keys of the exam itself, whatever arrived first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from radbridge.contracts.envelope import Event
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.events.recognition import ExamMarked, ExamReminded
from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned, ReportVoided

Details = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline."""

    event_id: str
    type: str
    kind: str
    """arrived, stored, linked, verified, reminded, marked, sent or voided"""
    outcome: str
    """``ok``, ``refused`` or ``pending``"""
    service: str
    subject: str
    version: int
    at: datetime
    since_previous_ms: int | None
    """Milliseconds since the step before; ``None`` for the first."""
    details: Details


def exam_keys(exam: ExamRegistered) -> list[str]:
    """Every key under which something of this exam may have been published."""
    keys = [f"exam:{exam.exam_id}", f"record:{exam.patient.record_id}"]
    keys += [f"study:{exam.institution_id}:{uid}" for uid in exam.study_uids]
    keys += [f"accession:{exam.institution_id}:{number}" for number in exam.accession_numbers]
    return keys


def keys(body: EventBody) -> list[str]:
    """The keys that an event is found by."""
    match body:
        case ExamRegistered() | ExamVoided():
            return [f"exam:{body.exam_id}"]
        case ReportReceived() | ReportSigned() | ReportRejected() | ReportVoided():
            return [f"report:{body.report_id}", *(f"exam:{e}" for e in body.exam_ids)]
        case ImagesStored():
            found = [f"study:{body.institution_id}:{body.study_uid}"]
            if body.accession_number:
                found.append(f"accession:{body.institution_id}:{body.accession_number}")
            return found
        case PatientLinked():
            return [f"record:{body.record_id}"]
        case ExamReminded():
            return [f"exam:{e}" for e in body.exam_ids]
        case ExamMarked():
            return [f"exam:{body.exam_id}", f"report:{body.report_id}"]
        case NotificationIssued() | NotificationDelivered():
            return [f"report:{body.report_id}", *(f"exam:{e}" for e in body.exam_ids)]
        case _:
            return []


def tell(facts: Sequence[tuple[Event, EventBody]]) -> list[Step]:
    """The timeline of the given events, oldest first; equal moments keep the order of their ids."""
    ordered = sorted(facts, key=lambda fact: (fact[0].time, fact[0].id))
    steps: list[Step] = []
    previous: datetime | None = None
    for event, body in ordered:
        kind, outcome, details = _describe(body)
        steps.append(
            Step(
                event_id=event.id,
                type=event.type,
                kind=kind,
                outcome=outcome,
                service=event.source.rsplit("/", 1)[-1],
                subject=event.subject,
                version=event.version,
                at=event.time,
                since_previous_ms=None if previous is None else round((event.time - previous).total_seconds() * 1000),
                details=details,
            )
        )
        previous = event.time
    return steps


def _describe(body: EventBody) -> tuple[str, str, Details]:
    tellers: dict[type[EventBody], Callable[[Any], tuple[str, str, Details]]] = {
        ExamRegistered: _exam_registered,
        ReportReceived: _report_received,
        ReportSigned: _report_signed,
        ReportRejected: _report_rejected,
        ImagesStored: _images_stored,
        PatientLinked: _patient_linked,
        ExamReminded: _exam_reminded,
        ExamMarked: _exam_marked,
        NotificationIssued: _notification_issued,
        NotificationDelivered: _notification_delivered,
    }
    teller = tellers.get(type(body))
    return teller(body) if teller else ("voided", "ok", {})


def _exam_registered(body: ExamRegistered) -> tuple[str, str, Details]:
    return (
        "arrived",
        "ok",
        {
            "exam_number": body.exam_number,
            "item_name": body.item_name,
            "modality": body.modality,
            "status": body.status,
            "study_uids": body.study_uids,
        },
    )


def _report_received(body: ReportReceived) -> tuple[str, str, Details]:
    return (
        "arrived",
        "ok",
        {"report_number": body.report_number, "status": body.status, "document": body.document is not None},
    )


def _report_signed(body: ReportSigned) -> tuple[str, str, Details]:
    return (
        "verified",
        "ok",
        {
            "report_number": body.report_number,
            "signed_at": body.signed_at.isoformat() if body.signed_at else None,
            "checks": [check.model_dump() for check in body.checks],
        },
    )


def _report_rejected(body: ReportRejected) -> tuple[str, str, Details]:
    return (
        "verified",
        "refused",
        {
            "report_number": body.report_number,
            "reason": body.reason,
            "field": body.field,
            "checks": [check.model_dump() for check in body.checks],
        },
    )


def _images_stored(body: ImagesStored) -> tuple[str, str, Details]:
    return (
        "stored",
        "ok",
        {
            "study_uid": body.study_uid,
            "series": len(body.series),
            "instances": body.instances,
            "new_instances": body.new_instances,
            "bytes": body.bytes,
        },
    )


def _patient_linked(body: PatientLinked) -> tuple[str, str, Details]:
    return ("linked", "ok", {"person_id": body.person_id, "rule": body.rule})


def _exam_reminded(body: ExamReminded) -> tuple[str, str, Details]:
    return (
        "reminded",
        "ok",
        {"asking_hospital_code": body.asking_hospital_code, "request_number": body.request_number},
    )


def _exam_marked(body: ExamMarked) -> tuple[str, str, Details]:
    return (
        "marked",
        "ok" if body.recognised else "refused",
        {
            "asking_hospital_code": body.asking_hospital_code,
            "recognised": body.recognised,
            "reason_code": body.reason_code,
        },
    )


def _notification_issued(body: NotificationIssued) -> tuple[str, str, Details]:
    return ("sent", "pending", {"expires_at": body.expires_at.isoformat()})


def _notification_delivered(body: NotificationDelivered) -> tuple[str, str, Details]:
    outcome = {"accepted": "ok", "delivered": "ok", "failed": "refused", "suppressed": "refused"}.get(
        body.state, "pending"
    )
    return (
        "sent",
        outcome,
        {"channel": body.channel, "state": body.state, "provider_id": body.provider_id, "reason": body.reason},
    )
