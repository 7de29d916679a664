"""A desk at which notes arrive as events and a consumer handles them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from radbridge.contracts.envelope import Event, make_event, to_headers
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.topics import Topic
from radbridge.runtime.bus.protocol import EventLog, Message
from radbridge.runtime.consumer import Consumer, ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Database, Transaction
from radbridge.runtime.deadletters import list_dead
from tests.support.bus import Backend


class Note(EventBody):
    """An event body whose topic each test names anew (``Desk.note_type``)."""

    NAME: ClassVar[str] = "note.taken"
    TOPIC: ClassVar[str] = "note"

    note_id: str
    text: str

    def aggregate_id(self) -> str:
        return self.note_id


@dataclass
class Desk:
    """Where notes are published and handled."""

    backend: Backend
    log: EventLog
    database: Database
    topic: Topic
    note_type: type[Note]
    group: str
    other_group: str
    applied: list[tuple[str, str]] = field(default_factory=list)
    """(note id, text) of each committed application."""
    troubles: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """Note text to what happens when it is prepared."""
    prepared: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def event(self, note_id: str, text: str, *, version: int | None = None, service: str = "author") -> Event:
        if version is None:
            version = self.versions[note_id] = self.versions.get(note_id, 0) + 1
        body = self.note_type(note_id=note_id, text=text)
        return make_event(body, service=service, version=version, time=datetime.now(UTC))

    async def publish(self, note_id: str, text: str, *, version: int | None = None, service: str = "author") -> Event:
        event = self.event(note_id, text, version=version, service=service)
        await self.send(event)
        return event

    async def send(self, *events: Event) -> None:
        await self.log.append(
            [Message(self.topic.name, event.subject, event.data, tuple(to_headers(event))) for event in events]
        )

    def spec(self, *, order: Any = "newest", group: str | None = None) -> ConsumerSpec:
        async def prepare(received: Received[Note]) -> str:
            self.prepared.append(received.body.text)
            if trouble := self.troubles.get(received.body.text):
                await trouble()
            return received.body.text

        async def apply(tx: Transaction, received: Received[Note], text: str) -> None:
            tx.on_commit(lambda: self.applied.append((received.subject, text)))

        return ConsumerSpec(group or self.group, (On(self.note_type, apply, prepare=prepare, order=order),))

    @asynccontextmanager
    async def consuming(
        self, spec: ConsumerSpec | None = None, *, log: EventLog | None = None, **options: Any
    ) -> AsyncIterator[Consumer]:
        consumer = Consumer(spec or self.spec(), log or self.log, self.database, **options)
        running = asyncio.create_task(consumer.run())
        try:
            yield consumer
        finally:
            async with asyncio.timeout(60):
                await consumer.stop()
                await running

    async def lag(self) -> int:
        """Messages that the group has not committed; -1 before it exists."""
        states = await self.log.groups([self.group])
        return states[0].lag.get(self.topic.name, -1) if states else -1

    async def has_dead(self, count: int) -> bool:
        """Whether the group has so many dead letters."""
        return len(await list_dead(self.log, self.topic.name, self.group)) == count

    async def until_lag(self, lag: int) -> None:
        async with asyncio.timeout(60):
            while await self.lag() != lag:  # noqa: ASYNC110 - the log has no event for it
                await asyncio.sleep(0.05)


async def fail() -> None:
    raise ValueError("张三")
