"""The institution directory in a service's own database, so that the service can start while the log is away.

A row is an institution's newest event, headers and body exactly as the log holds them: what is sealed there is sealed
here. The copy is first written once the end of the topic was reached, in one transaction, and follows in the
background: there is none, or it is whole and as old as the last change that this database was told of. All processes of
a service write it; only newer versions replace, so they do not disturb one another.
"""

import asyncio
import logging
from collections.abc import Sequence

import orjson

from radbridge.contracts.envelope import from_headers
from radbridge.contracts.events.institution import InstitutionUpdated
from radbridge.runtime.bus.protocol import Record
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, Row, Transaction, Value
from radbridge.runtime.directory import Directory

_GATHER_SECONDS = 0.5
"""Changes that come close together are written together."""
_RETRY_SECONDS = 1.0

_LOAD = "SELECT institution_id, version, log_offset, headers, body FROM institution_copy ORDER BY log_offset"
_SAVE = """
    INSERT INTO institution_copy (institution_id, version, log_offset, headers, body) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (institution_id) DO UPDATE SET
        version = excluded.version, log_offset = excluded.log_offset, headers = excluded.headers, body = excluded.body
    WHERE institution_copy.version < excluded.version"""
_CLEAR = "DELETE FROM institution_copy"

_log = logging.getLogger(__name__)


class DirectoryCopy:
    """One service's copy of the directory: ``load`` at the start, then ``run`` beside the service."""

    def __init__(self, directory: Directory, database: Database) -> None:
        self._directory = directory
        self._database = database
        self._saved: dict[str, int] = {}
        """Version of each institution that the database is known to hold."""

    async def load(self) -> bool:
        """Let the directory know what the copy holds; answers whether there is one.

        :raises DatabaseUnavailable: the database is away.
        """
        rows = await self._database.fetch(_LOAD)
        self._saved = {row["institution_id"]: row["version"] for row in rows}
        await self._directory.restore([_record(row) for row in rows])
        return bool(rows)

    async def run(self) -> None:
        """Write what changes, for ever, once the directory has caught up; waits while the database is away."""
        await self._directory.caught_up()
        while True:
            version = self._directory.version
            try:
                await self._save(self._directory.records())
            except DatabaseUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await self._directory.wait_for_change(version)
            await asyncio.sleep(_GATHER_SECONDS)

    async def _save(self, records: Sequence[Record]) -> None:
        versions = {record.key: from_headers(record.headers, record.value).version for record in records}
        anew = any(versions.get(institution_id, -1) < saved for institution_id, saved in self._saved.items())
        if anew:
            # the topic is never shortened: what it held when the copy was made, this one would hold too
            _log.warning("the institution topic was made anew, and so is its copy")
        changed = [record for record in records if anew or self._saved.get(record.key) != versions[record.key]]
        if not changed and not anew:
            return

        async def work(tx: Transaction) -> None:
            if anew:
                await tx.execute(_CLEAR)
            await tx.execute_many(_SAVE, [_row(record, versions[record.key]) for record in changed])

        await self._database.write(work)
        self._saved = versions


def _row(record: Record, version: int) -> tuple[Value, ...]:
    headers = orjson.dumps([[name, value.decode("latin-1")] for name, value in record.headers]).decode()
    return (record.key, version, record.offset, headers, record.value)


def _record(row: Row) -> Record:
    headers: list[tuple[str, str]] = orjson.loads(row["headers"])
    return Record(
        topic=InstitutionUpdated.TOPIC,
        partition=0,
        offset=row["log_offset"],
        key=row["institution_id"],
        value=row["body"],
        headers=tuple((name, value.encode("latin-1")) for name, value in headers),
    )
