"""Tables of the embedded log.

A record's rowid is its whole address (topic, partition and offset in one integer, see ``records``), so a partition is
one range of the table and reading it needs no further index.
"""

from radbridge.runtime.bus.protocol import BusError
from radbridge.runtime.database.protocol import Transaction

SCHEMA_VERSION = 1

_STATEMENTS = (
    """CREATE TABLE topic (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        partitions INTEGER NOT NULL,
        retention TEXT NOT NULL,
        refuses_known INTEGER NOT NULL
    )""",
    """CREATE TABLE partition (
        topic_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        next_offset INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (topic_id, number)
    ) WITHOUT ROWID""",
    """CREATE TABLE record (
        address INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        event_id TEXT,
        value BLOB NOT NULL,
        headers BLOB NOT NULL,
        timestamp_ms INTEGER NOT NULL
    )""",
    "CREATE UNIQUE INDEX record_event_id ON record (event_id) WHERE event_id IS NOT NULL",
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
        topic_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        owner TEXT,
        target TEXT,
        PRIMARY KEY (group_name, topic_id, number)
    ) WITHOUT ROWID""",
    """CREATE TABLE group_offset (
        group_name TEXT NOT NULL,
        topic_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        next_offset INTEGER NOT NULL,
        PRIMARY KEY (group_name, topic_id, number)
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
