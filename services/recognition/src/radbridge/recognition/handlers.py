"""What ``recognition`` learns from the bus: exams, verdicts, people and images, as projections."""

from dataclasses import dataclass
from functools import partial

from radbridge.contracts.events.base import BlobRef
from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned, ReportVoided
from radbridge.recognition import store
from radbridge.recognition.domain.listing import ReportState
from radbridge.runtime.blobs.sealed import SealedBlobs
from radbridge.runtime.body import offload
from radbridge.runtime.consumer import ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.security.keyring import Keyring

GROUP = "recognition"


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
class Contents:
    """Takes objects over, so that an answer at order time reads one database."""

    blobs: SealedBlobs
    keyring: Keyring

    async def resealed(self, institution_id: str, ref: BlobRef, *, place: str) -> str:
        """The object's bytes, sealed again for this service's own row."""
        content = await self.blobs.get(institution_id, ref)
        return await offload(partial(self.keyring.seal, institution_id, "patient", content, place=place), len(content))


@dataclass(frozen=True, slots=True)
class KeepExams:
    """Handler of ``exam.registered``: a large exam is an object, any other stands in the event."""

    contents: Contents

    async def prepare(self, received: Received[ExamRegistered]) -> str | None:
        """A large exam, sealed."""
        body = received.body
        if body.exam_content is None:
            return None
        return await self.contents.resealed(body.institution_id, body.exam_content, place=body.exam_id)

    async def apply(self, tx: Transaction, received: Received[ExamRegistered], sealed: str | None) -> None:
        """Project an exam."""
        await store.save_exam(tx, received.body, sealed or received.body.exam_sealed)


@dataclass(frozen=True, slots=True)
class KeepSignedReports:
    """Handler of ``report.signed``."""

    contents: Contents

    async def prepare(self, received: Received[ReportSigned]) -> str:
        """The report's content, sealed again for this service's own row."""
        body = received.body
        return await self.contents.resealed(body.institution_id, body.content, place=body.report_id)

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


def _is_large(received: Received[ExamRegistered]) -> bool:
    return received.body.exam_content is not None


def consumer(blobs: SealedBlobs, keyring: Keyring) -> ConsumerSpec:
    """The event edge of the service."""
    contents = Contents(blobs, keyring)
    exams, signed = KeepExams(contents), KeepSignedReports(contents)
    return ConsumerSpec(
        GROUP,
        (
            On(ExamRegistered, exams.apply, prepare=exams.prepare, prepare_when=_is_large),
            On(ExamVoided, exam_voided),
            On(ReportReceived, report_received),
            On(ReportSigned, signed.apply, prepare=signed.prepare),
            On(ReportRejected, report_rejected),
            On(ReportVoided, report_voided),
            On(PatientLinked, patient_linked),
            On(ImagesStored, images_stored),
        ),
    )
