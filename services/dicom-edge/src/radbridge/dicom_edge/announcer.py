"""``images.stored``: one event for what arrived of a study, soon after it stopped arriving, never lost.

What is due is in memory only for speed; the truth is the ``announced`` flag of each object, so a start finds what a
crash left unannounced.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from radbridge.contracts.events.images import ImagesStored, StoredSeries
from radbridge.dicom_edge import store
from radbridge.runtime.clock import Clock
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, Transaction
from radbridge.runtime.outbox import Outbox
from radbridge.runtime.telemetry.traces import Tracing, current_traceparent
from radbridge.runtime.waiting import set_within

_SERIES_MAX = 1000
"""Series named in one event; events stay small. The counts are of all."""
_RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Due:
    first: float
    last: float
    traceparent: str | None


class Announcer:
    """Publishes ``images.stored`` for studies that got new objects. Lives on the event loop.

    :param quiet: how long nothing of a study must have arrived.
    :param at_most: how long a study that keeps arriving waits.
    :param on_announced: told each study after its event was committed.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        tracing: Tracing,
        *,
        clock: Clock,
        quiet: timedelta,
        at_most: timedelta,
        on_announced: Callable[[str], None],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._tracing = tracing
        self._clock = clock
        self._quiet = quiet.total_seconds()
        self._at_most = at_most.total_seconds()
        self._on_announced = on_announced
        self._due: dict[str, _Due] = {}
        self._woken = asyncio.Event()

    def arrived(self, study_id: str) -> None:
        """A new object of the study was committed; called where its trace is current."""
        now = asyncio.get_running_loop().time()
        due = self._due.get(study_id)
        if due is None:
            self._due[study_id] = _Due(now, now, current_traceparent())
            self._woken.set()
        else:
            due.last = now

    def hurry(self, study_ids: set[str]) -> None:
        """The association that brought these studies ended: no need to wait for quiet."""
        for study_id in study_ids:
            if (due := self._due.get(study_id)) is not None:
                due.last = 0.0
        self._woken.set()

    async def run(self) -> None:
        """Announce for ever, beginning with what an earlier process left."""
        for study_id in await self._database.read(store.unannounced_studies):
            self.arrived(study_id)
        while True:
            self._woken.clear()
            await set_within(self._woken, await self._announce_due())

    async def flush(self) -> None:
        """Announce everything now; before a stop."""
        for study_id in list(self._due):
            await self._announce_if_possible(study_id)

    async def _announce_due(self) -> float | None:
        """Announce what is due; answers how long nothing else will be."""
        now = asyncio.get_running_loop().time()
        pause: float | None = None
        for study_id, due in list(self._due.items()):
            wait = min(due.last + self._quiet, due.first + self._at_most) - now
            if wait <= 0:
                wait = 0.0 if await self._announce_if_possible(study_id) else _RETRY_SECONDS
            if wait > 0:
                pause = wait if pause is None else min(pause, wait)
        return pause

    async def _announce_if_possible(self, study_id: str) -> bool:
        due = self._due.pop(study_id)
        try:
            with self._tracing.span("images.announce", traceparent=due.traceparent):
                announced = await self._database.write(lambda tx: self._announce(tx, study_id))
        except DatabaseUnavailable as error:
            _log.warning("an announcement waits for the database: %s", type(error).__name__)
            self._due.setdefault(study_id, due)
            return False
        if announced:
            self._on_announced(study_id)
        return True

    async def _announce(self, tx: Transaction, study_id: str) -> bool:
        await tx.lock(f"study/{study_id}")
        new_instances = await store.mark_announced(tx, study_id)
        study = await store.study_row(tx, study_id)
        if not new_instances or study is None:
            return False
        series = await store.series_counts(tx, study_id)
        body = ImagesStored(
            study_id=study_id,
            institution_id=study["institution_id"],
            study_uid=study["study_uid"],
            accession_number=study["accession_number"],
            modalities=sorted({row["modality"] for row in series if row["modality"]}),
            series=[
                StoredSeries(series_uid=row["series_uid"], modality=row["modality"], instances=row["instances"])
                for row in series[:_SERIES_MAX]
            ],
            instances=sum(row["instances"] for row in series),
            new_instances=new_instances,
            bytes=sum(int(row["bytes"]) for row in series),
            stored_at=self._clock(),
        )
        await self._outbox.publish(tx, body)
        return True
