"""Objects as files below a folder. ``objects/`` holds what is whole; ``incoming/`` what is being written."""

import asyncio
import errno
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar
from uuid import uuid4

from radbridge.runtime.blobs.names import checked, checked_prefix, checked_range
from radbridge.runtime.blobs.protocol import BlobError, BlobInfo, BlobMissing, BlobUnavailable

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 4
_COPY_CHUNK = 1 << 20
_ABANDONED_AFTER_S = 24 * 3600
_NO_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class FileBlobs:
    """A folder on a local disk; several processes may share it. All file work runs in threads."""

    def __init__(self, folder: Path) -> None:
        self._objects = folder / "objects"
        self._incoming = folder / "incoming"
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")
        self._prepared = False

    async def put(self, name: str, data: bytes) -> None:
        await self._in_thread(self._store, checked(name), lambda file: file.write(data))

    async def put_file(self, name: str, path: Path) -> None:
        source = await asyncio.to_thread(path.open, "rb")
        with source:
            await self._in_thread(
                self._store, checked(name), lambda file: shutil.copyfileobj(source, file, _COPY_CHUNK)
            )

    async def get(self, name: str, *, offset: int = 0, length: int | None = None) -> bytes:
        checked_range(offset, length)

        def read() -> bytes:
            with self._open(name) as file:
                file.seek(offset)
                return file.read(-1 if length is None else length)

        return await self._in_thread(read)

    async def stream(self, name: str, *, chunk_size: int = 1 << 20) -> AsyncIterator[bytes]:
        file = await self._in_thread(self._open, name)
        with file:
            while chunk := await self._in_thread(file.read, chunk_size):
                yield chunk

    async def exists(self, name: str) -> bool:
        return await self._in_thread(self._path(name).is_file)

    async def delete(self, name: str) -> None:
        def unlink() -> None:
            with suppress(*_NO_FILE, PermissionError):  # unlinking a folder is EPERM on some systems
                self._path(name).unlink()

        await self._in_thread(unlink)

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        parent = checked_prefix(prefix).rpartition("/")[0]
        waiting = [parent]
        while waiting:
            folder = waiting.pop()
            objects, folders = await self._in_thread(_scan, self._objects, folder, prefix)
            waiting.extend(folders)
            for found in objects:
                yield found

    async def ping(self) -> None:
        def check() -> None:
            self._prepare()
            if os.statvfs(self._incoming).f_bavail == 0:
                raise BlobUnavailable("the disk of the objects is full")
            if not os.access(self._incoming, os.W_OK):
                raise BlobUnavailable("the folder of the objects cannot be written")

        await self._in_thread(check)

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)

    async def _in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        def run() -> R:
            with _errors():
                return function(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    def _path(self, name: str) -> Path:
        return self._objects / checked(name)

    def _open(self, name: str) -> BinaryIO:
        try:
            return self._path(name).open("rb")
        except _NO_FILE as error:
            raise BlobMissing(name) from error

    def _store(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        """Write beside, sync, rename, sync the folder: at no moment is a part of the object under its name."""
        self._prepare()
        path = self._objects / name
        beside = self._incoming / uuid4().hex
        try:
            with beside.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            _make_folder(path.parent)
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    def _prepare(self) -> None:
        """Make the folders, once, and clear what a killed process left in the middle of a write long ago."""
        if self._prepared:
            return
        for folder in (self._objects, self._incoming):
            _make_folder(folder)
        for left in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if left.stat().st_mtime < time.time() - _ABANDONED_AFTER_S:
                    left.unlink()
        self._prepared = True


def _scan(root: Path, folder: str, prefix: str) -> tuple[list[BlobInfo], list[str]]:
    """What lies directly in a folder: objects whose names start with ``prefix``, and folders that may hold such."""
    objects: list[BlobInfo] = []
    folders: list[str] = []
    try:
        entries = sorted((root / folder).iterdir())
    except _NO_FILE:
        return [], []
    for entry in entries:
        name = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir():
            if f"{name}/".startswith(prefix) or prefix.startswith(f"{name}/"):
                folders.append(name)
        elif name.startswith(prefix):
            with suppress(FileNotFoundError):
                state = entry.stat()
                objects.append(BlobInfo(name, state.st_size, state.st_mtime))
    return objects, folders[::-1]


@contextmanager
def _errors() -> Generator[None]:
    """The protocol's errors for those of the file system."""
    try:
        yield
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise BlobError("an object's name is the folder of another one") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError("the object's name is too long for the file system") from error
        raise BlobUnavailable(error.strerror or type(error).__name__) from error


def _make_folder(folder: Path) -> None:
    """With its parents, each one's entry on the disk."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
