"""Answering a doctor at order time: every listed exam with its report, and what was shown written down."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from radbridge.contracts.events.recognition import ExamReminded
from radbridge.contracts.identifiers import new_id
from radbridge.contracts.model.exam import Exam
from radbridge.contracts.model.recognition import CatalogueCode, OfferedStudy, StudiesQuery
from radbridge.contracts.model.report import Report, ReportStep
from radbridge.contracts.model.serialization import from_json
from radbridge.recognition import store
from radbridge.recognition.domain.listing import Reason, Scope
from radbridge.recognition.query import JudgedExam, ListedReport, judged_exams
from radbridge.runtime.audit import Audit
from radbridge.runtime.body import offload
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, Transaction
from radbridge.runtime.directory import Institution
from radbridge.runtime.outbox import Outbox
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.links import LinkSigner, ViewGrant
from radbridge.runtime.security.patient import document_index
from radbridge.runtime.security.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminders:
    """Finds what an asking hospital is reminded of."""

    database: Database
    outbox: Outbox
    audit: Audit
    vault: Vault
    keyring: Keyring
    links: LinkSigner
    clock: Clock
    window: timedelta
    view_valid: timedelta
    base_url: str

    async def remind(self, institution: Institution, query: StudiesQuery) -> list[OfferedStudy]:
        """One offer per signed report of each listed exam, newest first; the reminder and the access are recorded in
        one commit before the answer leaves.

        :raises DatabaseUnavailable: nothing can be said.
        """
        index = document_index(self.vault, query.patient)
        now = self.clock()

        async def find(tx: Transaction) -> list[JudgedExam]:
            since = to_micros(now - self.window)
            rows = await store.exams_of_document(tx, index, since=since) if index else []
            return await judged_exams(tx, rows, Scope(window=self.window), now)

        listed = [exam for exam in await self.database.read(find) if exam.reason is Reason.LISTED]
        size = sum(len(exam.exam_sealed) + len(report.content_sealed) for exam in listed for report in exam.reports)
        offers = await offload(self._offers, size, institution, listed)

        async def record(tx: Transaction) -> None:
            person_id = next((exam.person_id for exam in listed if exam.person_id), None)
            exam_ids = [exam.exam_id for exam in listed]
            if listed:
                await self.outbox.publish(
                    tx,
                    ExamReminded(
                        reminder_id=new_id(),
                        person_id=person_id,
                        asking_institution_id=institution.id,
                        asking_hospital_code=institution.code,
                        request_number=query.request_number,
                        exam_ids=exam_ids,
                        report_ids=list(offers),
                        reminded_at=now,
                    ),
                    version=1,
                )
            await self.audit.record(
                tx,
                actor=f"hospital:{institution.code}",
                action="recognition.query",
                institution_id=institution.id,
                person_id=person_id,
                exam_ids=exam_ids,
            )

        await self.database.write(record)
        return list(offers.values())

    def _offers(self, institution: Institution, listed: list[JudgedExam]) -> dict[str, OfferedStudy]:
        """By report id; a report on several exams is offered with the newest."""
        offers: dict[str, OfferedStudy] = {}
        for exam in listed:
            for report in exam.reports:
                if report.report_id not in offers:
                    offers[report.report_id] = self._offer(institution, exam, report)
        return offers

    def _offer(self, institution: Institution, judged: JudgedExam, listed: ListedReport) -> OfferedStudy:
        exam = from_json(Exam, self.keyring.open(judged.exam_sealed, place=judged.exam_id))
        report = from_json(Report, self.keyring.open(listed.content_sealed, place=listed.report_id))
        visit, order, clinical = exam.visit, exam.order, exam.clinical
        return OfferedStudy(
            study_uuid=listed.report_id,
            report_id=listed.report_number,
            patient=exam.patient,
            hospital_code=judged.hospital_code,
            items=tuple(CatalogueCode(code=item.code, name=item.name) for item in judged.items),
            item_name=judged.item_name,
            study_instance_uid=next(iter(judged.stored_study_uids or judged.study_uids), None),
            modality=judged.modality or None,
            findings=report.findings,
            impression=report.impression,
            view_url=self._view_url(institution, judged, listed),
            scopes=(exam.recognition_mark,) if exam.recognition_mark else (),
            visit_kind=visit.kind if visit else None,
            visit_number=exam.patient.outpatient_number or exam.patient.inpatient_number,
            request_number=order.request_number if order else None,
            ward=visit.ward_name if visit else None,
            room=visit.room if visit else None,
            bed=visit.bed if visit else None,
            requesting_department=order.department.name if order and order.department else None,
            requested_at=order.requested_at if order else None,
            requesting_doctor=order.doctor.name if order and order.doctor else None,
            chief_complaint=clinical.chief_complaint if clinical else None,
            clinical_diagnosis=clinical.clinical_diagnosis if clinical else None,
            body_part=judged.body_part or None,
            examined_at=judged.performed_at,
            reported_at=_at(report.written),
            report_doctor=_doctor(report.written),
            audited_at=_at(report.audited),
            audit_doctor=_doctor(report.audited),
        )

    def _view_url(self, institution: Institution, judged: JudgedExam, listed: ListedReport) -> str:
        grant = ViewGrant(
            actor=f"hospital:{institution.code}",
            purpose="recognition",
            institution_id=judged.institution_id,
            study_uids=judged.stored_study_uids,
            exam_id=judged.exam_id,
            report_id=listed.report_id,
        )
        return f"{self.base_url}/view?{urlencode({'token': self.links.issue(grant, self.view_valid)})}"


def _at(step: ReportStep | None) -> datetime | None:
    return step.at if step else None


def _doctor(step: ReportStep | None) -> str | None:
    return step.doctor.name if step and step.doctor else None
