"""Every exam of a person, each with the reason why it is listed or not, read from this service's database alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from radbridge.recognition import store
from radbridge.recognition.domain.listing import ExamFacts, ItemInCatalogue, Reason, ReportState, Scope, judge
from radbridge.runtime.clock import from_micros
from radbridge.runtime.database.protocol import Row, Transaction


@dataclass(frozen=True, slots=True)
class ListedReport:
    """A signed report of a listed exam; the content stands sealed with the report id as associated data."""

    report_id: str
    report_number: str
    content_sealed: str


@dataclass(frozen=True, slots=True)
class JudgedExam:
    """An exam of the person and what was decided about it."""

    exam_id: str
    institution_id: str
    exam_number: str
    hospital_code: str
    hospital_name: str
    person_id: str | None
    item_code: str
    item_name: str
    modality: str
    body_part: str
    performed_at: datetime | None
    moment: datetime
    exam_sealed: str
    study_uids: tuple[str, ...]
    """As the hospital named them; ``stored_study_uids`` are those that have images here."""
    stored_study_uids: tuple[str, ...]
    items: tuple[ItemInCatalogue, ...]
    reports: tuple[ListedReport, ...]
    reason: Reason


async def judged_exams(tx: Transaction, rows: Iterable[Row], scope: Scope, now: datetime) -> list[JudgedExam]:
    """Judge each exam row of a person."""
    return [await _judged(tx, row, scope, now) for row in rows]


async def _judged(tx: Transaction, row: Row, scope: Scope, now: datetime) -> JudgedExam:
    report_rows = await store.reports_of_exam(tx, row["exam_id"])
    mapping_rows = await store.mappings(tx, row["institution_id"], row["item_code"])
    items = tuple(ItemInCatalogue(m["catalogue"], m["catalogue_code"], m["item_name"]) for m in mapping_rows)
    moment = from_micros(row["moment"])
    facts = ExamFacts(
        institution_id=row["institution_id"],
        voided=bool(row["voided"]),
        moment=moment,
        items=items,
        reports=tuple(ReportState(r["state"]) for r in report_rows),
    )
    study_uids = tuple(row["study_uids"].split())
    accessions = [number for number in row["accession_numbers"].split("\n") if number]
    return JudgedExam(
        exam_id=row["exam_id"],
        institution_id=row["institution_id"],
        exam_number=row["exam_number"],
        hospital_code=row["hospital_code"],
        hospital_name=row["hospital_name"],
        person_id=row["person_id"],
        item_code=row["item_code"],
        item_name=row["item_name"],
        modality=row["modality"],
        body_part=row["body_part"],
        performed_at=from_micros(row["performed_at"]) if row["performed_at"] is not None else None,
        moment=moment,
        exam_sealed=row["exam_sealed"],
        study_uids=study_uids,
        stored_study_uids=tuple(await store.stored_studies(tx, row["institution_id"], study_uids, accessions)),
        items=items,
        reports=tuple(
            ListedReport(r["report_id"], r["report_number"], r["content_sealed"])
            for r in report_rows
            if r["state"] == ReportState.SIGNED and r["content_sealed"]
        ),
        reason=judge(facts, scope, now),
    )
