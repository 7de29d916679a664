"""A new database learns from this service's own events what was told already.

Notifications and deliveries are facts: when the database is lost and other services' events are handled again, patients
must not be told again. So facts are restored before the first event is handled. What is restored is never sent, asked
about or changed; codes and addresses are in no event and stay lost, the links themselves live in ``portal``.
"""

from dataclasses import dataclass

from radbridge.contracts.envelope import from_headers
from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.notify.store import restored
from radbridge.runtime.bus.protocol import EventLog, Record
from radbridge.runtime.clock import Clock
from radbridge.runtime.database.protocol import Database, Transaction

TOPIC = NotificationIssued.TOPIC


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores once per database. Replicas that start together may all do so: restoring twice changes nothing."""

    log: EventLog
    database: Database
    clock: Clock

    async def run(self) -> None:
        """Read the topic to its end, unless this database did so before.

        :raises BusError: the log is away; what was read is kept, and the next call begins again.
        """
        if await self.database.read(lambda tx: restored.is_done(tx, TOPIC)):
            return
        after: dict[int, int] = {}
        while records := await self.log.read(TOPIC, after=after):
            for record in records:
                after[record.partition] = max(after.get(record.partition, -1), record.offset)
            batch = [body for record in records if (body := _body(record)) is not None]
            await self._keep(batch)
        await self.database.write(lambda tx: restored.note_done(tx, TOPIC, self.clock()))

    async def _keep(self, batch: list[NotificationIssued | NotificationDelivered]) -> None:
        async def work(tx: Transaction) -> None:
            for body in batch:
                if isinstance(body, NotificationIssued):
                    await restored.issued(tx, body)
                else:
                    await restored.delivered(tx, body)

        await self.database.write(work)


def _body(record: Record) -> NotificationIssued | NotificationDelivered | None:
    event = from_headers(record.headers, record.value)
    for kind in (NotificationIssued, NotificationDelivered):
        if event.type == kind.event_type():
            return kind.model_validate_json(event.data)
    return None
