"""Files on the volume that the index does not name: what a crash left, or what an older copy of the database lacks.

Nothing that may have been acknowledged is lost. A file goes only where its bytes are held elsewhere, or where it was
never received whole. All others are indexed again, under the institution that the file's name tells; where that is not
possible, they are set aside.
"""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from pathlib import Path

from radbridge.dicom_edge import store
from radbridge.dicom_edge.domain.dataset import DataSetError
from radbridge.dicom_edge.domain.header import SOP_INSTANCE_UID
from radbridge.dicom_edge.entries import Examined, examine, new_instance, new_series, new_study
from radbridge.dicom_edge.objects import blob_name
from radbridge.dicom_edge.store import Added, Instance
from radbridge.dicom_edge.volume import Volume, is_exhaustion
from radbridge.runtime.blobs.protocol import BlobError, BlobStore
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, Row, Transaction
from radbridge.runtime.security.keyring import Keyring, SealError
from radbridge.runtime.security.vault import Vault

RECEIVED_BY = "volume"
"""How an object came that was indexed again."""
_NAMES_PAGE = 10_000
_RETRY_SECONDS = 1.0
_RETRY_SECONDS_MAX = 600.0
_READ_CHUNK_BYTES = 1 << 20

_log = logging.getLogger(__name__)


class Outcome(Enum):
    """What became of a file."""

    NAMED = auto()
    """The index names it by now, or it is gone."""
    INDEXED = auto()
    REMOVED = auto()
    """Its bytes are held elsewhere."""
    SET_ASIDE = auto()
    WAITS = auto()
    """Its institution's keys are not here yet, another replica must move its object first, or it cannot be touched."""


class Leftovers:
    """Settles files without a row, in the background of a start.

    :param on_new: told, on the event loop, of the study of each object that was indexed again.
    """

    def __init__(
        self,
        volume: Volume,
        blobs: BlobStore,
        database: Database,
        keyring: Keyring,
        vault: Vault,
        *,
        on_new: Callable[[str], None],
    ) -> None:
        self._volume = volume
        self._blobs = blobs
        self._database = database
        self._keyring = keyring
        self._vault = vault
        self._on_new = on_new

    async def run(self) -> None:
        """Settle all files, and come back to those that wait, ever more rarely; ends when there are none."""
        pause = _RETRY_SECONDS
        while await self._are_left():
            await asyncio.sleep(pause)
            pause = min(2 * pause, _RETRY_SECONDS_MAX)

    async def settle(self) -> Counter[Outcome]:
        """Settle all files that are there now, one after the other.

        :raises BlobError: the object store is away.
        :raises DatabaseUnavailable: the database is.
        """
        if drafts := await asyncio.to_thread(self._volume.remove_drafts):
            _log.info("%d files that were not received whole were removed", drafts)
        outcomes: Counter[Outcome] = Counter()
        named = await self._named()
        try:
            for folder in self._volume.folders():
                for name in await asyncio.to_thread(self._volume.names, folder):
                    if name not in named and not self._volume.is_receiving(name):
                        outcomes[await self._settle_if_possible(name)] += 1
        finally:
            await self._tell(outcomes)
        return outcomes

    async def _are_left(self) -> bool:
        try:
            return (await self.settle())[Outcome.WAITS] > 0
        except (BlobError, DatabaseUnavailable) as error:
            _log.warning("files without a row wait: %s", type(error).__name__)
            return True

    async def _named(self) -> set[str]:
        named: set[str] = set()
        last = (0, "")
        while True:
            page = await self._database.read(partial(self._names_after, last))
            named.update(name for _, name in page)
            if len(page) < _NAMES_PAGE:
                return named
            last = page[-1]

    async def _names_after(self, last: tuple[int, str], tx: Transaction) -> list[tuple[int, str]]:
        return await store.names_on_volume(tx, self._volume.id, last, _NAMES_PAGE)

    async def _settle_if_possible(self, name: str) -> Outcome:
        try:
            return await self._settle(name)
        except OSError as error:
            _log.warning("a file without a row cannot be touched", extra={"object_name": name, "errno": error.errno})
            return Outcome.WAITS

    async def _settle(self, name: str) -> Outcome:
        """Decide on one file. The row is looked for now: it may have come since the names were read."""
        owner = self._volume.owner(name)
        try:
            if owner:
                self._keyring.sealing_key(owner, "patient")
            examined = await asyncio.to_thread(_read, self._volume.path(name))
        except SealError:
            return Outcome.WAITS
        except FileNotFoundError:
            return Outcome.NAMED
        except DataSetError as error:
            return await self._set_aside(name, str(error))
        except OSError as error:
            if is_exhaustion(error):
                raise
            return await self._set_aside(name, "it cannot be read")
        uid = examined.header.uid(SOP_INSTANCE_UID)
        row = await self._database.read(lambda tx: store.row_of_name(tx, uid, name))
        if row is not None:
            return await self._of_row(store.instance_of(row))
        if not owner:
            return await self._set_aside(name, "its name tells no institution")
        return await self._index(name, owner, examined)

    async def _of_row(self, instance: Instance) -> Outcome:
        """The index names the file, but on another volume or in the object store."""
        if instance.volume_id == self._volume.id:
            return Outcome.NAMED
        if instance.volume_id is None and await self._blobs.exists(blob_name(instance)):
            await asyncio.to_thread(self._volume.remove, instance.object_name)
            return Outcome.REMOVED
        await self._database.write(lambda tx: store.mark_on_volume(tx, instance, self._volume.id))
        return Outcome.INDEXED

    async def _index(self, name: str, institution_id: str, examined: Examined) -> Outcome:
        header = examined.header
        instance = new_instance(
            examined,
            institution_id,
            object_name=name,
            volume_id=self._volume.id,
            received_at=await asyncio.to_thread(_written_at, self._volume.path(name)),
            received_by=RECEIVED_BY,
        )
        study = new_study(header, institution_id, self._keyring, self._vault)
        series = new_series(header, institution_id, self._keyring)
        added = await self._database.write(lambda tx: store.add_instance(tx, instance, study, series))
        if added is Added.DIFFERENT:
            return await self._set_aside(name, "another object has its SOP Instance UID")
        if added is Added.IDENTICAL:
            row = await self._database.read(lambda tx: store.row_of(tx, institution_id, instance.sop_instance_uid))
            settled = None if row is None else await self._as_second_copy(name, row)
            if settled is not None:
                return settled
            await self._database.write(lambda tx: store.replace_copy(tx, instance))
        self._on_new(instance.study_id)
        return Outcome.INDEXED

    async def _as_second_copy(self, name: str, row: Row) -> Outcome | None:
        """The index has the same object under another name; ``None`` where that copy is gone."""
        first = store.instance_of(row)
        if first.object_name == name:
            return Outcome.NAMED
        if first.volume_id is None:
            is_held = await self._blobs.exists(blob_name(first))
        elif first.volume_id == self._volume.id:
            is_held = await asyncio.to_thread(self._volume.path(first.object_name).is_file)
        else:
            return Outcome.WAITS
        if not is_held:
            return None
        await asyncio.to_thread(self._volume.remove, name)
        return Outcome.REMOVED

    async def _set_aside(self, name: str, reason: str) -> Outcome:
        _log.warning("a file without a row is set aside", extra={"object_name": name, "reason": reason})
        await asyncio.to_thread(self._volume.set_aside, name)
        return Outcome.SET_ASIDE

    async def _tell(self, outcomes: Counter[Outcome]) -> None:
        if outcomes[Outcome.INDEXED]:
            _log.warning("%d objects on the volume had no row and were indexed again", outcomes[Outcome.INDEXED])
        if outcomes[Outcome.REMOVED]:
            _log.info("%d files whose bytes are held elsewhere were removed", outcomes[Outcome.REMOVED])
        if outcomes[Outcome.WAITS]:
            _log.warning(
                "%d files without a row wait for their institution's keys, another replica or the disk",
                outcomes[Outcome.WAITS],
            )
        if aside := await asyncio.to_thread(self._volume.count_aside):
            _log.warning("%d files that the index has no place for lie in %s", aside, self._volume.aside)


def _read(path: Path) -> Examined:
    """Read a file whole before it is mapped: a disk that fails is an error to the one and kills a process by the
    other.

    :raises DataSetError: it cannot be indexed.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise DataSetError("the file is empty")
        while file.read(_READ_CHUNK_BYTES):
            pass
        examined = examine(file.fileno(), size)
    if fault := examined.header.identity_fault():
        raise DataSetError(fault)
    return examined


def _written_at(path: Path) -> int:
    """Microseconds since 1970."""
    return path.stat().st_mtime_ns // 1000
