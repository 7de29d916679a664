"""Reading objects, wherever they lie: on this service's volume or in the object store."""

import asyncio
import mmap
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import IO

from radbridge.dicom_edge import store
from radbridge.dicom_edge.domain.dataset import Buffer, DataSetError
from radbridge.dicom_edge.domain.frames import Frame
from radbridge.dicom_edge.domain.header import INFLATED_MAX, INFLATION_MAX, Inflater
from radbridge.dicom_edge.domain.transfer_syntaxes import is_deflated
from radbridge.dicom_edge.store import Instance
from radbridge.dicom_edge.volume import Volume, VolumeFull, object_id
from radbridge.runtime.blobs.protocol import BlobMissing, BlobStore
from radbridge.runtime.database.protocol import Database

CHUNK_BYTES = 1 << 20
_IN_MEMORY_BYTES_MAX = 4 << 20


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
        async for chunk in self._chunks(instance, 0, instance.size):
            yield chunk

    async def data_set(self, instance: Instance) -> Buffer:
        """The whole data set, inflated where it is deflated. A large one is mapped from a file, so that it takes no
        memory.

        :raises VolumeFull: there is no room for that file.
        """
        length = instance.size - instance.head_bytes
        if is_deflated(instance.transfer_syntax_uid):
            bytes_max = min(INFLATED_MAX, length * INFLATION_MAX)
            return await self._gathered(_inflated(self._chunks(instance, instance.head_bytes, length)), bytes_max)
        return await self._part(instance, length)

    async def header(self, instance: Instance) -> Buffer:
        """The data set up to the value of its pixel data, or the whole where it has none; raises as ``data_set``."""
        if not instance.pixel_tag or is_deflated(instance.transfer_syntax_uid):
            return await self.data_set(instance)
        return await self._part(instance, instance.pixel_offset)

    async def pixel_value(self, instance: Instance) -> "StoredBytes":
        """The value of the pixel data; raises as ``data_set``."""
        if is_deflated(instance.transfer_syntax_uid):
            data = await self.data_set(instance)
            return StoredBytes.of(data[instance.pixel_offset : instance.pixel_offset + instance.pixel_length])
        start = instance.head_bytes + instance.pixel_offset
        return StoredBytes(
            lambda offset, length: self.read(instance, offset=start + offset, length=length), instance.pixel_length
        )

    async def _part(self, instance: Instance, length: int) -> Buffer:
        """The beginning of a data set."""
        return await self._gathered(self._chunks(instance, instance.head_bytes, length), length)

    async def _gathered(self, chunks: AsyncIterator[bytes], bytes_max: int) -> Buffer:
        """Chunks as one buffer, many of them in a file without a name."""
        if bytes_max <= _IN_MEMORY_BYTES_MAX:
            return b"".join([chunk async for chunk in chunks])
        with await asyncio.to_thread(self._volume.scratch, bytes_max) as file:
            async for chunk in chunks:
                await asyncio.to_thread(_write, file, chunk)
            return memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)) if file.tell() else b""

    async def _chunks(self, instance: Instance, start: int, length: int) -> AsyncIterator[bytes]:
        for offset in range(start, start + length, CHUNK_BYTES):
            yield await self.read(instance, offset=offset, length=min(CHUNK_BYTES, start + length - offset))

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


def _write(file: IO[bytes], data: bytes) -> None:
    """Write through, so that a full disk is noticed here."""
    try:
        file.write(data)
        file.flush()
    except OSError as error:
        raise VolumeFull from error


class StoredBytes:
    """Bytes that are read piece by piece; the last piece read stays in memory.

    :param read: gives a part, as offset and length.
    :param length: of all.
    """

    def __init__(self, read: Callable[[int, int], Awaitable[bytes]], length: int) -> None:
        self.length = length
        self._read = read
        self._offset = 0
        self._held = b""

    @classmethod
    def of(cls, data: Buffer) -> "StoredBytes":
        """Over a buffer, which may be mapped from a file."""

        async def read(offset: int, length: int) -> bytes:
            return await asyncio.to_thread(bytes, data[offset : offset + length])

        return cls(read, len(data))

    async def window(self, offset: int, least: int, most: int) -> bytes:
        """From ``least`` to ``most`` bytes.

        :raises DataSetError: there are less than ``least``.
        """
        start, most = offset - self._offset, max(least, most)
        if start < 0 or start + least > len(self._held):
            start, self._offset = 0, offset
            self._held = await self._read(offset, min(most, self.length - offset))
            if len(self._held) < least:
                raise DataSetError("the object ends early")
        return self._held[start : start + most]

    async def stream(self, frame: Frame) -> AsyncIterator[bytes]:
        """A frame in chunks."""
        for piece in frame.pieces(CHUNK_BYTES):
            yield piece.cut(await self.window(piece.offset, piece.length, piece.length))


async def _inflated(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    inflater = Inflater()
    async for chunk in chunks:
        pieces = inflater.feed(chunk)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece
    inflater.close()
