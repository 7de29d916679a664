"""Moves objects from the volume to the object store. Safe at each point of a crash:

object synced in the store → row says so, committed → file removed. A crash before the row puts the same bytes under the
same name again; one before the removal leaves a file without a row, which the next start removes.
"""

import asyncio
import hashlib
import logging
from datetime import timedelta
from pathlib import Path

from radbridge.dicom_edge import store
from radbridge.dicom_edge.objects import blob_name
from radbridge.dicom_edge.store import Instance
from radbridge.dicom_edge.volume import Volume
from radbridge.runtime.blobs.protocol import BlobError, BlobStore
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
        for row in rows:
            instance = store.instance_of(row)
            if await self._is_sound(instance):
                await self._blobs.put_file(blob_name(instance), self._volume.path(instance.object_name))
                moved.append(instance)
        if moved:
            keys = [(instance.institution_id, instance.sop_instance_uid) for instance in moved]
            await self._database.write(lambda tx: store.mark_moved(tx, keys))
            for instance in moved:
                self._volume.remove(instance.object_name)
        return len(rows)

    async def _is_sound(self, instance: Instance) -> bool:
        """Whether the file is still what was received; if not, it is quarantined."""
        path = self._volume.path(instance.object_name)
        digest = await asyncio.to_thread(_data_set_digest, path, instance.head_bytes)
        if digest == instance.data_set_sha256:
            return True
        reason = "missing_on_volume" if digest is None else "damaged_on_volume"
        _log.error("an object is held back", extra={"object_name": instance.object_name, "reason": reason})
        at = to_micros(self._clock())
        await self._database.write(
            lambda tx: store.quarantine(tx, instance.institution_id, instance.sop_instance_uid, reason=reason, at=at)
        )
        return False


async def remove_orphans(volume: Volume, database: Database) -> int:
    """Remove files that no row names: of objects never acknowledged, or moved. Only while nothing is received."""
    named = await database.read(lambda tx: store.names_on_volume(tx, volume.id))
    orphans = [name for name in await asyncio.to_thread(lambda: list(volume.names())) if name not in named]
    for name in orphans:
        volume.remove(name)
    return len(orphans)


def _data_set_digest(path: Path, head_bytes: int) -> str | None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            file.seek(head_bytes)
            while chunk := file.read(_HASH_CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        return None
    return digest.hexdigest()
