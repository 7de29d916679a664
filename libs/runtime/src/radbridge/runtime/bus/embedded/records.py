"""Records: appending and reading them."""

import contextlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import orjson

from radbridge.runtime.bus.embedded.schema import number_in, partition_id, topic_in
from radbridge.runtime.bus.embedded.topics import StoredTopic, TopicTable
from radbridge.runtime.bus.protocol import BusError, Message, Partition, Record
from radbridge.runtime.database.protocol import Transaction, Value

MAX_MESSAGE_BYTES = 1 << 20
MAX_BYTES_PER_READ = 8 << 20
_ROWS_PER_STEP = 64
_UUID_LENGTH = 36
_FIND_EVENT = "SELECT partition, offset FROM record WHERE event_id = $1 AND partition >> 12 = $2"

Places: TypeAlias = list[tuple[int, int]]
"""(partition, offset) of each message."""


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, the same in every process."""
    return zlib.crc32(key.encode()) % partitions


class _Draft(NamedTuple):
    """A message with the place that it gets unless its event is known."""

    partition: int
    offset: int
    event_id: bytes | str | None
    message: Message

    def row(self, timestamp_ms: int) -> tuple[Value, ...]:
        message = self.message
        headers = _encode_headers(message.headers)
        return self.offset, self.partition, timestamp_ms, self.event_id, message.key, headers, message.value


async def append(
    tx: Transaction, table: TopicTable, appends: Iterable[Sequence[Message]], timestamp_ms: int
) -> list[Places | BusError]:
    """Write the messages of several appends; answers each with its places, or with its error and nothing written.

    A message whose event is known keeps the place that it has.
    """
    next_offset: int = (await tx.fetch("SELECT coalesce(max(next_offset), 0) FROM partition"))[0][0]
    first_offset = next_offset
    answers: list[list[_Draft] | BusError] = []
    for messages in appends:
        try:
            drafts = [await _draft(tx, table, message, next_offset + n) for n, message in enumerate(messages)]
        except BusError as error:
            answers.append(error)
        else:
            answers.append(drafts)
            next_offset += len(drafts)
    written = [draft for drafts in answers if not isinstance(drafts, BusError) for draft in drafts]
    await tx.execute_many(
        "INSERT INTO record (offset, partition, timestamp_ms, event_id, key, headers, value)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        [draft.row(timestamp_ms) for draft in written],
    )
    await tx.execute_many(
        "UPDATE partition SET next_offset = $2 WHERE id = $1",
        list({draft.partition: draft.offset + 1 for draft in written}.items()),
    )
    count: int = (await tx.fetch("SELECT count(*) FROM record WHERE offset >= $1", first_offset))[0][0]
    known = {} if count == len(written) else await _known_places(tx, written)
    return [
        drafts
        if isinstance(drafts, BusError)
        else [known.get(draft.offset) or (number_in(draft.partition), draft.offset) for draft in drafts]
        for drafts in answers
    ]


async def _draft(tx: Transaction, table: TopicTable, message: Message, offset: int) -> _Draft:
    topic = await table.find(tx, message.topic)
    if len(message.value) > MAX_MESSAGE_BYTES:
        raise BusError(f"{message.topic}: a message of {len(message.value)} bytes is over {MAX_MESSAGE_BYTES}")
    partition = partition_id(topic.id, partition_of(message.key, topic.partitions))
    return _Draft(partition, offset, _event_id(message) if topic.refuses_known else None, message)


async def _known_places(tx: Transaction, drafts: Iterable[_Draft]) -> dict[int, tuple[int, int]]:
    """Where the events of these drafts stand, by the offset that the draft would have had."""
    places: dict[int, tuple[int, int]] = {}
    for draft in drafts:
        if draft.event_id is not None:
            row = await tx.fetch_one(_FIND_EVENT, draft.event_id, topic_in(draft.partition))
            if row is not None:
                places[draft.offset] = (number_in(row[0]), row[1])
    return places


def _event_id(message: Message) -> bytes | str | None:
    """The CloudEvents id; a UUID in 16 bytes, as its index is what an append costs most."""
    raw = next((value for name, value in message.headers if name == "ce_id"), None)
    if raw is None:
        return None
    text = raw.decode("utf-8", "backslashreplace")
    if len(text) == _UUID_LENGTH and text[8] == text[13] == text[18] == text[23] == "-":
        with contextlib.suppress(ValueError):
            return bytes.fromhex(text.replace("-", ""))
    return text


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
    """The offset after the last record of each partition."""
    rows = await tx.fetch(
        "SELECT id, next_offset FROM partition WHERE id >= $1 AND id < $2 ORDER BY id",
        partition_id(topic.id, 0),
        partition_id(topic.id + 1, 0),
    )
    return {Partition(topic.name, number_in(row[0])): row[1] for row in rows}


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
            "SELECT offset, key, value, headers, timestamp_ms FROM record"
            " WHERE partition = $1 AND offset >= $2 ORDER BY offset LIMIT $3",
            partition_id(topic.id, number),
            start,
            step,
        )
        for offset, key, value, headers, timestamp_ms in rows:
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
