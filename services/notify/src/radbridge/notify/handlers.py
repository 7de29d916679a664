"""What ``notify`` learns from the bus: exams and signed reports, in whatever order they come."""

from dataclasses import dataclass

from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.report import ReportSigned, ReportVoided
from radbridge.notify.delivery_book import DeliveryBook
from radbridge.notify.issuing import Issuer
from radbridge.notify.store import deliveries, notifications, sources
from radbridge.runtime.consumer import ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Transaction

GROUP = "notify"
REPORT_VOIDED = "report_voided"
EXAM_VOIDED = "exam_voided"


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers. Exam and report have different keys and may be handled side by side: both handlers take the locks
    of both, exams first, so that one of them sees what the other stored."""

    issuer: Issuer
    book: DeliveryBook

    async def exam_registered(self, tx: Transaction, received: Received[ExamRegistered], prepared: object) -> None:
        """Keep the exam; tell of the reports that waited for it, or were told to somebody else."""
        exam_id = received.body.exam_id
        await tx.lock(_exam_lock(exam_id))
        await sources.save_exam(tx, received.body)
        for report_id in await sources.reports_about(tx, exam_id):
            await tx.lock(_report_lock(report_id))
            await self.issuer.consider(tx, report_id, received.time)

    async def exam_voided(self, tx: Transaction, received: Received[ExamVoided], prepared: object) -> None:
        """Send nothing more about the exam."""
        exam_id = received.body.exam_id
        await tx.lock(_exam_lock(exam_id))
        await sources.void_exam(tx, exam_id)
        for report_id in await sources.reports_about(tx, exam_id):
            await tx.lock(_report_lock(report_id))
            if not await sources.live_exams(tx, report_id):
                await self._withdraw(tx, report_id, EXAM_VOIDED)

    async def report_signed(self, tx: Transaction, received: Received[ReportSigned], prepared: object) -> None:
        """Keep the report; tell of it if its exam is known."""
        body = received.body
        await tx.lock(_report_lock(body.report_id), *(_exam_lock(exam_id) for exam_id in body.exam_ids))
        await sources.save_signed(tx, body, received.time)
        await self.issuer.consider(tx, body.report_id, received.time)

    async def report_voided(self, tx: Transaction, received: Received[ReportVoided], prepared: object) -> None:
        """Send nothing more about the report."""
        body = received.body
        await tx.lock(_report_lock(body.report_id))
        if await sources.void_report(tx, body.report_id, body.institution_id, received.version):
            await self._withdraw(tx, body.report_id, REPORT_VOIDED)

    async def _withdraw(self, tx: Transaction, report_id: str, why: str) -> None:
        for delivery_id in await deliveries.queued_of_report(tx, report_id):
            await self.book.suppress(tx, delivery_id, why)
        await notifications.withdraw_unsent(tx, report_id)


def consumer(handlers: Handlers) -> ConsumerSpec:
    """The event edge of the service."""
    return ConsumerSpec(
        GROUP,
        (
            On(ExamRegistered, handlers.exam_registered),
            On(ExamVoided, handlers.exam_voided),
            On(ReportSigned, handlers.report_signed),
            On(ReportVoided, handlers.report_voided),
        ),
    )


def _exam_lock(exam_id: str) -> str:
    return f"exam:{exam_id}"


def _report_lock(report_id: str) -> str:
    return f"report:{report_id}"
