"""What tests of the event log share."""

import asyncio
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from radbridge.contracts.topics import Retention, Topic
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.bus.protocol import EventLog, Message, Partition, Record, Subscription


@dataclass
class Backend:
    """A place where event logs can be opened; what it opened it closes."""

    kind: str
    url: str
    opened: list[EventLog] = field(default_factory=list)

    def open(self) -> EventLog:
        log = open_log(self.url)
        self.opened.append(log)
        return log

    async def topic(
        self, log: EventLog, *, partitions: int = 4, retention: Retention = Retention.FOREVER, group: str | None = None
    ) -> Topic:
        """Create a topic that nobody else uses."""
        topic = Topic(f"t{uuid.uuid4().hex[:12]}", "key", (), (), (group,) if group else (), partitions, retention)
        await log.ensure_topics([topic])
        return topic

    async def close(self) -> None:
        for log in self.opened:
            await log.close()


def message(topic: str, key: str, value: str, event_id: str | None = None) -> Message:
    headers = (("ce_id", event_id.encode()),) if event_id else ()
    return Message(topic, key, value.encode(), headers)


async def collect(subscription: Subscription, count: int, *, seconds: float = 60) -> list[Record]:
    """Poll until ``count`` records have come."""
    found: list[Record] = []
    async with asyncio.timeout(seconds):
        while len(found) < count:
            found += await subscription.poll(timeout=0.2)
    return found


async def until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions here have no event
            await asyncio.sleep(0.02)


def next_offsets(records: Iterable[Record]) -> dict[Partition, int]:
    """What to commit after these records."""
    offsets: dict[Partition, int] = {}
    for record in records:
        offsets[record.home] = max(offsets.get(record.home, 0), record.offset + 1)
    return offsets


@dataclass
class Watcher:
    """A listener that keeps what it was told."""

    held: set[Partition] = field(default_factory=set)
    revoked: list[frozenset[Partition]] = field(default_factory=list)
    assigned: list[frozenset[Partition]] = field(default_factory=list)

    async def on_revoked(self, partitions: frozenset[Partition]) -> None:
        self.revoked.append(partitions)
        self.held -= partitions

    async def on_assigned(self, partitions: frozenset[Partition]) -> None:
        self.assigned.append(partitions)
        self.held |= partitions
