"""What the sweeper of this service has to know: where its objects lie, and which of them events of the past name.

Commits record the names themselves. The log knows them too: from before they were recorded, and from what was committed
after the backup that this database was restored from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from radbridge.contracts.envelope import EnvelopeError, from_headers
from radbridge.contracts.events.report import ReportReceived
from radbridge.runtime.blob_ledger import BlobLedger
from radbridge.runtime.bus.protocol import EventLog, Record
from radbridge.runtime.database.protocol import Database, Transaction

_PAGE = 500
_READ_SO_FAR = "SELECT partition_number, log_offset FROM report_log_read"
_NOTE_READ = """
    INSERT INTO report_log_read (partition_number, log_offset) VALUES ($1, $2)
    ON CONFLICT (partition_number) DO UPDATE SET log_offset = excluded.log_offset"""


@dataclass(frozen=True, slots=True)
class NamedObjects:
    """Report content, signature packages and documents of this service's institutions."""

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
        rows = await self.database.fetch(_READ_SO_FAR)
        after: dict[int, int] = {row["partition_number"]: row["log_offset"] for row in rows}
        while page := await self.log.read(ReportReceived.TOPIC, after=after, limit=_PAGE):
            after.update({record.partition: record.offset for record in page})
            await self._record([name for record in page for name in _names(record)], after)

    async def _record(self, names: Sequence[str], after: dict[int, int]) -> None:
        async def work(tx: Transaction) -> None:
            await self.ledger.remember(tx, names)
            await tx.execute_many(_NOTE_READ, list(after.items()))

        await self.database.write(work)


def _names(record: Record) -> list[str]:
    """Nothing where no consumer could read it either."""
    try:
        event = from_headers(record.headers, record.value)
        if event.type != ReportReceived.event_type():
            return []
        body = ReportReceived.model_validate_json(event.data)
    except (EnvelopeError, ValidationError):
        return []
    return [ref.name for ref in (body.content, body.signature_package, body.document) if ref is not None]
