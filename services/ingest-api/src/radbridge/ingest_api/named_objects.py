"""What the sweeper of this service has to know: where its objects lie, and which of them events of the past name.

Commits record the names themselves. The log knows them too: from before they were recorded, and from what was committed
after the backup that this database was restored from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from radbridge.contracts.envelope import EnvelopeError, from_headers
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.report import ReportReceived
from radbridge.runtime.blob_ledger import BlobLedger
from radbridge.runtime.bus.protocol import EventLog, Record
from radbridge.runtime.database.protocol import Database, Transaction

B = TypeVar("B", bound=EventBody)

_PAGE = 500
_MARK_OF_LARGE_EXAM = b'"exam_content":{'  # spares reading the others
_READ_SO_FAR = "SELECT partition_number, log_offset FROM {}"
_NOTE_READ = """
    INSERT INTO {} (partition_number, log_offset) VALUES ($1, $2)
    ON CONFLICT (partition_number) DO UPDATE SET log_offset = excluded.log_offset"""


@dataclass(frozen=True, slots=True)
class NamedObjects:
    """Report content, signature packages and documents, and large exams, of this service's institutions."""

    log: EventLog
    database: Database
    ledger: BlobLedger

    async def prefixes(self) -> Sequence[str]:
        """Where the institutions' objects lie."""
        rows = await self.database.fetch("SELECT institution_id FROM institution ORDER BY institution_id")
        return [f"{row['institution_id']}/" for row in rows]

    async def recall(self) -> None:
        """Read on in the log, to its end, and record what its events name.

        :raises BusError: the log is away; what was read is kept.
        """
        await self._recall(ReportReceived.TOPIC, "report_log_read", _names_of_report)
        await self._recall(ExamRegistered.TOPIC, "exam_log_read", _names_of_exam)

    async def _recall(self, topic: str, table: str, names_of: Callable[[Record], list[str]]) -> None:
        rows = await self.database.fetch(_READ_SO_FAR.format(table))
        after: dict[int, int] = {row["partition_number"]: row["log_offset"] for row in rows}
        while page := await self.log.read(topic, after=after, limit=_PAGE):
            after.update({record.partition: record.offset for record in page})
            await self._record([name for record in page for name in names_of(record)], after, table)

    async def _record(self, names: Sequence[str], after: dict[int, int], table: str) -> None:
        async def work(tx: Transaction) -> None:
            await self.ledger.remember(tx, names)
            await tx.execute_many(_NOTE_READ.format(table), list(after.items()))

        await self.database.write(work)


def _names_of_report(record: Record) -> list[str]:
    body = _body(record, ReportReceived)
    refs = (body.content, body.signature_package, body.document) if body else ()
    return [ref.name for ref in refs if ref is not None]


def _names_of_exam(record: Record) -> list[str]:
    body = _body(record, ExamRegistered) if _MARK_OF_LARGE_EXAM in record.value else None
    return [body.exam_content.name] if body and body.exam_content else []


def _body(record: Record, kind: type[B]) -> B | None:
    """``None`` where it is of another kind, or no consumer could read it either."""
    try:
        event = from_headers(record.headers, record.value)
        return kind.model_validate_json(event.data) if event.type == kind.event_type() else None
    except (EnvelopeError, ValidationError):
        return None
