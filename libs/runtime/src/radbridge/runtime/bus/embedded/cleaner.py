"""What retention removes: all but the newest record of a key, and what is older than a day.

Small steps, so that no producer waits long behind one. Records of the last minutes stay whatever their key, so that a
relay that sends the same event again is still recognised.
"""

from radbridge.contracts.topics import Retention
from radbridge.runtime.bus.embedded.records import address
from radbridge.runtime.bus.embedded.topics import read_topics
from radbridge.runtime.database.protocol import Transaction

CLEAN_EVERY_S = 60.0
COMPACT_AFTER_MS = 5 * 60_000
DAY_MS = 24 * 3_600_000
_STEP = 500

# the oldest of a partition stand first, so nothing but them is looked at
_DELETE_OLD = """
    DELETE FROM record WHERE address IN (
        SELECT address FROM record WHERE address >= $1 AND address < $2 ORDER BY address LIMIT $3)
    AND timestamp_ms < $4"""
_DELETE_REPLACED = """
    DELETE FROM record WHERE address IN (
        SELECT address FROM (
            SELECT address, timestamp_ms, lead(address) OVER (PARTITION BY key ORDER BY address) AS newer
            FROM record WHERE address >= $1 AND address < $2)
        WHERE newer IS NOT NULL AND timestamp_ms < $3 LIMIT $4)"""


async def clean_step(tx: Transaction, now_ms: int) -> int:
    """Remove a bounded number of records; answers how many, 0 when nothing is left to remove."""
    removed = 0
    for topic in await read_topics(tx):
        first, end = address(topic.id, 0, 0), address(topic.id + 1, 0, 0)
        if topic.retention is Retention.DAY:
            for number in range(topic.partitions):
                first, end = address(topic.id, number, 0), address(topic.id, number + 1, 0)
                removed += await tx.execute(_DELETE_OLD, first, end, _STEP, now_ms - DAY_MS)
        elif topic.retention is Retention.COMPACT:
            removed += await tx.execute(_DELETE_REPLACED, first, end, now_ms - COMPACT_AFTER_MS, _STEP)
    return removed
