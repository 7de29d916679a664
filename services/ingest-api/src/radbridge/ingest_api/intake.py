"""Accepting records: sealed, stored and announced in one transaction, or not at all.

Nothing here knows a dialect: the HTTP edge hands over prepared exams, and canonical reports that passed validation with
the digest of what was sent.
"""

import asyncio
from dataclasses import dataclass

import orjson

from radbridge.contracts.events.base import BlobRef, EventBody
from radbridge.contracts.model.exam import Exam
from radbridge.contracts.model.report import Report, ReportFile
from radbridge.contracts.model.serialization import to_json
from radbridge.contracts.model.value import changed
from radbridge.ingest_api.domain.arbitration import Outcome, outcome_of_refusal, outcome_of_stored
from radbridge.ingest_api.domain.interfaces import Interface
from radbridge.ingest_api.domain.publication import (
    report_event,
    report_id_of,
)
from radbridge.ingest_api.preparing import JSON, PreparedExam, prepared_exam
from radbridge.ingest_api.store import records
from radbridge.runtime.blob_ledger import BlobLedger
from radbridge.runtime.blobs.sealed import SealedBlobs
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, Transaction, Value
from radbridge.runtime.directory import Institution
from radbridge.runtime.outbox import Outbox
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.vault import Vault


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted push: the record's id and what became of the push."""

    record_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Push:
    """A report ready to be stored: its id, the values of ``records.SAVE_REPORT``, and the event that tells of it."""

    record_id: str
    values: tuple[Value, ...]
    event: EventBody
    objects: tuple[str, ...] = ()
    """Names of the objects that row and event name."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Accepts exams and reports of known hospitals."""

    database: Database
    outbox: Outbox
    keyring: Keyring
    vault: Vault
    blobs: SealedBlobs
    ledger: BlobLedger
    clock: Clock

    async def accept_exam(self, exam: PreparedExam) -> Accepted:
        """Store an exam and publish ``exam.registered`` (or ``exam.voided``) in one commit.

        :raises DatabaseUnavailable: nothing was stored; as ``OutcomeUnknown``, all of it or nothing.
        :raises BlobUnavailable: nothing was stored; the exam is too large for its event.
        """
        if exam.content is None:
            stored = await self.outbox.write_one(records.SAVE_EXAM, *exam.values, body=exam.event)
        else:
            stored = await self._accept_large_exam(exam)
        if stored is None:
            known = await self.database.read(lambda tx: records.exam_digest(tx, exam.exam_id))
            return Accepted(exam.exam_id, outcome_of_refusal(known, exam.digest))
        return Accepted(exam.exam_id, outcome_of_stored(stored))

    async def _accept_large_exam(self, exam: PreparedExam) -> int | None:
        async def store() -> None:
            await self._put_content(exam)

        async def commit(_: None, stored_anew: frozenset[str]) -> int | None:
            return await self.database.write(lambda tx: self._save_exam(tx, exam, stored_anew))

        return await self.ledger.keep(store, commit)

    async def _put_content(self, exam: PreparedExam) -> None:
        if exam.content is not None:
            await self.blobs.put(exam.content.institution_id, exam.content.data, JSON)

    async def _save_exam(self, tx: Transaction, exam: PreparedExam, stored_anew: frozenset[str]) -> int | None:
        """The event's version, or ``None`` where the stored push stands against it."""
        if not await tx.execute(records.SAVE_EXAM, *exam.values):
            return None
        if exam.content is not None:
            await self.ledger.name(tx, (exam.content.ref.name,), stored_anew=stored_anew)
        return (await self.outbox.publish(tx, exam.event)).version

    async def accept_report(
        self, institution: Institution, report: Report, document: bytes | None, document_type: str, digest: str
    ) -> Accepted:
        """Store a report and publish ``report.received`` (or ``report.voided``) in one commit.

        Content, signature package and document are durable, sealed blobs before the commit names them.

        :raises DatabaseUnavailable: nothing was stored; as ``OutcomeUnknown``, all of it or nothing.
        :raises BlobUnavailable: nothing was stored.
        """

        async def store() -> _Push:
            return await self._report_push(institution, report, document, document_type, digest, Interface.REPORT)

        async def commit(push: _Push, stored_anew: frozenset[str]) -> Accepted:
            outcome = await self.database.write(lambda tx: self._save_report(tx, push, stored_anew, digest))
            return Accepted(push.record_id, outcome)

        return await self.ledger.keep(store, commit)

    async def accept_both(
        self,
        institution: Institution,
        exam: Exam,
        report: Report,
        document: bytes | None,
        document_type: str,
        digest: str,
    ) -> Accepted:
        """Store an exam and its report, and publish both, in one commit; the answer is that of the report.

        :raises DatabaseUnavailable: nothing was stored; as ``OutcomeUnknown``, all of it or nothing.
        :raises BlobUnavailable: nothing was stored.
        """
        interface = Interface.EXAM_WITH_REPORT
        hospital = (institution.id, institution.code, institution.name)
        prepared = await asyncio.to_thread(
            prepared_exam, self.keyring, self.vault, hospital, exam, digest, self.clock(), interface
        )

        async def store() -> _Push:
            await self._put_content(prepared)
            return await self._report_push(institution, report, document, document_type, digest, interface)

        async def commit(report_push: _Push, stored_anew: frozenset[str]) -> Accepted:
            async def work(tx: Transaction) -> Outcome:
                await self._save_exam(tx, prepared, stored_anew)
                return await self._save_report(tx, report_push, stored_anew, digest)

            return Accepted(report_push.record_id, await self.database.write(work))

        return await self.ledger.keep(store, commit)

    async def _save_report(self, tx: Transaction, push: _Push, stored_anew: frozenset[str], digest: str) -> Outcome:
        if not await tx.execute(records.SAVE_REPORT, *push.values):
            return outcome_of_refusal(await records.report_digest(tx, push.record_id), digest)
        await self.ledger.name(tx, push.objects, stored_anew=stored_anew)
        return outcome_of_stored((await self.outbox.publish(tx, push.event)).version)

    async def _report_push(
        self,
        institution: Institution,
        report: Report,
        document: bytes | None,
        document_type: str,
        digest: str,
        interface: Interface,
    ) -> _Push:
        report_id = report_id_of(institution.id, report.number)
        content, package, file = await self._put_blobs(institution, report, document, document_type)
        event = report_event(
            report_id,
            institution.id,
            institution.code,
            report,
            content=content,
            signature_package=package,
            document=file,
        )
        objects = tuple(ref.name for ref in (content, package, file) if ref is not None)
        values = (
            report_id,
            institution.id,
            report.number,
            digest,
            to_micros(report.changed_at),
            to_micros(self.clock()),
            orjson.dumps(event.exam_ids).decode(),
            orjson.dumps(objects).decode(),
            interface.value,
        )
        return _Push(report_id, values, event, objects)

    async def _put_blobs(
        self, institution: Institution, report: Report, document: bytes | None, document_type: str
    ) -> tuple[BlobRef, BlobRef | None, BlobRef | None]:
        url = report.file.url if report.file else None
        bare = changed(report, signature=None, file=ReportFile(url=url) if url else None)
        content = await self.blobs.put(institution.id, to_json(bare), JSON)
        package = None
        if report.signature is not None:
            package = await self.blobs.put(institution.id, to_json(report.signature), JSON)
        file = None
        if document is not None:
            file = await self.blobs.put(institution.id, document, document_type)
        return content, package, file
