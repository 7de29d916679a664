"""A new database learns from its service's own events what the service decided before.

Facts of a service's own (what was told, marked, mapped) lie in its database and on its topic. When the database is
lost, they are restored before the first event or request is handled, and nothing is decided or sent again. The versions
of the aggregates are restored with them: an event that is published next follows the last one, so it is not taken for a
repeat.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from radbridge.contracts.envelope import Event, from_headers
from radbridge.runtime.bus.protocol import EventLog
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, Transaction

_IS_DONE = "SELECT 1 AS one FROM restored WHERE topic = $1"
_NOTE_DONE = "INSERT INTO restored (topic, restored_at) VALUES ($1, $2) ON CONFLICT (topic) DO NOTHING"
_RAISE_VERSION = """
    INSERT INTO aggregate_version (subject, version) VALUES ($1, $2)
    ON CONFLICT (subject) DO UPDATE SET version = excluded.version
    WHERE aggregate_version.version < excluded.version"""


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores once per database. Replicas that start together may all do so: restoring twice changes nothing.

    The service's migrations make the table ``restored (topic, restored_at)``.
    """

    log: EventLog
    database: Database
    clock: Clock
    topic: str
    """A topic that this service alone writes."""
    keep: Callable[[Transaction, Sequence[Event]], Awaitable[None]]
    """Stores what the events say. A key's events come in order, some perhaps again."""

    async def run(self) -> None:
        """Read the topic to its end, unless this database did so before.

        :raises BusError: the log is away; what was read is kept, and the next call begins again.
        """
        if await self.database.read(lambda tx: tx.fetch_one(_IS_DONE, self.topic)) is not None:
            return
        after: dict[int, int] = {}
        while records := await self.log.read(self.topic, after=after):
            for record in records:
                after[record.partition] = max(after.get(record.partition, -1), record.offset)
            await self._keep([from_headers(record.headers, record.value) for record in records])
        await self.database.write(lambda tx: tx.execute(_NOTE_DONE, self.topic, to_micros(self.clock())))

    async def _keep(self, events: Sequence[Event]) -> None:
        async def work(tx: Transaction) -> None:
            await tx.execute_many(_RAISE_VERSION, [(event.subject, event.version) for event in events])
            await self.keep(tx, events)

        await self.database.write(work)
