# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportIncompatibleMethodOverride=false
# aiokafka publishes no types
"""A member of a consumer group on Kafka."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError

from radbridge.runtime.bus.kafka.clients import end_consumer, make_member, partitions_of
from radbridge.runtime.bus.kafka.errors import as_bus_error, translated
from radbridge.runtime.bus.kafka.reading import as_record
from radbridge.runtime.bus.kafka.settings import KafkaSettings
from radbridge.runtime.bus.protocol import BusUnavailable, Fenced, Partition, RebalanceListener, Record
from radbridge.runtime.waiting import set_within

_SLICE_S = 0.5

_log = logging.getLogger(__name__)


class KafkaSubscription:
    """A member that comes back by itself: aiokafka reconnects its consumer, and one that broke is replaced here."""

    def __init__(
        self, settings: KafkaSettings, group: str, topics: Sequence[str], listener: RebalanceListener | None
    ) -> None:
        self._settings = settings
        self._timeout_s = settings.timeout_ms / 1000
        self._group = group
        self._topics = tuple(topics)
        self._listener = listener
        self._consumer: AIOKafkaConsumer | None = None
        self._held: set[Partition] = set()
        self._leaving: frozenset[Partition] = frozenset()
        self._paused: set[Partition] = set()
        self._floors: dict[Partition, int] = {}
        self._resumed = asyncio.Event()
        self._closed = False

    async def start(self) -> None:
        """Connect and ask to join the group; partitions come later.

        :raises BusUnavailable: no broker answers.
        :raises UnknownTopic: a topic does not exist.
        """
        with translated():
            async with asyncio.timeout(self._timeout_s):
                self._consumer = await self._connected()

    async def poll(self, *, max_records: int = 500, timeout: float = 1.0) -> list[Record]:  # noqa: ASYNC109
        """See ``Subscription.poll``. A broken consumer is replaced, which may raise ``BusUnavailable``."""
        deadline = time.monotonic() + timeout
        found: list[Record] = []
        while not found and not self._closed:
            seconds = min(_SLICE_S, deadline - time.monotonic())
            if seconds <= 0:
                break
            if self._consumer is None:
                await self.start()
            if self._consumer is None or self._held <= self._paused:
                await self._wait_for_change(seconds)
            else:
                found = await self._get(self._consumer, max_records, seconds)
        return found

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See ``Subscription.commit``."""
        consumer = self._consumer
        if consumer is None or self._closed:
            raise BusUnavailable("not connected")
        if lost := offsets.keys() - self._held:
            raise Fenced(f"no longer this member's in group {self._group}: {sorted(lost)}")
        with translated():
            async with asyncio.timeout(self._timeout_s):
                for partition in offsets.keys() - self._floors.keys():
                    self._floors[partition] = await consumer.committed(TopicPartition(*partition)) or 0
                forward = {p: offset for p, offset in offsets.items() if offset > self._floors[p]}
                if forward:
                    await consumer.commit({TopicPartition(*p): offset for p, offset in forward.items()})
                    self._floors.update(forward)

    def pause(self, partitions: Iterable[Partition]) -> None:
        """See ``Subscription.pause``."""
        self._paused |= set(partitions) & self._held

    def resume(self, partitions: Iterable[Partition]) -> None:
        """See ``Subscription.resume``."""
        self._paused -= set(partitions)
        self._resumed.set()

    async def close(self) -> None:
        """See ``Subscription.close``."""
        self._closed = True
        self._resumed.set()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await end_consumer(consumer, self._timeout_s)

    async def revoke(self, partitions: frozenset[Partition]) -> None:
        """The group takes these partitions back; commits are still possible inside this call."""
        self._leaving = partitions
        try:
            if self._listener is not None and partitions and not self._closed:
                await self._listener.on_revoked(partitions)
        finally:
            self._leaving = frozenset()
            self._held -= partitions
            self._paused -= partitions
            for partition in partitions:
                self._floors.pop(partition, None)

    async def assign(self, partitions: frozenset[Partition]) -> None:
        """The group gives these partitions."""
        if self._listener is not None and partitions and not self._closed:
            await self._listener.on_assigned(partitions)
        self._held |= partitions
        self._resumed.set()

    async def _connected(self) -> AIOKafkaConsumer:
        consumer = make_member(self._settings, self._group)
        try:
            await consumer.start()
            await partitions_of(consumer, self._topics)
            consumer.subscribe(self._topics, listener=_Listener(self))
        except BaseException:
            await end_consumer(consumer, self._timeout_s)
            raise
        return consumer

    async def _get(self, consumer: AIOKafkaConsumer, max_records: int, seconds: float) -> list[Record]:
        wanted = [TopicPartition(*partition) for partition in self._held - self._paused - self._leaving]
        try:
            # given by name: of the others aiokafka keeps what it has fetched ahead
            batches = await consumer.getmany(*wanted, timeout_ms=int(seconds * 1000), max_records=max_records)
        except (KafkaError, ConsumerStoppedError) as error:
            if not self._closed:
                await self._replace(consumer, error)
            return []
        records: list[Record] = []
        for home, batch in batches.items():
            partition = Partition(home.topic, home.partition)
            if partition in self._held - self._paused - self._leaving:
                records += [as_record(message) for message in batch]
            else:  # lost, or paused meanwhile; if it is still ours its records come again
                with contextlib.suppress(IllegalStateError):
                    consumer.seek(home, batch[0].offset)
        return records

    async def _replace(self, consumer: AIOKafkaConsumer, error: Exception) -> None:
        _log.warning("a group member broke and joins again", extra={"group": self._group, "reason": repr(error)})
        await self.revoke(frozenset(self._held))
        self._consumer = None
        await end_consumer(consumer, self._timeout_s)
        if isinstance(error, ConsumerStoppedError):
            return
        raise as_bus_error(error) from error

    async def _wait_for_change(self, seconds: float) -> None:
        self._resumed.clear()
        await set_within(self._resumed, seconds)


class _Listener(ConsumerRebalanceListener):
    """aiokafka's listener, in the words of the bus."""

    def __init__(self, subscription: KafkaSubscription) -> None:
        self._subscription = subscription

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._subscription.revoke(frozenset(Partition(tp.topic, tp.partition) for tp in revoked))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await self._subscription.assign(frozenset(Partition(tp.topic, tp.partition) for tp in assigned))
