# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# aiokafka publishes no types
"""Reading topics of Kafka outside any group."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from radbridge.runtime.bus.kafka.clients import end_consumer, make_reader, partitions_of
from radbridge.runtime.bus.kafka.errors import translated
from radbridge.runtime.bus.kafka.settings import KafkaSettings
from radbridge.runtime.bus.protocol import BusUnavailable, Record

_BATCH = 500
_WAIT_MS = 1000
_RECONNECT_S = 1.0

_log = logging.getLogger(__name__)


def as_record(message: "ConsumerRecord[bytes, bytes]") -> Record:
    """aiokafka's record as the bus's."""
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=(message.key or b"").decode("utf-8", "replace"),
        value=message.value or b"",
        headers=tuple((name, value) for name, value in message.headers),
        timestamp_ms=message.timestamp,
    )


@asynccontextmanager
async def reader(settings: KafkaSettings, topic: str) -> AsyncGenerator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
    """A consumer to which all partitions of a topic are assigned.

    :raises BusUnavailable: no broker answers.
    :raises UnknownTopic: the topic does not exist.
    """
    timeout_s = settings.timeout_ms / 1000
    consumer = make_reader(settings)
    try:
        with translated():
            async with asyncio.timeout(timeout_s):
                await consumer.start()
                homes = await partitions_of(consumer, [topic])
                consumer.assign(homes)
        yield consumer, homes
    finally:
        await end_consumer(consumer, timeout_s)


async def read(settings: KafkaSettings, topic: str, after: Mapping[int, int], limit: int) -> list[Record]:
    """Up to ``limit`` records after the given offset of each partition, by partition and offset."""
    found: list[Record] = []
    async with reader(settings, topic) as (consumer, homes):
        with translated():
            async with asyncio.timeout(settings.timeout_ms / 1000):
                first = await consumer.beginning_offsets(homes)
                ends = await consumer.end_offsets(homes)
            for home in homes:
                start = max(first[home], after.get(home.partition, -1) + 1)
                if start < ends[home] and len(found) < limit:
                    consumer.seek(home, start)
                    found += await _read_partition(consumer, home, ends[home], limit - len(found), settings)
    return found


async def _read_partition(
    consumer: AIOKafkaConsumer, home: TopicPartition, end: int, limit: int, settings: KafkaSettings
) -> list[Record]:
    found: list[Record] = []
    async with asyncio.timeout(settings.timeout_ms / 1000):
        while len(found) < limit and await consumer.position(home) < end:
            batches = await consumer.getmany(home, timeout_ms=_WAIT_MS, max_records=limit - len(found))
            found += [as_record(message) for message in batches.get(home, ()) if message.offset < end]
    return found


async def follow(settings: KafkaSettings, topic: str, *, from_beginning: bool) -> AsyncIterator[Record | None]:
    """All records of a topic, for ever; ``None`` at each end. Brokers that are away are waited for.

    :raises UnknownTopic: the topic does not exist.
    """
    positions: dict[int, int] | None = None
    away = False
    while True:
        try:
            async with reader(settings, topic) as (consumer, homes):
                with translated():
                    if positions is None:
                        offsets = await (consumer.beginning_offsets if from_beginning else consumer.end_offsets)(homes)
                        positions = {home.partition: offset for home, offset in offsets.items()}
                    async for record in _follow(consumer, homes, positions):
                        away = False
                        yield record
        except BusUnavailable as error:
            if not away:
                _log.warning("a follower waits for the event log", extra={"topic": topic, "reason": str(error)})
            away = True
            await asyncio.sleep(_RECONNECT_S)


async def _follow(
    consumer: AIOKafkaConsumer, homes: list[TopicPartition], positions: dict[int, int]
) -> AsyncIterator[Record | None]:
    for home in homes:
        consumer.seek(home, positions[home.partition])
    ends = await consumer.end_offsets(homes)
    at_end = False
    while True:
        if not at_end and all(positions[home.partition] >= ends[home] for home in homes):
            at_end = True
            yield None
        batches = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_BATCH)
        for home, batch in batches.items():
            for message in batch:
                at_end = False
                positions[home.partition] = message.offset + 1
                yield as_record(message)
        for home in homes:
            ends[home] = max(ends[home], consumer.highwater(home) or 0)
            if not batches:  # what compaction has removed is passed over
                positions[home.partition] = await consumer.position(home)
