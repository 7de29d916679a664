"""Tables of the embedded log.

An offset is the record's place in the whole file, so offsets rise within a partition with gaps, records are written at
the end of one table whatever their partition, and no offset comes twice. A partition's number in these tables is topic
and number in one integer (``partition_id``).
"""

from radbridge.runtime.bus.protocol import BusError
from radbridge.runtime.database.protocol import Transaction

SCHEMA_VERSION = 1
_PARTITION_BITS = 12

_STATEMENTS = (
    """CREATE TABLE topic (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        partitions INTEGER NOT NULL,
        retention TEXT NOT NULL,
        refuses_known INTEGER NOT NULL
    )""",
    """CREATE TABLE partition (
        id INTEGER PRIMARY KEY,
        next_offset INTEGER NOT NULL DEFAULT 0
    )""",
    """CREATE TABLE record (
        offset INTEGER PRIMARY KEY,
        partition INTEGER NOT NULL,
        timestamp_ms INTEGER NOT NULL,
        event_id BLOB,
        key TEXT NOT NULL,
        headers BLOB NOT NULL,
        value BLOB NOT NULL
    )""",
    "CREATE INDEX record_partition ON record (partition)",
    # an event is known per topic: partition >> 12 is ``topic_in(partition)``
    "CREATE UNIQUE INDEX record_event_id ON record (event_id, partition >> 12) WHERE event_id IS NOT NULL",
    """CREATE TABLE consumer_group (
        name TEXT PRIMARY KEY,
        generation INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID""",
    """CREATE TABLE group_member (
        id TEXT PRIMARY KEY,
        group_name TEXT NOT NULL,
        instance TEXT NOT NULL,
        topics TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE group_partition (
        group_name TEXT NOT NULL,
        partition INTEGER NOT NULL,
        owner TEXT,
        target TEXT,
        PRIMARY KEY (group_name, partition)
    ) WITHOUT ROWID""",
    """CREATE TABLE group_offset (
        group_name TEXT NOT NULL,
        partition INTEGER NOT NULL,
        next_offset INTEGER NOT NULL,
        PRIMARY KEY (group_name, partition)
    ) WITHOUT ROWID""",
)


async def create_schema(tx: Transaction) -> None:
    """Create the tables unless they are there.

    :raises BusError: a newer release wrote this file.
    """
    found = (await tx.fetch("PRAGMA user_version"))[0][0]
    if found > SCHEMA_VERSION:
        raise BusError(f"event log: the file has format {found}, this release reads up to {SCHEMA_VERSION}")
    if found == 0:
        for statement in _STATEMENTS:
            await tx.execute(statement)
        await tx.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def partition_id(topic_id: int, number: int) -> int:
    """A partition in one integer, unique in the file; those of a topic are one range."""
    return topic_id << _PARTITION_BITS | number


def topic_in(partition: int) -> int:
    """The topic's id in a partition id."""
    return partition >> _PARTITION_BITS


def number_in(partition: int) -> int:
    """The partition's number within its topic."""
    return partition & ((1 << _PARTITION_BITS) - 1)
