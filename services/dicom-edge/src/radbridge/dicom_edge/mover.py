"""Moves objects from the volume to the object store. Safe at each point of a crash:

object synced in the store → row says so, committed → file removed. A crash before the row puts the same bytes under the
same name again; one before the removal leaves a file that ``leftovers`` removes after the next start.
"""

import asyncio
import hashlib
import logging
from datetime import timedelta
from pathlib import Path

from radbridge.dicom_edge import store
from radbridge.dicom_edge.objects import blob_name
from radbridge.dicom_edge.store import Instance
from radbridge.dicom_edge.volume import Volume, is_exhaustion
from radbridge.runtime.blobs.protocol import BlobError, BlobMissing, BlobStore
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable

_BATCH = 50
_PAUSE_SECONDS = 2.0
_AWAY_SECONDS = 5.0
_HASH_CHUNK_BYTES = 1 << 20

_log = logging.getLogger(__name__)


class Mover:
    """Moves what is old enough; holds back as quarantined what is damaged on the volume."""

    def __init__(
        self, volume: Volume, blobs: BlobStore, database: Database, *, clock: Clock, move_after: timedelta
    ) -> None:
        self._volume = volume
        self._blobs = blobs
        self._database = database
        self._clock = clock
        self._move_after = move_after

    async def run(self) -> None:
        """Move for ever; waits while the object store or the database is away."""
        while True:
            try:
                moved = await self.move_batch()
            except (BlobError, DatabaseUnavailable) as error:
                _log.warning("moving objects waits: %s", type(error).__name__)
                await asyncio.sleep(_AWAY_SECONDS)
                continue
            if moved < _BATCH:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def move_batch(self) -> int:
        """Move the oldest objects that are due; answers how many were looked at."""
        before = to_micros(self._clock() - self._move_after)
        volume_id = self._volume.id
        rows = await self._database.read(lambda tx: store.instances_on_volume(tx, volume_id, before, _BATCH))
        moved: list[Instance] = []
        try:
            for row in rows:
                instance = store.instance_of(row)
                if await self._is_in_the_store(instance):
                    moved.append(instance)
        finally:
            await self._settle(moved)
        return len(rows)

    async def _settle(self, moved: list[Instance]) -> None:
        if not moved:
            return
        keys = [(instance.institution_id, instance.sop_instance_uid) for instance in moved]
        await self._database.write(lambda tx: store.mark_moved(tx, keys))
        for instance in moved:
            try:
                await asyncio.to_thread(self._volume.remove, instance.object_name)
            except OSError as error:
                _log.warning(
                    "a file that was moved stays", extra={"object_name": instance.object_name, "errno": error.errno}
                )

    async def _is_in_the_store(self, instance: Instance) -> bool:
        """Put one object into the store. What cannot be put because of its file is quarantined: it must not keep those
        behind it.

        :raises BlobError: the store is away.
        """
        path = self._volume.path(instance.object_name)
        try:
            digest = await asyncio.to_thread(_file_digest, path, instance.head_bytes)
            if digest == instance.data_set_sha256:
                await self._blobs.put_file(blob_name(instance), path)
                return True
        except FileNotFoundError:
            # moved after the backup that this row comes from was made
            if await self._stored_digest(instance) == instance.data_set_sha256:
                return True
            await self._hold_back(instance, "missing_on_volume")
            return False
        except OSError as error:
            if is_exhaustion(error):
                raise
            _log.warning("a file cannot be read", exc_info=True, extra={"object_name": instance.object_name})
        await self._hold_back(instance, "damaged_on_volume")
        return False

    async def _stored_digest(self, instance: Instance) -> str | None:
        digest = hashlib.sha256()
        skip = instance.head_bytes
        try:
            async for chunk in self._blobs.stream(blob_name(instance), chunk_size=_HASH_CHUNK_BYTES):
                await asyncio.to_thread(digest.update, memoryview(chunk)[skip:])
                skip = max(0, skip - len(chunk))
        except BlobMissing:
            return None
        return digest.hexdigest()

    async def _hold_back(self, instance: Instance, reason: str) -> None:
        _log.error("an object is held back", extra={"object_name": instance.object_name, "reason": reason})
        at = to_micros(self._clock())
        await self._database.write(
            lambda tx: store.quarantine(tx, instance.institution_id, instance.sop_instance_uid, reason=reason, at=at)
        )


def _file_digest(path: Path, head_bytes: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(head_bytes)
        while chunk := file.read(_HASH_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
