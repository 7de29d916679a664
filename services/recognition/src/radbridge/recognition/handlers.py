"""What ``recognition`` learns from the bus: exams, verdicts, people and images, as projections."""

from dataclasses import dataclass

from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned, ReportVoided
from radbridge.recognition import store
from radbridge.recognition.domain.listing import ReportState
from radbridge.runtime.blobs.sealed import SealedBlobs
from radbridge.runtime.consumer import ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.security.keyring import Keyring

GROUP = "recognition"


async def exam_registered(tx: Transaction, received: Received[ExamRegistered], prepared: object) -> None:
    """Project an exam."""
    await store.save_exam(tx, received.body)


async def exam_voided(tx: Transaction, received: Received[ExamVoided], prepared: object) -> None:
    """List the exam no more."""
    await store.void_exam(tx, received.body.exam_id)


async def report_received(tx: Transaction, received: Received[ReportReceived], prepared: object) -> None:
    """A changed report is not shown until it is judged."""
    await _save_untold(tx, received.body, ReportState.RECEIVED, received.version)


async def report_rejected(tx: Transaction, received: Received[ReportRejected], prepared: object) -> None:
    """The report is not shown."""
    await _save_untold(tx, received.body, ReportState.REJECTED, received.body.received_version)


async def report_voided(tx: Transaction, received: Received[ReportVoided], prepared: object) -> None:
    """The hospital withdrew the report."""
    await _save_untold(tx, received.body, ReportState.VOIDED, received.version)


async def _save_untold(
    tx: Transaction, body: ReportReceived | ReportRejected | ReportVoided, state: ReportState, received_version: int
) -> None:
    """A report in a state in which nobody reads its text."""
    await store.save_report(
        tx,
        report_id=body.report_id,
        institution_id=body.institution_id,
        report_number=body.report_number,
        exam_ids=body.exam_ids,
        state=state,
        received_version=received_version,
        content_sealed=None,
    )


async def patient_linked(tx: Transaction, received: Received[PatientLinked], prepared: object) -> None:
    """A record belongs to a person. Merges and splits say so of every record that moves."""
    body = received.body
    await store.link_record(tx, body.record_id, body.person_id, body.document_index)


async def images_stored(tx: Transaction, received: Received[ImagesStored], prepared: object) -> None:
    """A study can be looked at."""
    await store.save_images(tx, received.body)


@dataclass(frozen=True, slots=True)
class KeepSignedReports:
    """Handler of ``report.signed``: takes the text over, so that an answer at order time reads one database."""

    blobs: SealedBlobs
    keyring: Keyring

    async def prepare(self, received: Received[ReportSigned]) -> str:
        """The report's content, sealed again for this service's own row."""
        body = received.body
        content = await self.blobs.get(body.institution_id, body.content)
        return self.keyring.seal(body.institution_id, "patient", content, place=body.report_id)

    async def apply(self, tx: Transaction, received: Received[ReportSigned], content_sealed: str) -> None:
        """Project the verdict."""
        body = received.body
        await store.save_report(
            tx,
            report_id=body.report_id,
            institution_id=body.institution_id,
            report_number=body.report_number,
            exam_ids=body.exam_ids,
            state=ReportState.SIGNED,
            received_version=body.received_version,
            content_sealed=content_sealed,
        )


def consumer(blobs: SealedBlobs, keyring: Keyring) -> ConsumerSpec:
    """The event edge of the service."""
    signed = KeepSignedReports(blobs, keyring)
    return ConsumerSpec(
        GROUP,
        (
            On(ExamRegistered, exam_registered),
            On(ExamVoided, exam_voided),
            On(ReportReceived, report_received),
            On(ReportSigned, signed.apply, prepare=signed.prepare),
            On(ReportRejected, report_rejected),
            On(ReportVoided, report_voided),
            On(PatientLinked, patient_linked),
            On(ImagesStored, images_stored),
        ),
    )
