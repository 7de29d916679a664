"""What retention removes: all but the newest record of a key, and what is older than a day.

Small steps, so that no producer waits long behind one. Records of the last minutes stay whatever their key, so that a
relay that sends the same event again is still recognised.
"""

from radbridge.contracts.topics import Retention
from radbridge.runtime.bus.embedded.schema import partition_id
from radbridge.runtime.bus.embedded.topics import read_topics
from radbridge.runtime.database.protocol import Transaction

CLEAN_EVERY_S = 60.0
COMPACT_AFTER_MS = 5 * 60_000
DAY_MS = 24 * 3_600_000
_STEP = 500

# the oldest of a partition stand first, so nothing but them is looked at
_DELETE_OLD = """
    DELETE FROM record WHERE timestamp_ms < $2 AND offset IN (
        SELECT offset FROM record WHERE partition = $1 ORDER BY offset LIMIT $3)"""
_DELETE_REPLACED = """
    DELETE FROM record WHERE offset IN (
        SELECT offset FROM (
            SELECT offset, timestamp_ms, lead(offset) OVER (PARTITION BY key ORDER BY offset) AS newer
            FROM record WHERE partition = $1)
        WHERE newer IS NOT NULL AND timestamp_ms < $2 LIMIT $3)"""


async def clean_step(tx: Transaction, now_ms: int) -> int:
    """Remove a bounded number of records; answers how many, 0 when nothing is left to remove."""
    removed = 0
    for topic in await read_topics(tx):
        for number in range(topic.partitions):
            partition = partition_id(topic.id, number)
            if topic.retention is Retention.DAY:
                removed += await tx.execute(_DELETE_OLD, partition, now_ms - DAY_MS, _STEP)
            elif topic.retention is Retention.COMPACT:
                removed += await tx.execute(_DELETE_REPLACED, partition, now_ms - COMPACT_AFTER_MS, _STEP)
    return removed
