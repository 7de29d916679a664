"""Exams and reports as other services' events last described them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from radbridge.contracts.events.base import PatientRef
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.report import ReportSigned
from radbridge.runtime.clock import from_micros, to_micros
from radbridge.runtime.database.protocol import Row, Transaction


@dataclass(frozen=True, slots=True)
class KnownExam:
    """An exam that was not voided."""

    institution_id: str
    hospital_name: str
    patient: PatientRef


@dataclass(frozen=True, slots=True)
class KnownReport:
    """A report whose newest version is signed and was not voided since."""

    report_id: str
    institution_id: str
    received_version: int
    content: str
    reported_at: datetime
    happened_at: datetime


async def save_exam(tx: Transaction, body: ExamRegistered) -> None:
    """Store or replace an exam."""
    patient = body.patient
    await tx.execute(
        """INSERT INTO exam (exam_id, institution_id, hospital_name, record_id, patient_sealed, phone_index,
                             document_index, voided)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
           ON CONFLICT (exam_id) DO UPDATE SET hospital_name = excluded.hospital_name, record_id = excluded.record_id,
               patient_sealed = excluded.patient_sealed, phone_index = excluded.phone_index,
               document_index = excluded.document_index, voided = 0""",
        body.exam_id,
        body.institution_id,
        body.hospital_name,
        patient.record_id,
        patient.sealed,
        patient.phone_index,
        patient.document_index,
    )


async def void_exam(tx: Transaction, exam_id: str) -> None:
    """Forget an exam's patient; a later registration brings it back."""
    await tx.execute("UPDATE exam SET voided = 1 WHERE exam_id = $1", exam_id)


async def save_signed(tx: Transaction, body: ReportSigned, happened_at: datetime) -> None:
    """Store or replace the signed version of a report, and the exams it is about."""
    await tx.execute(
        """INSERT INTO report (report_id, institution_id, received_version, content, reported_at, happened_at,
                               voided_version)
           VALUES ($1, $2, $3, $4, $5, $6, 0)
           ON CONFLICT (report_id) DO UPDATE SET received_version = excluded.received_version,
               content = excluded.content, reported_at = excluded.reported_at, happened_at = excluded.happened_at
           WHERE report.received_version < excluded.received_version""",
        body.report_id,
        body.institution_id,
        body.received_version,
        body.content.name,
        to_micros(body.signed_at or body.judged_at),
        to_micros(happened_at),
    )
    await tx.execute("DELETE FROM report_exam WHERE report_id = $1", body.report_id)
    await tx.execute_many(
        "INSERT INTO report_exam (report_id, exam_id) VALUES ($1, $2)",
        [(body.report_id, exam_id) for exam_id in sorted(set(body.exam_ids))],
    )


async def void_report(tx: Transaction, report_id: str, institution_id: str, version: int) -> bool:
    """Note that the hospital withdrew the report with this version of ``ingest-api``'s; answers whether no newer
    version was signed meanwhile."""
    row = await tx.fetch_one(
        """INSERT INTO report (report_id, institution_id, received_version, content, reported_at, happened_at,
                               voided_version)
           VALUES ($1, $2, 0, '', 0, 0, $3)
           ON CONFLICT (report_id) DO UPDATE SET voided_version = excluded.voided_version
           RETURNING received_version""",
        report_id,
        institution_id,
        version,
    )
    return row is None or row["received_version"] < version


async def live_report(tx: Transaction, report_id: str) -> KnownReport | None:
    """The report, unless it was never signed or is voided."""
    row = await tx.fetch_one(
        "SELECT * FROM report WHERE report_id = $1 AND received_version > voided_version", report_id
    )
    return None if row is None else _report(row)


async def live_exams(tx: Transaction, report_id: str) -> list[KnownExam]:
    """The report's exams that are known and not voided."""
    rows = await tx.fetch(
        """SELECT exam.* FROM exam JOIN report_exam ON report_exam.exam_id = exam.exam_id
           WHERE report_exam.report_id = $1 AND exam.voided = 0 ORDER BY exam.exam_id""",
        report_id,
    )
    return [_exam(row) for row in rows]


async def exam_ids(tx: Transaction, report_id: str) -> list[str]:
    """Ids of the report's exams, known or not."""
    rows = await tx.fetch("SELECT exam_id FROM report_exam WHERE report_id = $1 ORDER BY exam_id", report_id)
    return [row["exam_id"] for row in rows]


async def reports_about(tx: Transaction, exam_id: str) -> Sequence[str]:
    """Ids of the reports that name the exam."""
    rows = await tx.fetch("SELECT report_id FROM report_exam WHERE exam_id = $1 ORDER BY report_id", exam_id)
    return [row["report_id"] for row in rows]


def _exam(row: Row) -> KnownExam:
    return KnownExam(
        institution_id=row["institution_id"],
        hospital_name=row["hospital_name"],
        patient=PatientRef(
            record_id=row["record_id"],
            sealed=row["patient_sealed"],
            phone_index=row["phone_index"],
            document_index=row["document_index"],
        ),
    )


def _report(row: Row) -> KnownReport:
    return KnownReport(
        report_id=row["report_id"],
        institution_id=row["institution_id"],
        received_version=row["received_version"],
        content=row["content"],
        reported_at=from_micros(row["reported_at"]),
        happened_at=from_micros(row["happened_at"]),
    )
