"""Reading a whole topic outside any group."""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from operator import attrgetter

from radbridge.runtime.bus.embedded import records
from radbridge.runtime.bus.embedded.bells import Bells
from radbridge.runtime.bus.embedded.storage import Storage
from radbridge.runtime.bus.embedded.topics import TopicTable
from radbridge.runtime.bus.protocol import BusUnavailable, Partition, Record
from radbridge.runtime.database.protocol import Transaction

_BATCH = 500
_RETRY_S = 1.0

_log = logging.getLogger(__name__)


async def follow(
    storage: Storage, table: TopicTable, bells: Bells, topic: str, *, from_beginning: bool
) -> AsyncIterator[Record | None]:
    """All records of a topic, for ever, those of one read in the order of their appends; ``None`` at each end.

    A file that cannot be read is waited for.

    :raises UnknownTopic: the topic does not exist.
    """
    with bells.attached([topic]) as wake:
        positions: dict[Partition, int] | None = None
        at_end = away = False
        while True:
            wake.clear()
            try:
                if positions is None:
                    positions = await _first_positions(storage, table, topic, from_beginning)
                found = await _next_batch(storage, table, positions)
            except BusUnavailable as error:
                if not away:
                    _log.warning("a follower waits for the event log", extra={"topic": topic, "reason": str(error)})
                away = True
                await asyncio.sleep(_RETRY_S)
                continue
            away = False
            for record in found:
                at_end = False
                yield record
            if found:
                continue
            if not at_end:
                at_end = True
                yield None
            await wake.wait()


async def _first_positions(
    storage: Storage, table: TopicTable, topic: str, from_beginning: bool
) -> dict[Partition, int]:
    ends = await storage.read(partial(_ends, table=table, topic=topic))
    return dict.fromkeys(ends, 0) if from_beginning else ends


async def _ends(tx: Transaction, table: TopicTable, topic: str) -> dict[Partition, int]:
    return await records.next_offsets(tx, await table.find(tx, topic))


async def _next_batch(storage: Storage, table: TopicTable, positions: dict[Partition, int]) -> list[Record]:
    wanted = dict(positions)
    fetched = await storage.read(lambda tx: records.fetch(tx, table, wanted, _BATCH))
    positions.update(fetched.next_offsets)
    return sorted(fetched.records, key=attrgetter("offset"))
