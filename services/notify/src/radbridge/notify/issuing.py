"""From a signed report and its exam to a patient's link and the messages that carry it."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson

from radbridge.contracts.events.notification import NotificationIssued
from radbridge.contracts.model.people import Patient
from radbridge.notify.addresses import reach
from radbridge.notify.delivery_book import DeliveryBook
from radbridge.notify.domain.links import code_digest, new_code
from radbridge.notify.domain.occasions import OccasionRules, SignedReport, notification_id
from radbridge.notify.domain.routing import ChannelPolicy, routes
from radbridge.notify.store import notifications, sources
from radbridge.notify.store.notifications import StoredNotification
from radbridge.notify.store.sources import KnownExam, KnownReport
from radbridge.runtime.clock import Clock
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.directory import Directory
from radbridge.runtime.outbox import Outbox
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.patient import open_patient
from radbridge.runtime.telemetry.traces import current_traceparent

_PURPOSE = "patient"
_UNNAMED_HOSPITAL = "医院"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Decides whether a report is told, and to whom."""

    book: DeliveryBook
    outbox: Outbox
    keyring: Keyring
    directory: Directory
    clock: Clock
    occasions: OccasionRules
    policy: ChannelPolicy
    link_valid: timedelta

    async def consider(self, tx: Transaction, report_id: str) -> None:
        """Tell the patient of a report, where it is known as signed, its exam is known, and it is news.

        The caller holds the locks of the report and of the exam that changed.
        """
        report = await sources.live_report(tx, report_id)
        if report is None or not self.occasions.is_fresh(report.happened_at, self.clock()):
            return
        earlier, told = await notifications.told(tx, report_id)
        if not self.occasions.is_news(SignedReport(report.happened_at, report.content), told):
            return
        exams = await sources.live_exams(tx, report_id)
        if exams:
            await self._issue(tx, report, exams[0], earlier)

    async def _issue(self, tx: Transaction, report: KnownReport, exam: KnownExam, earlier: int) -> None:
        new_id = str(notification_id(UUID(report.report_id), earlier))
        patient = open_patient(self.keyring, exam.patient)
        code = new_code()
        issued_at = self.clock()
        told = StoredNotification(
            notification_id=new_id,
            report_id=report.report_id,
            institution_id=report.institution_id,
            exam_ids=await sources.exam_ids(tx, report.report_id),
            content=report.content,
            hospital_name=self._hospital_name(report, exam),
            record_id=exam.patient.record_id,
            phone_index=exam.patient.phone_index,
            patient_sealed=self._seal(report.institution_id, new_id, _identity(patient)),
            code_sealed=self._seal(report.institution_id, new_id, code.encode()),
            reported_at=report.reported_at,
            issued_at=issued_at,
            expires_at=issued_at + self.link_valid,
        )
        if not await notifications.add(tx, told):
            return
        found = await reach(tx, self.keyring, report.institution_id, patient, exam.patient)
        if not found.hops:
            await self.book.open_suppressed(tx, told, found.refused_channel, found.refusal)
            return
        await self._publish(tx, told, code)
        for route in routes(self.policy, found.hops):
            await self.book.open(tx, told, [found.hops[channel] for channel in route], current_traceparent())

    async def _publish(self, tx: Transaction, told: StoredNotification, code: str) -> None:
        institution = self.directory.by_id(told.institution_id)
        await self.outbox.publish(
            tx,
            NotificationIssued(
                notification_id=told.notification_id,
                report_id=told.report_id,
                exam_ids=told.exam_ids,
                institution_id=told.institution_id,
                code_digest=code_digest(code),
                patient_sealed=told.patient_sealed or "",
                hospital_phone=institution.service_phone if institution else "",
                issued_at=told.issued_at,
                expires_at=told.expires_at,
            ),
        )

    def _hospital_name(self, report: KnownReport, exam: KnownExam) -> str:
        institution = self.directory.by_id(report.institution_id)
        return exam.hospital_name or (institution.name if institution else "") or _UNNAMED_HOSPITAL

    def _seal(self, institution_id: str, place: str, clear: bytes) -> str:
        return self.keyring.seal(institution_id, _PURPOSE, clear, place=place)


def _identity(patient: Patient) -> bytes:
    """What ``portal`` asks the patient for, and shows."""
    return orjson.dumps({"name": patient.name, "document_number": patient.document_number, "phone": patient.phone})
