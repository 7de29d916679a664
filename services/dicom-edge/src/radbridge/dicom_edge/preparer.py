"""Prepares the metadata of series that got new objects, so that the first reader does not wait for it."""

import asyncio
import logging
from itertools import groupby

from radbridge.dicom_edge import store
from radbridge.dicom_edge.domain.dataset import DataSetError
from radbridge.dicom_edge.metadata import PreparedMetadata
from radbridge.dicom_edge.objects import ObjectElsewhere, ObjectMissing
from radbridge.dicom_edge.queries import Scope, instances_to_serve
from radbridge.dicom_edge.volume import VolumeFull
from radbridge.runtime.blobs.protocol import BlobError
from radbridge.runtime.database.protocol import Database, DatabaseError

_WAITING_MAX = 10_000
_SETTLE_SECONDS = 2.0
"""A study that was just announced may go on arriving; readers who come first prepare what they need themselves."""

_log = logging.getLogger(__name__)


class Preparer:
    """A queue of studies. What is lost of it is prepared by the first reader."""

    def __init__(self, database: Database, metadata: PreparedMetadata) -> None:
        self._database = database
        self._metadata = metadata
        self._waiting: dict[str, None] = {}
        self._woken = asyncio.Event()

    def add(self, study_id: str) -> None:
        """A study has new objects."""
        if len(self._waiting) < _WAITING_MAX:
            self._waiting[study_id] = None
            self._woken.set()

    async def run(self) -> None:
        """Prepare for ever."""
        while True:
            await self._woken.wait()
            await asyncio.sleep(_SETTLE_SECONDS)
            self._woken.clear()
            waiting, self._waiting = self._waiting, {}
            for study_id in waiting:
                try:
                    await self._prepare(study_id)
                except (ObjectElsewhere, ObjectMissing, DataSetError, VolumeFull, BlobError, DatabaseError) as error:
                    _log.info("metadata is left to its first reader: %s", type(error).__name__)

    async def _prepare(self, study_id: str) -> None:
        study = await self._database.read(lambda tx: store.study_row(tx, study_id))
        if study is None:
            return
        scope = Scope(study["institution_id"])
        found = await instances_to_serve(self._database, scope, study["study_uid"])
        for _, series in groupby(found, key=lambda one: one.series_uid):
            await self._metadata.of_series(study["study_uid"], list(series))
