"""Deletes sealed objects that nobody ever named: of pushes that were refused, or cut off before their commit."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from radbridge.runtime.blob_ledger import BlobLedger
from radbridge.runtime.blobs.protocol import BlobError, BlobInfo, BlobStore
from radbridge.runtime.bus.protocol import BusError
from radbridge.runtime.clock import Clock
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable
from radbridge.runtime.outbox import Outbox
from radbridge.runtime.telemetry.logs import describe_error
from radbridge.runtime.telemetry.meters import Meters

UNNAMED_FOR = timedelta(hours=24)
"""An object of that age whose commit has not come will not be named any more."""
_EVERY = timedelta(hours=24)
_FIRST_AFTER = timedelta(minutes=10)
_OUTBOX_AT_MOST = timedelta(hours=1)
_BATCH = 100
_BETWEEN_BATCHES_SECONDS = 0.05
_DELETE_WITHIN_SECONDS = 60.0
_LEFT_AFTER = timedelta(minutes=10)
"""Well over what a sweeper allows itself, so that two never delete the same object."""

_log = logging.getLogger(__name__)


class SweepTooSlow(Exception):
    """Condemned objects were not deleted in time; a later sweep ends it."""


async def _nothing_to_recall() -> None: ...


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """Sweeps a service's objects once a day, one process of the service at a time.

    :ivar prefixes: answers where the service's objects lie; nothing else is looked at.
    :ivar recall: brings the ledger up to date with what the service's events and rows name, before anything is judged.
    """

    blobs: BlobStore
    database: Database
    ledger: BlobLedger
    outbox: Outbox
    meters: Meters
    clock: Clock
    prefixes: Callable[[], Awaitable[Sequence[str]]]
    recall: Callable[[], Awaitable[None]] = field(default=_nothing_to_recall)

    async def run(self) -> None:
        """Sweep for ever; a sweep that a dependency breaks off goes on the next time."""
        await asyncio.sleep(_FIRST_AFTER.total_seconds())
        while True:
            try:
                await self.sweep()
            except (BlobError, BusError, DatabaseUnavailable, SweepTooSlow) as error:
                _log.warning("the sweep of objects waits", extra={"reason": describe_error(error)})
                await asyncio.sleep(_FIRST_AFTER.total_seconds())
            else:
                await asyncio.sleep(_EVERY.total_seconds())

    async def sweep(self) -> int:
        """Delete what lies there for a day without a name; answers how many objects. Nothing where another process
        sweeps, or where events wait in the outbox for long: what they name may be known from nowhere else.

        :raises BlobError: the object store is away; likewise ``BusError`` and ``DatabaseUnavailable``.
        """
        lease = self.database.lease("blob_sweeper")
        try:
            if not await lease.hold() or (await self.outbox.backlog()).oldest_age > _OUTBOX_AT_MOST:
                return 0
            await self.recall()
            await self._end_what_was_left()
            swept = 0
            for prefix in await self.prefixes():
                swept += await self._sweep(prefix)
            await self.ledger.forget_deleted()
            return swept
        finally:
            await lease.release()

    async def _sweep(self, prefix: str) -> int:
        before = (self.clock() - UNNAMED_FOR).timestamp()
        swept = 0
        batch: list[BlobInfo] = []
        async for info in self.blobs.list(prefix):
            if info.modified_at < before:
                batch.append(info)
            if len(batch) == _BATCH:
                swept += await self._delete_unnamed(batch)
                batch = []
                await asyncio.sleep(_BETWEEN_BATCHES_SECONDS)
        return swept + await self._delete_unnamed(batch)

    async def _delete_unnamed(self, batch: Sequence[BlobInfo]) -> int:
        condemned = await self.ledger.condemn([info.name for info in batch])
        await self._delete(condemned)
        sizes = {info.name: info.size for info in batch}
        for name in condemned:
            self._count(sizes[name])
        return len(condemned)

    async def _delete(self, names: Sequence[str]) -> None:
        """One by one; whoever needs one of them meanwhile waits for the end."""
        until = time.monotonic() + _DELETE_WITHIN_SECONDS
        for name in names:
            if time.monotonic() > until:
                raise SweepTooSlow("the object store deletes too slowly")
            await self.blobs.delete(name)
            await self.ledger.note_deleted([name])

    async def _end_what_was_left(self) -> None:
        while names := await self.ledger.left_condemned(_LEFT_AFTER, _BATCH):
            await self._delete(names)

    def _count(self, size: int) -> None:
        count = self.meters.counter("radbridge_blobs_swept", "Objects deleted that nobody named.", "service")
        count.labels(self.meters.service).inc()
        total = self.meters.counter("radbridge_blobs_swept_bytes", "Their bytes, sealed.", "service")
        total.labels(self.meters.service).inc(size)
