"""Every exam of a person, each with the reason why it is listed or not, read from this service's database alone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from radbridge.contracts.model.study import StudyIndex
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


@dataclass(frozen=True, slots=True)
class _Known:
    """What the tables hold about a set of exams."""

    reports: Mapping[str, list[Row]]
    """By exam id."""
    items: Mapping[tuple[str, str], list[ItemInCatalogue]]
    """By institution and item code."""
    studies: StudyIndex


async def judged_exams(tx: Transaction, rows: Sequence[Row], scope: Scope, now: datetime) -> list[JudgedExam]:
    """Judge each exam row of a person. However many there are, that takes the same four queries."""
    known = await _known(tx, rows)
    return [_judged(row, known, scope, now) for row in rows]


async def _known(tx: Transaction, rows: Sequence[Row]) -> _Known:
    institutions = sorted({row["institution_id"] for row in rows})
    reports: defaultdict[str, list[Row]] = defaultdict(list)
    for report in await store.reports_of_exams(tx, [row["exam_id"] for row in rows]):
        reports[report["exam_id"]].append(report)
    items: defaultdict[tuple[str, str], list[ItemInCatalogue]] = defaultdict(list)
    for m in await store.mappings(tx, institutions, sorted({row["item_code"] for row in rows})):
        item = ItemInCatalogue(m["catalogue"], m["catalogue_code"], m["item_name"])
        items[m["institution_id"], m["item_code"]].append(item)
    study_uids = sorted({uid for row in rows for uid in _study_uids(row)})
    accessions = sorted({number for row in rows for number in _accession_numbers(row)})
    studies = StudyIndex()
    for image in await store.images_of_accessions(tx, institutions, accessions):
        studies.add(image["institution_id"], image["study_uid"], image["accession_number"])
    for image in await store.images_of_studies(tx, institutions, study_uids):
        studies.add(image["institution_id"], image["study_uid"])
    return _Known(reports, items, studies)


def _study_uids(row: Row) -> list[str]:
    return row["study_uids"].split()


def _accession_numbers(row: Row) -> list[str]:
    return [number for number in row["accession_numbers"].split("\n") if number]


def _judged(row: Row, known: _Known, scope: Scope, now: datetime) -> JudgedExam:
    report_rows = known.reports.get(row["exam_id"], [])
    items = tuple(known.items.get((row["institution_id"], row["item_code"]), ()))
    moment = from_micros(row["moment"])
    study_uids = _study_uids(row)
    stored_study_uids = known.studies.of_exam(row["institution_id"], study_uids, _accession_numbers(row))
    facts = ExamFacts(
        institution_id=row["institution_id"],
        voided=bool(row["voided"]),
        moment=moment,
        items=items,
        reports=tuple(ReportState(r["state"]) for r in report_rows),
    )
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
        study_uids=tuple(study_uids),
        stored_study_uids=tuple(stored_study_uids),
        items=items,
        reports=tuple(
            ListedReport(r["report_id"], r["report_number"], r["content_sealed"])
            for r in report_rows
            if r["state"] == ReportState.SIGNED and r["content_sealed"]
        ),
        reason=judge(facts, scope, now),
    )
