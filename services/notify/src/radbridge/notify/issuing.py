"""From a signed report and its exam to a patient's link and the messages that carry it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from radbridge.contracts.events.notification import NotificationIssued
from radbridge.contracts.identifiers import link_code_digest
from radbridge.contracts.model.people import Patient
from radbridge.notify.addresses import reach
from radbridge.notify.delivery_book import DeliveryBook
from radbridge.notify.domain.links import new_code
from radbridge.notify.domain.occasions import Addressee, OccasionRules, SignedReport, Told, notification_id
from radbridge.notify.domain.routing import ChannelPolicy, routes
from radbridge.notify.store import deliveries, notifications, sources
from radbridge.notify.store.notifications import StoredNotification
from radbridge.notify.store.sources import KnownExam, KnownReport
from radbridge.runtime.clock import Clock
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.directory import Directory
from radbridge.runtime.outbox import Outbox
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.patient import open_patient, phone_digits
from radbridge.runtime.telemetry.traces import current_traceparent

_PURPOSE = "patient"
_UNNAMED_HOSPITAL = "医院"
PATIENT_CORRECTED = "patient_corrected"


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

    async def consider(self, tx: Transaction, report_id: str, happened_at: datetime) -> None:
        """Tell the patient of a report, where it is known as signed, its exam is known, and it is news or somebody
        else was told. ``happened_at`` is the moment of the event that is the reason to ask.

        The caller holds the locks of the report and of the exam that changed.
        """
        report = await sources.live_report(tx, report_id)
        exams = await sources.live_exams(tx, report_id) if report else []
        if report is None or not exams:
            return
        earlier, newest = await notifications.told(tx, report_id)
        told = self._told(newest) if newest else None
        patients = [_addressee(exam.patient.record_id, open_patient(self.keyring, exam.patient)) for exam in exams]
        is_fresh = self.occasions.is_fresh(happened_at, self.clock())
        if is_fresh and self.occasions.is_corrected(patients, told, happened_at):
            for delivery_id in await deliveries.queued_of_report(tx, report_id):
                await self.book.suppress(tx, delivery_id, PATIENT_CORRECTED)
        elif not self._is_fresh_news(report, told):
            return
        await self._issue(tx, report, exams[0], earlier)

    def _is_fresh_news(self, report: KnownReport, told: Told | None) -> bool:
        signed = SignedReport(report.happened_at, report.content)
        return self.occasions.is_fresh(report.happened_at, self.clock()) and self.occasions.is_news(signed, told)

    def _told(self, newest: StoredNotification) -> Told:
        identity = Patient(name="")
        if newest.patient_sealed:
            opened = self.keyring.open(newest.patient_sealed, place=newest.notification_id)
            identity = Patient(**orjson.loads(opened))
        return Told(
            newest.issued_at,
            newest.content,
            _addressee(newest.record_id, identity),
            is_restored=newest.code_sealed is None,
        )

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
                code_digest=link_code_digest(code),
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


def _addressee(record_id: str | None, patient: Patient) -> Addressee:
    document = "".join((patient.document_number or "").split()).upper()
    return Addressee(record_id, document or None, phone_digits(patient.phone) or None)


def _identity(patient: Patient) -> bytes:
    """What ``portal`` asks the patient for, and shows."""
    return orjson.dumps({"name": patient.name, "document_number": patient.document_number, "phone": patient.phone})
