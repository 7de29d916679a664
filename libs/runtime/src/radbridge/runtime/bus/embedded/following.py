"""Reading a whole topic outside any group."""

from collections.abc import AsyncIterator
from functools import partial
from operator import attrgetter

from radbridge.runtime.bus.embedded import records
from radbridge.runtime.bus.embedded.bells import Bells
from radbridge.runtime.bus.embedded.storage import Storage
from radbridge.runtime.bus.embedded.topics import TopicTable
from radbridge.runtime.bus.protocol import Partition, Record
from radbridge.runtime.database.protocol import Transaction

_BATCH = 500


async def follow(
    storage: Storage, table: TopicTable, bells: Bells, topic: str, *, from_beginning: bool
) -> AsyncIterator[Record | None]:
    """All records of a topic, for ever, those of one read in the order of their appends; ``None`` at each end."""
    with bells.attached([topic]) as wake:
        ends = await storage.read(partial(_ends, table=table, topic=topic))
        positions = dict.fromkeys(ends, 0) if from_beginning else ends
        while True:
            wake.clear()
            found = await _next_batch(storage, table, positions)
            for record in found:
                yield record
            if not found:
                yield None
                await wake.wait()


async def _ends(tx: Transaction, table: TopicTable, topic: str) -> dict[Partition, int]:
    return await records.next_offsets(tx, await table.find(tx, topic))


async def _next_batch(storage: Storage, table: TopicTable, positions: dict[Partition, int]) -> list[Record]:
    wanted = dict(positions)
    fetched = await storage.read(lambda tx: records.fetch(tx, table, wanted, _BATCH))
    positions.update(fetched.next_offsets)
    return sorted(fetched.records, key=attrgetter("offset"))
