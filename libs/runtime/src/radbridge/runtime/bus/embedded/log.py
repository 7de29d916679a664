"""The embedded event log."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar
from weakref import WeakSet

from radbridge.contracts.topics import Topic
from radbridge.runtime.bus.embedded import following, groups, records
from radbridge.runtime.bus.embedded.appender import Appender
from radbridge.runtime.bus.embedded.bells import Bells
from radbridge.runtime.bus.embedded.cleaner import CLEAN_EVERY_S, clean_step
from radbridge.runtime.bus.embedded.groups import MemberId
from radbridge.runtime.bus.embedded.liveness import HEARTBEAT_S, SESSION_S, InstanceFile
from radbridge.runtime.bus.embedded.storage import Storage
from radbridge.runtime.bus.embedded.subscription import EmbeddedSubscription
from radbridge.runtime.bus.embedded.topics import TopicTable, create_topics, read_topics
from radbridge.runtime.bus.protocol import BusError, BusUnavailable, GroupState, Message, RebalanceListener, Record
from radbridge.runtime.bus.topic_plan import plan_topics
from radbridge.runtime.database.protocol import Transaction

T = TypeVar("T")

_MOST_BRIEFLY = 100
"""Messages that are appended on the event loop; more would hold it for several milliseconds, as more bytes would."""
_MOST_BYTES_BRIEFLY = 1 << 20


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class EmbeddedLog:
    """An ``EventLog`` in one SQLite file. It belongs to the event loop that uses it first.

    Several may be open on the same file, in one process or in several.

    :param now_ms: the clock that stamps records and drives retention
    :param session_s: after this time without a sign of life a member that still runs is replaced
    """

    def __init__(self, path: Path, *, now_ms: Callable[[], int] = _wall_clock_ms, session_s: float = SESSION_S) -> None:
        self.storage = Storage(path)
        self.table = TopicTable()
        self.bells = Bells(self.storage)
        self.instance = InstanceFile(path.with_name(f"{path.name}.members"), session_s=session_s)
        self._appender = Appender(self._write)
        self._now_ms = now_ms
        self._subscriptions: WeakSet[EmbeddedSubscription] = WeakSet()
        self._coming_alive = asyncio.Lock()
        self._heartbeat: asyncio.Task[None] | None = None
        self._cleaner: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, messages: Sequence[Message]) -> list[tuple[int, int]]:
        """See ``EventLog.append``. An event id that its topic has already keeps its place and is not written again."""
        if not messages:
            return []
        batch = tuple(messages)
        self._start_cleaner()
        return await self._appender.append(batch)

    async def subscribe(
        self, group: str, topics: Sequence[str], *, listener: RebalanceListener | None = None
    ) -> EmbeddedSubscription:
        """See ``EventLog.subscribe``."""
        await self._come_alive()
        await self.remove_dead(group)
        who = MemberId(group, uuid.uuid4().hex, self.instance.name)
        subscription = EmbeddedSubscription(self, who, topics, listener)
        await subscription.start()
        self._subscriptions.add(subscription)
        return subscription

    def follow(self, topic: str, *, from_beginning: bool = True) -> AsyncIterator[Record | None]:
        """See ``EventLog.follow``."""
        return following.follow(self.storage, self.table, self.bells, topic, from_beginning=from_beginning)

    async def read(self, topic: str, *, after: Mapping[int, int] | None = None, limit: int = 1000) -> list[Record]:
        """See ``EventLog.read``."""
        starts = {number: offset + 1 for number, offset in (after or {}).items()}

        async def read(tx: Transaction) -> list[Record]:
            return await records.read(tx, await self.table.find(tx, topic), starts, limit)

        return await self.storage.read(read)

    async def ensure_topics(self, topics: Sequence[Topic]) -> list[str]:
        """See ``EventLog.ensure_topics``."""
        plans = list(plan_topics(topics))

        async def create(tx: Transaction) -> list[str]:
            made = await create_topics(tx, plans)
            await groups.rebalance_all(tx)
            return made

        made = await self.storage.write(create)
        self.table.forget()
        return made

    async def topics(self) -> list[str]:
        """See ``EventLog.topics``."""
        return [topic.name for topic in await self.storage.read(read_topics)]

    async def groups(self, names: Collection[str] | None = None) -> list[GroupState]:
        """See ``EventLog.groups``."""
        states = await self.storage.read(groups.group_states)
        return [state for state in states if names is None or state.group in names]

    async def ping(self) -> None:
        """See ``EventLog.ping``. Goes through the writer thread, which also needs the file's write lock."""
        await self.storage.write(lambda tx: tx.fetch("SELECT 1"))

    async def close(self) -> None:
        """See ``EventLog.close``. Members leave their groups."""
        if self._closed:
            return
        self._closed = True
        for subscription in list(self._subscriptions):
            await subscription.close()
        for task in (self._cleaner, self._heartbeat):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._appender.finish()
        await self.bells.close()
        await self.storage.close()
        await asyncio.to_thread(self.instance.release)

    async def remove_dead(self, group: str) -> bool:
        """Take the members of dead processes out of a group; answers whether there were any."""
        instances = await self.storage.read(partial(groups.instances_of, group=group))
        dead = await _run_blocking(partial(self.instance.dead_among, instances))
        if dead:
            await self.storage.write(partial(groups.remove_instances, group=group, instances=dead))
        return bool(dead)

    async def clean(self) -> int:
        """Apply retention now; answers the number of records removed."""
        total = 0
        while removed := await self.storage.write(partial(clean_step, now_ms=self._now_ms())):
            total += removed
        return total

    async def _come_alive(self) -> None:
        async with self._coming_alive:
            if self._heartbeat is None:
                await _run_blocking(self.instance.acquire)
                self._heartbeat = asyncio.create_task(self._keep_alive(), name="events-heartbeat")

    async def _write(self, appends: list[Sequence[Message]]) -> list[records.Places | BusError]:
        sizes = [len(message.value) for messages in appends for message in messages]
        is_brief = len(sizes) <= _MOST_BRIEFLY and sum(sizes) <= _MOST_BYTES_BRIEFLY
        answers = await self.storage.write(
            lambda tx: records.append(tx, self.table, appends, self._now_ms()), brief=is_brief
        )
        self.bells.ring({message.topic for messages in appends for message in messages})
        return answers

    async def _keep_alive(self) -> None:
        while True:
            with contextlib.suppress(OSError):  # the next beat may succeed; else the others take over
                self.instance.touch()
            await asyncio.sleep(HEARTBEAT_S)

    def _start_cleaner(self) -> None:
        if self._cleaner is None:
            self._cleaner = asyncio.create_task(self._clean_for_ever(), name="events-cleaner")

    async def _clean_for_ever(self) -> None:
        while True:
            await asyncio.sleep(CLEAN_EVERY_S)
            with contextlib.suppress(BusError):
                await self.clean()


async def _run_blocking(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise BusUnavailable(f"event log: {error}") from error
