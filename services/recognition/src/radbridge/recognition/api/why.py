"""``radbridge why``: for each exam of a person, listed or why not."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from radbridge.contracts.identifiers import is_resident_id, normalize_resident_id, patient_record_id
from radbridge.contracts.model.codes import DocumentType
from radbridge.contracts.model.people import Patient
from radbridge.recognition import store
from radbridge.recognition.domain.listing import Reason, Scope
from radbridge.recognition.query import JudgedExam, judged_exams
from radbridge.recognition.settings import RecognitionSettings
from radbridge.runtime.database.protocol import Row, Transaction
from radbridge.runtime.security.hospital import institution_of
from radbridge.runtime.security.patient import document_index
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

Administrator = Annotated[Principal, Depends(require("admin", "operator"))]
_PATIENT_SYSTEMS = ("his", "pacs")


class WhyRequest(BaseModel):
    """Who is asked about. In a body, so that no number stands in an address."""

    hospital_code: str = Field(description="The hospital that asks")
    patient: str = Field(
        min_length=1, max_length=64, description="A resident ID number, or the hospital's own patient number"
    )


class WhyExam(BaseModel):
    """One exam of the person."""

    exam_id: str
    exam_number: str
    hospital_code: str
    item_code: str
    item_name: str
    moment: datetime
    listed: bool
    reason: Reason
    catalogues: list[str]
    reports: int = Field(description="Signed reports")
    images: bool


class WhyAnswer(BaseModel):
    """Every exam of the person, newest first."""

    exams: list[WhyExam]


def router(resources: Resources, settings: RecognitionSettings) -> APIRouter:
    """Route ``/api/recognition/v1/why``."""
    api = APIRouter(prefix="/api/recognition/v1", tags=["why"])

    @api.post("/why")
    async def why(request: WhyRequest, principal: Administrator) -> WhyAnswer:
        """Say of each exam of the person whether the hospital is reminded of it, or why not."""
        institution = institution_of(resources.directory, request.hospital_code)
        number = normalize_resident_id(request.patient)

        async def work(tx: Transaction) -> list[JudgedExam]:
            rows: list[Row] = []
            if is_resident_id(number):
                patient = Patient(document_type=DocumentType.RESIDENT_ID, document_number=number)
                index = document_index(resources.vault, patient)
                rows = await store.exams_of_document(tx, index) if index else []
            else:
                for system in _PATIENT_SYSTEMS:
                    record = patient_record_id(institution.id, system, request.patient.strip())
                    rows = rows or await store.exams_of_record(tx, record)
            return await judged_exams(tx, rows, Scope(window=settings.window), resources.clock())

        found = await resources.database.read(work)
        await resources.database.write(
            lambda tx: resources.audit.record(
                tx,
                actor=principal.actor,
                action="recognition.why",
                institution_id=institution.id,
                exam_ids=[exam.exam_id for exam in found],
            )
        )
        return WhyAnswer(exams=[_view(exam) for exam in found])

    return api


def _view(exam: JudgedExam) -> WhyExam:
    return WhyExam(
        exam_id=exam.exam_id,
        exam_number=exam.exam_number,
        hospital_code=exam.hospital_code,
        item_code=exam.item_code,
        item_name=exam.item_name,
        moment=exam.moment,
        listed=exam.reason is Reason.LISTED,
        reason=exam.reason,
        catalogues=sorted({item.catalogue for item in exam.items}),
        reports=len(exam.reports),
        images=bool(exam.stored_study_uids),
    )
