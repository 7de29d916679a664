"""What accepted records say on the bus."""

from radbridge.contracts.events.base import BlobRef, PatientRef
from radbridge.contracts.events.exam import CatalogueItem, ExamRegistered, ExamVoided
from radbridge.contracts.events.report import ReportReceived, ReportVoided
from radbridge.contracts.identifiers import exam_id, patient_record_id, report_id
from radbridge.contracts.model.exam import Exam
from radbridge.contracts.model.people import Patient
from radbridge.contracts.model.report import Report

EXAM_SYSTEM = "ris"
PATIENT_SYSTEM = "his"
IMAGING_PATIENT_SYSTEM = "pacs"


def exam_id_of(institution_id: str, number: str) -> str:
    """Id of the hospital's exam number."""
    return exam_id(institution_id, EXAM_SYSTEM, number)


def report_id_of(institution_id: str, number: str) -> str:
    """Id of the hospital's report number."""
    return report_id(institution_id, EXAM_SYSTEM, number)


def record_id_of(institution_id: str, patient: Patient) -> str:
    """Id of the hospital's patient record: by its master index number, else by the imaging department's number."""
    if patient.hospital_patient_id:
        return patient_record_id(institution_id, PATIENT_SYSTEM, patient.hospital_patient_id)
    return patient_record_id(institution_id, IMAGING_PATIENT_SYSTEM, patient.imaging_number or "")


def exam_event(
    identifier: str,
    institution_id: str,
    hospital_code: str,
    hospital_name: str,
    catalogue: str,
    exam: Exam,
    patient: PatientRef,
    *,
    sealed: str = "",
    content: BlobRef | None = None,
) -> ExamRegistered | ExamVoided:
    """The event of an accepted exam with the id ``identifier``; a deleted one says only that it is gone.

    :param sealed: the canonical exam, sealed; ``content`` names it instead where it is an object.
    """
    if exam.is_deleted:
        return ExamVoided(
            exam_id=identifier, institution_id=institution_id, exam_number=exam.number, changed_at=exam.changed_at
        )
    item = exam.item
    claimed = item.catalogue_code if item else None
    return ExamRegistered(
        exam_id=identifier,
        institution_id=institution_id,
        hospital_code=hospital_code,
        hospital_name=hospital_name,
        exam_number=exam.number,
        patient=patient,
        study_uids=[exam.study_instance_uid] if exam.study_instance_uid else [],
        accession_numbers=list(exam.accession_numbers),
        modality=exam.modality or "",
        item_code=(item.local_code if item else None) or "",
        item_name=(item.local_name if item else None) or "",
        catalogue_items=[
            CatalogueItem(catalogue=catalogue, code=claimed, name=(item.catalogue_name if item else None) or "")
        ]
        if claimed
        else [],
        body_part=(item.body_part if item else None) or "",
        status=exam.status.value if exam.status else "",
        visit_kind=exam.visit.kind.value if exam.visit and exam.visit.kind else "",
        emergency=bool(exam.is_emergency),
        requested_at=exam.order.requested_at if exam.order else None,
        performed_at=exam.examined_at,
        changed_at=exam.changed_at,
        exam_sealed=sealed,
        exam_content=content,
    )


def report_event(
    identifier: str,
    institution_id: str,
    hospital_code: str,
    report: Report,
    *,
    content: BlobRef,
    signature_package: BlobRef | None,
    document: BlobRef | None,
) -> ReportReceived | ReportVoided:
    """The event of an accepted report with the id ``identifier``; a withdrawn one says only that it is gone."""
    exam_ids = [exam_id_of(institution_id, number) for number in report.exam_numbers]
    if report.is_void:
        return ReportVoided(
            report_id=identifier,
            institution_id=institution_id,
            hospital_code=hospital_code,
            report_number=report.number,
            exam_ids=exam_ids,
            changed_at=report.changed_at,
        )
    return ReportReceived(
        report_id=identifier,
        institution_id=institution_id,
        hospital_code=hospital_code,
        report_number=report.number,
        exam_ids=exam_ids,
        status=report.status.value,
        content=content,
        signature_package=signature_package,
        document=document,
        document_url=(report.file.url if report.file else None) or "",
        audited_at=report.audited.at if report.audited else None,
        changed_at=report.changed_at,
    )
