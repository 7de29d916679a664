"""The service's own disk, where objects are durable before they are acknowledged."""

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from radbridge.contracts.identifiers import new_id

_FAN_OUT = 256
_SUFFIX = ".dcm"


class VolumeFull(Exception):
    """The disk has no room, or less than must stay free."""


class IncomingFile:
    """An object on its way to the disk. Written as it arrives, synced by ``sync``; without that it vanishes.

    Not thread-safe: one association or one request writes it.
    """

    def __init__(self, name: str, path: Path, head: bytes, *, bytes_max: int) -> None:
        self.name = name
        self.path = path
        self.size = 0
        self._bytes_max = bytes_max
        self._failed = False
        self._kept = False
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise VolumeFull from error
        self._write(head)

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes. A full disk is told by ``sync``, so that the sender can finish first."""
        if not self._failed:
            self._write(data)

    @property
    def fd(self) -> int:
        """The open file, for reading it back."""
        return self._fd

    @property
    def failed(self) -> bool:
        """Whether the disk refused a part of it."""
        return self._failed

    def sync(self) -> None:
        """Make the file durable under its name.

        :raises VolumeFull: not everything could be written.
        """
        if self._failed:
            raise VolumeFull
        try:
            os.fsync(self._fd)
            _sync_directory(self.path.parent)
        except OSError as error:
            raise VolumeFull from error

    def keep(self) -> None:
        """From now on the file belongs to the index; closing no longer removes it."""
        self._kept = True

    def __enter__(self) -> "IncomingFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it vanishes unless it was kept."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            if not self._kept:
                self.path.unlink(missing_ok=True)

    def _write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        try:
            while view:
                if self.size + len(view) > self._bytes_max:
                    raise VolumeFull
                written = os.write(self._fd, view)
                self.size += written
                view = view[written:]
        except (OSError, VolumeFull):
            self._failed = True
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)


class Volume:
    """Files named by ids in 256 folders, so that nothing a sender writes becomes part of a path."""

    def __init__(self, root: Path, *, free_bytes_min: int, object_bytes_max: int) -> None:
        self._root = root / "objects"
        self._free_bytes_min = free_bytes_min
        self._object_bytes_max = object_bytes_max
        self._id_file = root / "volume.id"
        self.id = ""
        """Names this disk in the index: another replica's objects are not to be looked for here."""

    def prepare(self) -> None:
        """Make the folders and the volume's id, once."""
        self._root.mkdir(parents=True, exist_ok=True)
        for number in range(_FAN_OUT):
            (self._root / f"{number:02x}").mkdir(exist_ok=True)
        _sync_directory(self._root)
        if not self._id_file.exists():
            draft = self._id_file.with_suffix(".new")
            draft.write_text(new_id(), encoding="ascii")
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.rename(self._id_file)
            _sync_directory(self._id_file.parent)
        self.id = self._id_file.read_text(encoding="ascii").strip()

    def create(self, head: bytes = b"") -> IncomingFile:
        """Begin a file, with a Part 10 header where the bytes to come have none.

        :raises VolumeFull: there is less room than must stay free.
        """
        if self.free_bytes() < self._free_bytes_min:
            raise VolumeFull
        name = new_id()
        return IncomingFile(name, self.path(name), head, bytes_max=self._object_bytes_max)

    def path(self, name: str) -> Path:
        """Where the file of that name lies; its last two digits, which are random, choose the folder."""
        return self._root / name[-2:] / f"{name}{_SUFFIX}"

    def remove(self, name: str) -> None:
        """Remove a file; absent is no error."""
        self.path(name).unlink(missing_ok=True)

    def names(self) -> Iterable[str]:
        """Names of all files."""
        for number in range(_FAN_OUT):
            with os.scandir(self._root / f"{number:02x}") as entries:
                yield from (entry.name.removesuffix(_SUFFIX) for entry in entries if entry.name.endswith(_SUFFIX))

    def check(self) -> None:
        """Whether objects can be taken.

        :raises VolumeFull: there is less room than must stay free.
        """
        if self.free_bytes() < self._free_bytes_min:
            raise VolumeFull("the volume has less room than must stay free")

    def free_bytes(self) -> int:
        """Room left on the disk."""
        return shutil.disk_usage(self._root).free


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
