"""One member of a consumer group of the embedded log."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Protocol

from radbridge.runtime.bus.embedded import groups, records
from radbridge.runtime.bus.embedded.bells import Bells
from radbridge.runtime.bus.embedded.groups import MemberId
from radbridge.runtime.bus.embedded.liveness import HEARTBEAT_S
from radbridge.runtime.bus.embedded.storage import Storage
from radbridge.runtime.bus.embedded.topics import TopicTable
from radbridge.runtime.bus.protocol import BusError, Partition, RebalanceListener, Record
from radbridge.runtime.waiting import set_within

logger = logging.getLogger(__name__)


def group_bell(group: str) -> str:
    """The name that rings when a group changes; no topic can have it."""
    return f"group:{group}"


class LogParts(Protocol):
    """What a subscription needs of its log."""

    storage: Storage
    table: TopicTable
    bells: Bells

    async def remove_dead(self, group: str) -> bool:
        """Take the members of dead processes out of a group."""
        ...


class EmbeddedSubscription:
    """A member. ``start`` must be awaited once; then a task of its own keeps the membership."""

    def __init__(self, log: LogParts, who: MemberId, topics: Iterable[str], listener: RebalanceListener | None) -> None:
        self._log = log
        self._who = who
        self._topics = tuple(topics)
        self._listener = listener
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._resources = contextlib.ExitStack()
        self._wake = asyncio.Event()
        self._membership: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Join the group.

        :raises UnknownTopic: a topic does not exist.
        """
        await self._log.storage.write(lambda tx: groups.join(tx, self._log.table, self._who, self._topics))
        self._wake = self._resources.enter_context(self._log.bells.attached(self._topics))
        self._membership = asyncio.create_task(self._keep_membership(), name=f"group-{self._who.group}")
        self._ring_group()

    async def poll(self, *, max_records: int = 500, timeout: float = 1.0) -> list[Record]:  # noqa: ASYNC109
        """See ``Subscription.poll``."""
        deadline = time.monotonic() + timeout
        while True:
            self._wake.clear()
            found = await self._fetch(max_records)
            remaining = deadline - time.monotonic()
            if found or remaining <= 0 or self._closed:
                return found
            await set_within(self._wake, remaining)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See ``Subscription.commit``."""
        wanted = dict(offsets)
        await self._log.storage.write(lambda tx: groups.commit(tx, self._log.table, self._who, wanted))

    def pause(self, partitions: Iterable[Partition]) -> None:
        """See ``Subscription.pause``."""
        self._paused.update(partitions)

    def resume(self, partitions: Iterable[Partition]) -> None:
        """See ``Subscription.resume``."""
        self._paused.difference_update(partitions)
        self._wake.set()

    async def close(self) -> None:
        """See ``Subscription.close``."""
        if self._closed:
            return
        self._closed = True
        if self._membership is not None:
            self._membership.cancel()
            await asyncio.gather(self._membership, return_exceptions=True)
        self._positions.clear()
        self._resources.close()
        self._wake.set()
        try:
            await self._log.storage.write(lambda tx: groups.leave(tx, self._who))
        except BusError as error:
            logger.warning("group %s was not left in order: %s", self._who.group, error)
        self._ring_group()

    async def _fetch(self, max_records: int) -> list[Record]:
        wanted = {partition: at for partition, at in self._positions.items() if partition not in self._paused}
        if not wanted:
            return []
        fetched = await self._log.storage.read(lambda tx: records.fetch(tx, self._log.table, wanted, max_records))
        # meanwhile a partition may have been lost, or lost and won again
        valid = {
            partition
            for partition in fetched.next_offsets
            if partition not in self._paused and self._positions.get(partition) == wanted[partition]
        }
        for partition in valid:
            del self._positions[partition]  # to the end of the line, so that no partition waits for ever
            self._positions[partition] = fetched.next_offsets[partition]
        return [record for record in fetched.records if record.home in valid]

    async def _keep_membership(self) -> None:
        seen_generation = -1
        with self._log.bells.attached([group_bell(self._who.group)]) as changed:
            while True:
                changed.clear()
                try:
                    generation = await self._log.storage.read(partial(groups.generation_of, group=self._who.group))
                    if generation != seen_generation:
                        seen_generation = await self._synchronise()
                    if not await set_within(changed, HEARTBEAT_S):
                        await self._replace_dead()
                except BusError as error:
                    logger.warning("group %s: %s", self._who.group, error)
                    await asyncio.sleep(HEARTBEAT_S)

    async def _synchronise(self) -> int:
        """Give up and take over until nothing is left to do; answers the generation this brought the member to."""
        while True:
            state = await self._log.storage.write(lambda tx: groups.synchronise(tx, self._who))
            if not state.is_member:
                await self._rejoin()
                continue
            if state.claimed:
                await self._tell_assigned(frozenset(state.claimed))
                self._positions.update(state.claimed)
                self._wake.set()
            if not state.to_release:
                return state.generation
            await self._drop(state.to_release)
            await self._log.storage.write(
                partial(groups.release, table=self._log.table, who=self._who, partitions=state.to_release)
            )
            self._ring_group()

    async def _rejoin(self) -> None:
        logger.warning("group %s took this member for dead; it joins again", self._who.group)
        await self._drop(frozenset(self._positions))
        await self._log.storage.write(lambda tx: groups.join(tx, self._log.table, self._who, self._topics))
        self._ring_group()

    async def _drop(self, partitions: frozenset[Partition]) -> None:
        for partition in partitions:
            self._positions.pop(partition, None)
            self._paused.discard(partition)
        if self._listener is not None and partitions:
            try:
                await self._listener.on_revoked(partitions)
            except Exception:
                logger.exception("group %s: giving up partitions failed", self._who.group)

    async def _tell_assigned(self, partitions: frozenset[Partition]) -> None:
        if self._listener is not None:
            try:
                await self._listener.on_assigned(partitions)
            except Exception:
                logger.exception("group %s: taking partitions failed", self._who.group)

    async def _replace_dead(self) -> None:
        if await self._log.remove_dead(self._who.group):
            self._ring_group()

    def _ring_group(self) -> None:
        self._log.bells.ring([group_bell(self._who.group)])
