"""Recording what doctors decided about the exams they were shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from radbridge.contracts.events.recognition import ExamMarked
from radbridge.contracts.identifiers import mark_id
from radbridge.contracts.model.codes import MarkDecision
from radbridge.contracts.model.recognition import Mark
from radbridge.recognition import store
from radbridge.recognition.domain.listing import ReportState
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, Row, Transaction
from radbridge.runtime.directory import Directory, Institution
from radbridge.runtime.outbox import Outbox


class UnknownStudyError(LookupError):
    """A mark names a study that is not offered: unknown, another hospital's, or without a standing signature. Nothing
    of the request was recorded."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Records marks: a second one of the same hospital on the same report updates the first."""

    database: Database
    outbox: Outbox
    directory: Directory
    clock: Clock

    async def record(self, institution: Institution, study_uuid: str, marks: Sequence[Mark]) -> None:
        """Record all marks of a request, or none. ``study_uuid`` names the study that was offered; a mark that names
        another report of its origin hospital is recorded for that one. A mark in the shape of 502 names no report and
        means the study of the path.

        :raises UnknownStudyError: the study, or the report that a mark names, is not offered, or its exam took place
            in another hospital than the mark says.
        :raises DatabaseUnavailable: nothing was recorded.
        """

        async def work(tx: Transaction) -> None:
            offered = await store.report(tx, study_uuid)
            if offered is None:
                raise UnknownStudyError
            found = [(mark, await self._named_report(tx, mark, offered)) for mark in marks]
            await tx.lock(*(f"mark:{mark_id(institution.id, row['report_id'])}" for _, row in found))
            for mark, row in found:
                await self._save(tx, institution, mark, row)

        await self.database.write(work)

    async def _named_report(self, tx: Transaction, mark: Mark, offered: Row) -> Row:
        origin = self.directory.by_code(mark.origin_hospital_code)
        if origin is None:
            raise UnknownStudyError
        number = mark.report_id or offered["report_number"]
        is_of_path = (origin.id, number) == (offered["institution_id"], offered["report_number"])
        named = offered if is_of_path else None
        if not is_of_path and mark.report_id:
            named = await store.report_of_number(tx, origin.id, mark.report_id)
        if named is None or named["state"] != ReportState.SIGNED:
            raise UnknownStudyError
        return named

    async def _save(self, tx: Transaction, institution: Institution, mark: Mark, row: Row) -> None:
        identifier = mark_id(institution.id, row["report_id"])
        recognised = mark.decision is MarkDecision.RECOGNISED
        now = self.clock()
        await store.save_mark(
            tx,
            mark_id=identifier,
            asking_institution_id=institution.id,
            report_id=row["report_id"],
            exam_id=row["exam_id"],
            recognised=recognised,
            reason_code=mark.reason_code or "",
            marked_at=to_micros(now),
        )
        await self.outbox.publish(
            tx,
            ExamMarked(
                mark_id=identifier,
                exam_id=row["exam_id"],
                report_id=row["report_id"],
                asking_institution_id=institution.id,
                asking_hospital_code=institution.code,
                recognised=recognised,
                reason_code=mark.reason_code or "",
                marked_at=now,
            ),
        )
