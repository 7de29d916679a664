"""Reading objects, wherever they lie: on this service's volume or in the object store."""

import asyncio
import os
from collections.abc import AsyncIterator

from radbridge.dicom_edge import store
from radbridge.dicom_edge.domain.dataset import Buffer
from radbridge.dicom_edge.domain.header import inflate
from radbridge.dicom_edge.domain.transfer_syntaxes import is_deflated
from radbridge.dicom_edge.store import Instance
from radbridge.dicom_edge.volume import Volume, object_id
from radbridge.runtime.blobs.protocol import BlobMissing, BlobStore
from radbridge.runtime.database.protocol import Database

_CHUNK_BYTES = 1 << 20


class ObjectElsewhere(Exception):
    """The object lies on the volume of another replica and has not moved yet; trying again later helps."""


class ObjectMissing(Exception):
    """The object is in the index, but not where it should lie."""


def blob_name(instance: Instance) -> str:
    """Name of an object in the object store; ids only, nothing a sender wrote."""
    return f"dicom/{instance.institution_id}/{instance.study_id}/{object_id(instance.object_name)}.dcm"


class Objects:
    """Reads stored objects, while they move and after."""

    def __init__(self, volume: Volume, blobs: BlobStore, database: Database) -> None:
        self._volume = volume
        self._blobs = blobs
        self._database = database

    async def read(self, instance: Instance, *, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of the stored file.

        :raises ObjectElsewhere: another replica's volume has it.
        :raises ObjectMissing: it is gone.
        """
        length = instance.size - offset if length is None else length
        if instance.volume_id is not None:
            self._check_here(instance)
            try:
                return await asyncio.to_thread(self._read_file, instance.object_name, offset, length)
            except FileNotFoundError:
                instance = await self._moved(instance)
        try:
            return await self._blobs.get(blob_name(instance), offset=offset, length=length)
        except BlobMissing as error:
            raise ObjectMissing(instance.object_name) from error

    async def stream(self, instance: Instance) -> AsyncIterator[bytes]:
        """The stored file in chunks."""
        for offset in range(0, instance.size, _CHUNK_BYTES):
            yield await self.read(instance, offset=offset, length=min(_CHUNK_BYTES, instance.size - offset))

    async def data_set(self, instance: Instance) -> Buffer:
        """The whole data set, inflated where it is deflated."""
        data = await self.read(instance, offset=instance.head_bytes)
        return await asyncio.to_thread(inflate, data) if is_deflated(instance.transfer_syntax_uid) else data

    async def header(self, instance: Instance) -> Buffer:
        """The data set up to the value of its pixel data, or the whole where it has none."""
        if not instance.pixel_tag or is_deflated(instance.transfer_syntax_uid):
            return await self.data_set(instance)
        return await self.read(instance, offset=instance.head_bytes, length=instance.pixel_offset)

    async def pixel_bytes(self, instance: Instance, offset: int, length: int) -> bytes:
        """Part of the pixel data's value."""
        if is_deflated(instance.transfer_syntax_uid):
            start = instance.pixel_offset + offset
            return bytes((await self.data_set(instance))[start : start + length])
        return await self.read(instance, offset=instance.head_bytes + instance.pixel_offset + offset, length=length)

    def _check_here(self, instance: Instance) -> None:
        if instance.volume_id != self._volume.id:
            raise ObjectElsewhere(instance.object_name)

    def _read_file(self, name: str, offset: int, length: int) -> bytes:
        fd = os.open(self._volume.path(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, length, offset)
        finally:
            os.close(fd)

    async def _moved(self, instance: Instance) -> Instance:
        """The object's present row, after it was not found where an older row said."""
        row = await self._database.fetch_one(
            "SELECT * FROM instance WHERE institution_id = $1 AND sop_instance_uid = $2",
            instance.institution_id,
            instance.sop_instance_uid,
        )
        if row is None or row["volume_id"] is not None:
            raise ObjectMissing(instance.object_name)
        return store.instance_of(row)
