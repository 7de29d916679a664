"""What the tests of the outbox share: a log that keeps what it is given, events to publish, a relay to run."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from radbridge.contracts.envelope import Event, from_headers
from radbridge.contracts.events.exam import ExamVoided
from radbridge.runtime.bus.protocol import BusUnavailable, EventLog, Message
from radbridge.runtime.clock import utc_now
from radbridge.runtime.outbox import Outbox


@dataclass
class KeptLog(EventLog):
    """The ``append`` of an event log, in memory, away on command."""

    messages: list[Message] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    away: bool = False
    refusals: int = 0

    async def append(self, messages: Sequence[Message]) -> list[tuple[int, int]]:
        await asyncio.sleep(0)
        if self.away:
            self.refusals += 1
            raise BusUnavailable("the log is away")
        self.messages += messages
        self.events += [from_headers(message.headers, message.value) for message in messages]
        return [(0, len(self.events))] * len(messages)

    def versions(self) -> dict[str, list[int]]:
        """Of each subject, in the order of the log."""
        found: dict[str, list[int]] = {}
        for event in self.events:
            found.setdefault(event.subject, []).append(event.version)
        return found


@dataclass
class LineLog(EventLog):
    """The ``append`` of an event log that outlives its process: a line ``subject version`` for each event."""

    path: Path

    async def append(self, messages: Sequence[Message]) -> list[tuple[int, int]]:
        events = [from_headers(message.headers, message.value) for message in messages]
        with self.path.open("a") as file:
            file.writelines(f"{event.subject} {event.version}\n" for event in events)
        return [(0, 0)] * len(messages)


def voided(exam_id: str, number: str = "1") -> ExamVoided:
    """A small event of the exam."""
    return ExamVoided(exam_id=exam_id, institution_id="i", exam_number=number, changed_at=utc_now())


@asynccontextmanager
async def relaying(outbox: Outbox) -> AsyncIterator[None]:
    """Run the relay inside the block; that it ended by itself is a failure."""
    task = asyncio.create_task(outbox.run())
    try:
        yield
    finally:
        task.cancel()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
    assert isinstance(outcome, asyncio.CancelledError), outcome
