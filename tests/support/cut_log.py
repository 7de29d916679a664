"""An event log that is away on command."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from radbridge.contracts.topics import Topic
from radbridge.runtime.bus.protocol import (
    BusUnavailable,
    EventLog,
    GroupState,
    Message,
    RebalanceListener,
    Record,
    Subscription,
)


class CutLog(EventLog):
    """Another log, as long as ``away`` is not set. What was subscribed before goes on."""

    def __init__(self, log: EventLog, *, away: bool = False) -> None:
        self._log = log
        self.away = away

    def _reach(self) -> EventLog:
        if self.away:
            raise BusUnavailable("the log is away")
        return self._log

    async def append(self, messages: Sequence[Message]) -> list[tuple[int, int]]:
        return await self._reach().append(messages)

    async def subscribe(
        self, group: str, topics: Sequence[str], *, listener: RebalanceListener | None = None
    ) -> Subscription:
        return await self._reach().subscribe(group, topics, listener=listener)

    async def follow(self, topic: str, *, from_beginning: bool = True) -> AsyncIterator[Record | None]:
        async for record in self._reach().follow(topic, from_beginning=from_beginning):
            self._reach()
            yield record

    async def read(self, topic: str, *, after: Mapping[int, int] | None = None, limit: int = 1000) -> list[Record]:
        return await self._reach().read(topic, after=after, limit=limit)

    async def ensure_topics(self, topics: Sequence[Topic]) -> list[str]:
        return await self._reach().ensure_topics(topics)

    async def topics(self) -> list[str]:
        return await self._reach().topics()

    async def groups(self, names: Collection[str] | None = None) -> list[GroupState]:
        return await self._reach().groups(names)

    async def ping(self) -> None:
        await self._reach().ping()

    async def close(self) -> None:
        await self._log.close()
