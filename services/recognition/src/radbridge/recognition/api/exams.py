"""What this service knows of an exam, for operators and other services: identifiers and states, nobody's name."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from radbridge.recognition import store
from radbridge.recognition.domain.listing import Reason, Scope
from radbridge.recognition.query import JudgedExam, judged_exams
from radbridge.recognition.settings import RecognitionSettings
from radbridge.runtime.audit import ReadTrail
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

Reader = Annotated[Principal, Depends(require("admin", "operator", "service"))]


class ExamView(BaseModel):
    """An exam as reminders see it."""

    exam_id: str
    exam_number: str
    hospital_code: str
    person_id: str | None
    item_code: str
    moment: datetime
    reason: Reason
    signed_reports: list[str]
    stored_study_uids: list[str]


def router(resources: Resources, settings: RecognitionSettings) -> APIRouter:
    """Route ``/api/recognition/v1/exams/{exam_id}``."""
    api = APIRouter(prefix="/api/recognition/v1", tags=["exams"])
    trail = ReadTrail(resources.audit, clock=resources.clock)

    @api.get("/exams/{exam_id}")
    async def exam(exam_id: str, reader: Reader) -> ExamView:
        """One exam and whether it is listed."""

        async def work(tx: Transaction) -> list[JudgedExam]:
            rows = await store.exam(tx, exam_id)
            return await judged_exams(tx, rows, Scope(window=settings.window), resources.clock())

        found = await resources.database.read(work)
        if not found:
            raise Problem(404, "No such exam", f"exam_id {exam_id} is not known here")
        judged = found[0]
        await trail.record(
            actor=reader.actor,
            action="recognition.exam",
            institution_id=judged.institution_id,
            exam_ids=[exam_id],
        )
        return ExamView(
            exam_id=judged.exam_id,
            exam_number=judged.exam_number,
            hospital_code=judged.hospital_code,
            person_id=judged.person_id,
            item_code=judged.item_code,
            moment=judged.moment,
            reason=judged.reason,
            signed_reports=[report.report_number for report in judged.reports],
            stored_study_uids=list(judged.stored_study_uids),
        )

    return api
