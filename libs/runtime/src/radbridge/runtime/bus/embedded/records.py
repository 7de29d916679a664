"""Records: appending and reading them.

An address is topic, partition and offset in one integer of 63 bits: 11, 12 and 40 bits, so 2,047 topics of 4,096
partitions with a million million records each.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from radbridge.runtime.bus.embedded.topics import StoredTopic, TopicTable
from radbridge.runtime.bus.protocol import BusError, Message, Partition, Record
from radbridge.runtime.database.protocol import Transaction

MAX_MESSAGE_BYTES = 1 << 20
MAX_BYTES_PER_READ = 8 << 20
_OFFSET_BITS = 40
_PARTITION_BITS = 12
_ROWS_PER_STEP = 64


def address(topic_id: int, number: int, offset: int) -> int:
    """The rowid of a record."""
    return ((topic_id << _PARTITION_BITS | number) << _OFFSET_BITS) + offset


def offset_in(record_address: int) -> int:
    """The offset in an address."""
    return record_address & ((1 << _OFFSET_BITS) - 1)


def partition_in(record_address: int) -> int:
    """The partition's number in an address."""
    return (record_address >> _OFFSET_BITS) & ((1 << _PARTITION_BITS) - 1)


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, the same in every process."""
    return zlib.crc32(key.encode()) % partitions


async def append(
    tx: Transaction, table: TopicTable, messages: Sequence[Message], timestamp_ms: int
) -> list[tuple[int, int]]:
    """Write the messages; answers (partition, offset) of each. A known event keeps the place that it has.

    :raises UnknownTopic: a topic does not exist.
    :raises BusError: a message is over 1 MiB.
    """
    return [await _append_one(tx, await table.find(tx, message.topic), message, timestamp_ms) for message in messages]


async def _append_one(tx: Transaction, topic: StoredTopic, message: Message, timestamp_ms: int) -> tuple[int, int]:
    if len(message.value) > MAX_MESSAGE_BYTES:
        raise BusError(f"{message.topic}: a message of {len(message.value)} bytes is over {MAX_MESSAGE_BYTES}")
    event_id = _event_id(message) if topic.refuses_known else None
    if event_id is not None:
        known = await tx.fetch_one("SELECT address FROM record WHERE event_id = $1", event_id)
        if known is not None:
            return partition_in(known[0]), offset_in(known[0])
    number = partition_of(message.key, topic.partitions)
    rows = await tx.fetch(
        "UPDATE partition SET next_offset = next_offset + 1 WHERE topic_id = $1 AND number = $2 RETURNING next_offset",
        topic.id,
        number,
    )
    offset = rows[0][0] - 1
    await tx.execute(
        "INSERT INTO record (address, key, event_id, value, headers, timestamp_ms) VALUES ($1, $2, $3, $4, $5, $6)",
        address(topic.id, number, offset),
        message.key,
        event_id,
        message.value,
        _encode_headers(message.headers),
        timestamp_ms,
    )
    return number, offset


def _event_id(message: Message) -> str | None:
    for name, value in message.headers:
        if name == "ce_id":
            return f"{message.topic}/{value.decode('utf-8', 'backslashreplace')}"
    return None


def _encode_headers(headers: Iterable[tuple[str, bytes]]) -> bytes:
    """JSON pairs; Latin-1 maps every byte to one character, so any value survives."""
    return orjson.dumps([(name, value.decode("latin-1")) for name, value in headers])


def _decode_headers(encoded: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in orjson.loads(encoded))


@dataclass(slots=True)
class Fetched:
    """What a read found, and where to read on in each partition."""

    records: list[Record] = field(default_factory=list[Record])
    next_offsets: dict[Partition, int] = field(default_factory=dict[Partition, int])


async def next_offsets(tx: Transaction, topic: StoredTopic) -> dict[Partition, int]:
    """The offset that the next record of each partition will get."""
    rows = await tx.fetch("SELECT number, next_offset FROM partition WHERE topic_id = $1 ORDER BY number", topic.id)
    return {Partition(topic.name, row[0]): row[1] for row in rows}


async def fetch(tx: Transaction, table: TopicTable, positions: Mapping[Partition, int], limit: int) -> Fetched:
    """Up to ``limit`` records from these positions on, oldest first per partition, shared out among the partitions.

    A partition whose last records are gone (retention took them) is read on from its end.
    """
    fetched = Fetched()
    topics = {name: await table.find(tx, name) for name in {partition.topic for partition in positions}}
    ends: dict[Partition, int] = {}
    for topic in topics.values():
        ends.update(await next_offsets(tx, topic))
    behind = [partition for partition, position in positions.items() if position < ends.get(partition, 0)]
    room = MAX_BYTES_PER_READ
    for index, partition in enumerate(behind):
        share = -(-(limit - len(fetched.records)) // (len(behind) - index))
        start = positions[partition]
        records = await read_partition(tx, topics[partition.topic], partition.number, start, share, room)
        fetched.records += records
        room -= sum(len(record.value) for record in records)
        complete = len(records) < share and room > 0
        past_last = records[-1].offset + 1 if records else start
        fetched.next_offsets[partition] = ends[partition] if complete else past_last
        if room <= 0 or len(fetched.records) >= limit:
            break
    return fetched


async def read_partition(
    tx: Transaction, topic: StoredTopic, number: int, start: int, limit: int, room: int = MAX_BYTES_PER_READ
) -> list[Record]:
    """Up to ``limit`` records and about ``room`` bytes of one partition from an offset on."""
    records: list[Record] = []
    while len(records) < limit and room > 0:
        step = min(limit - len(records), _ROWS_PER_STEP)
        rows = await tx.fetch(
            "SELECT address, key, value, headers, timestamp_ms FROM record"
            " WHERE address >= $1 AND address < $2 ORDER BY address LIMIT $3",
            address(topic.id, number, start),
            address(topic.id, number + 1, 0),
            step,
        )
        for place, key, value, headers, timestamp_ms in rows:
            offset = offset_in(place)
            records.append(Record(topic.name, number, offset, key, value, _decode_headers(headers), timestamp_ms))
            room -= len(value)
        if len(rows) < step:
            break
        start = records[-1].offset + 1
    return records


async def read(tx: Transaction, topic: StoredTopic, starts: Mapping[int, int], limit: int) -> list[Record]:
    """Up to ``limit`` records of a topic, by partition and offset, from the given offset of each partition on."""
    found: list[Record] = []
    for number in range(topic.partitions):
        if len(found) < limit:
            found += await read_partition(tx, topic, number, starts.get(number, 0), limit - len(found))
    return found
