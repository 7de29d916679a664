"""The institution directory in a service's own database, so that the service can start while the log is away.

A row is an institution's newest event, headers and body exactly as the log holds them: what is sealed there is sealed
here. The copy is first written once the end of the topic was reached, in one transaction, and follows in the
background: there is none, or it is whole and as old as the last change that this database was told of. All processes of
a service write it; only newer versions replace, so they do not disturb one another. What the copy holds and the topic
does not goes: then the topic was made anew. Only the topic itself tells that: a process may know less than the copy,
because it is behind another one, or because it cannot read what a newer release wrote.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from radbridge.contracts.envelope import EnvelopeError, from_headers
from radbridge.contracts.events.institution import InstitutionUpdated
from radbridge.runtime.bus.protocol import BusError, EventLog, Record
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
_DELETE = "DELETE FROM institution_copy WHERE institution_id = $1 AND version = $2 AND log_offset = $3"

_log = logging.getLogger(__name__)


class DirectoryCopy:
    """One service's copy of the directory: ``load`` at the start, then ``run`` beside the service."""

    def __init__(self, directory: Directory, database: Database, log: EventLog) -> None:
        self._directory = directory
        self._database = database
        self._log = log
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
        """Write what changes, for ever, once the directory has caught up; waits while database or log are away."""
        await self._directory.caught_up()
        foreign: list[Row] | None = None
        while True:
            version = self._directory.version
            try:
                if foreign is None:
                    foreign = await self._foreign()
                await self._save(self._directory.records(), foreign)
            except (BusError, DatabaseUnavailable):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            foreign = []
            await self._directory.wait_for_change(version)
            await asyncio.sleep(_GATHER_SECONDS)

    async def _foreign(self) -> list[Row]:
        """Rows that the topic does not hold, and nothing that came after them."""
        rows = await self._database.fetch(_LOAD)
        known = _Content()
        for record in self._directory.records():
            known.add(record)
        foreign = [row for row in rows if not known.accounts_for(row)]
        if foreign:
            # read after the rows, so that it holds all that they were made of
            content = await self._content()
            foreign = [row for row in foreign if not content.accounts_for(row)]
        if foreign:
            _log.warning("the institution topic was made anew, and so is its copy")
        self._saved = {row["institution_id"]: row["version"] for row in rows}
        for row in foreign:
            del self._saved[row["institution_id"]]
        return foreign

    async def _content(self) -> "_Content":
        content = _Content()
        after: dict[int, int] = {}
        while page := await self._log.read(InstitutionUpdated.TOPIC, after=after):
            for record in page:
                content.add(record)
                after[record.partition] = record.offset
        return content

    async def _save(self, records: Sequence[Record], foreign: Sequence[Row] = ()) -> None:
        versions = {record.key: _version(record) for record in records}
        changed = [record for record in records if self._saved.get(record.key) != versions[record.key]]
        if not changed and not foreign:
            return

        async def work(tx: Transaction) -> None:
            # as they were seen: what another process has put in their place since then stays
            gone = [(row["institution_id"], row["version"], row["log_offset"]) for row in foreign]
            await tx.execute_many(_DELETE, gone)
            await tx.execute_many(_SAVE, [_row(record, versions[record.key]) for record in changed])

        await self._database.write(work)
        self._saved = versions


@dataclass(frozen=True, slots=True)
class _Content:
    """What a topic says of each institution."""

    newest: dict[str, tuple[int, bytes]] = field(default_factory=dict[str, tuple[int, bytes]])
    """Version and body."""
    unreadable: dict[str, int] = field(default_factory=dict[str, int])
    """Offset of the last record whose version cannot be told."""

    def add(self, record: Record) -> None:
        """Take a record into account; those of an institution in the order of the log."""
        try:
            version = _version(record)
        except EnvelopeError:
            self.unreadable[record.key] = record.offset
            return
        if record.key not in self.newest or self.newest[record.key][0] < version:
            self.newest[record.key] = (version, record.value)

    def accounts_for(self, row: Row) -> bool:
        """Whether the row is its newest record, or older, or may be."""
        institution_id: str = row["institution_id"]
        if self.unreadable.get(institution_id, -1) >= row["log_offset"]:
            return True
        version, body = self.newest.get(institution_id, (-1, b""))
        return version > row["version"] or (version == row["version"] and body == row["body"])


def _version(record: Record) -> int:
    """
    :raises EnvelopeError: the record does not tell it.
    """
    return from_headers(record.headers, record.value).version


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
