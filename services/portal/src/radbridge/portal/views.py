"""What a patient or an asking doctor sees of one exam: gathered from the journey, opened for the answer only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from radbridge.contracts.events.base import BlobRef
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.report import ReportSigned
from radbridge.contracts.model.codes import AgeUnit, Sex
from radbridge.contracts.model.people import Patient
from radbridge.contracts.model.report import Report, ReportStep
from radbridge.contracts.model.serialization import from_json
from radbridge.contracts.model.study import StudyIndex
from radbridge.portal import store
from radbridge.portal.domain.verdicts import standing
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.security.links import ViewGrant
from radbridge.runtime.security.patient import open_patient
from radbridge.runtime.service import Resources

OPENED_VIEW = "opened-view"
"""Purpose of the links inside a view; they open no further view, or it would never expire."""

_SEX = {Sex.MALE: "男", Sex.FEMALE: "女"}
_AGE_UNIT = {AgeUnit.YEAR: "岁", AgeUnit.MONTH: "个月", AgeUnit.DAY: "天", AgeUnit.HOUR: "小时"}


@dataclass(frozen=True, slots=True)
class Gathered:
    """The events that a view is made of."""

    exam: ExamRegistered
    signed: ReportSigned | None
    study_uids: tuple[str, ...]
    images: int


async def gather(tx: Transaction, exam_id: str, report_id: str | None) -> Gathered | None:
    """An exam with its stored studies and the signed report named, or its newest signed one; ``None`` if unknown.

    The timeline keeps what was corrected since; here counts only what the newest exam and the newest report say.
    """
    row = await store.exam_row(tx, exam_id)
    if row is None or row["voided"]:
        return None
    exam = ExamRegistered.model_validate_json(row["body"])
    bodies = [body for _, body in await store.facts_of_exam(tx, exam_id)]
    named = dict.fromkeys(body.report_id for body in bodies if isinstance(body, ReportSigned))
    chosen: ReportSigned | None = None
    for candidate in [report_id] if report_id else named:
        signed = standing(await store.facts_of_report(tx, candidate))
        if signed is not None and exam_id in signed.exam_ids:
            chosen = signed
    studies = stored_studies(exam, (body for body in bodies if isinstance(body, ImagesStored)))
    return Gathered(exam, chosen, tuple(studies), sum(studies.values()))


def stored_studies(exam: ExamRegistered, stored: Iterable[ImagesStored]) -> dict[str, int]:
    """Instances of each stored study of the exam."""
    index = StudyIndex()
    instances: dict[str, int] = {}
    for body in stored:
        if body.institution_id == exam.institution_id:
            index.add(body.institution_id, body.study_uid, body.accession_number)
            instances[body.study_uid] = max(body.instances, instances.get(body.study_uid, 0))
    return {uid: instances[uid] for uid in index.of_exam(exam.institution_id, exam.study_uids, exam.accession_numbers)}


async def exam_of_report(tx: Transaction, report_id: str) -> str | None:
    """The first known exam of those that the standing report speaks of."""
    signed = standing(await store.facts_of_report(tx, report_id))
    for exam_id in signed.exam_ids if signed else []:
        if await store.exam_row(tx, exam_id) is not None:
            return exam_id
    return None


async def present(resources: Resources, gathered: Gathered, *, actor: str, valid: timedelta) -> dict[str, Any]:
    """The view, with links to file and images that open for ``valid``. Everything personal is opened here and nowhere
    kept."""
    exam, signed = gathered.exam, gathered.signed
    patient = open_patient(resources.keyring, exam.patient)
    report = None
    if signed is not None:
        report = from_json(Report, await resources.sealed_blobs.get(signed.institution_id, signed.content))
    grant = ViewGrant(
        actor=actor,
        purpose=OPENED_VIEW,
        institution_id=exam.institution_id,
        study_uids=gathered.study_uids,
        exam_id=exam.exam_id,
        report_id=signed.report_id if signed else None,
    )
    token = resources.links.issue(grant, valid)
    return {
        "patient_name": patient.name,
        "sex": _SEX.get(patient.sex, "未知") if patient.sex else "未知",
        "age_text": _age(patient),
        "hospital_name": exam.hospital_name,
        "item_name": exam.item_name,
        "modality": exam.modality,
        "performed_at": exam.performed_at,
        "report": _report(report) if report else None,
        "document_url": f"/api/portal/v1/documents?{urlencode({'token': token})}"
        if signed and signed.document
        else None,
        "viewer_url": viewer_path(gathered.study_uids, token) if gathered.study_uids else None,
        "images": gathered.images,
        "signature": {
            "accepted": True,
            "signed_at": signed.signed_at,
            "checks": [check.model_dump() for check in signed.checks],
        }
        if signed
        else None,
        "valid_until": resources.clock() + valid,
    }


def viewer_path(study_uids: tuple[str, ...], token: str) -> str:
    """Where the OHIF viewer opens these studies."""
    return f"/viewer?{urlencode({'StudyInstanceUIDs': ','.join(study_uids), 'token': token})}"


async def document(resources: Resources, institution_id: str, ref: BlobRef) -> bytes:
    """A report's file."""
    return await resources.sealed_blobs.get(institution_id, ref)


def _report(report: Report) -> dict[str, Any]:
    return {
        "report_number": report.number,
        "findings": report.findings,
        "impression": report.impression,
        "advice": report.advice,
        "reported_at": _at(report.written),
        "reporting_doctor": _doctor(report.written),
        "audited_at": _at(report.audited),
        "auditing_doctor": _doctor(report.audited),
    }


def _at(step: ReportStep | None) -> datetime | None:
    return step.at if step else None


def _doctor(step: ReportStep | None) -> str | None:
    return step.doctor.name if step and step.doctor else None


def _age(patient: Patient) -> str:
    if not patient.age:
        return ""
    return patient.age + (_AGE_UNIT[patient.age_unit] if patient.age_unit else "")
