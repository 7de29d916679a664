"""The service's own disk, where objects are durable before they are acknowledged."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO

from radbridge.contracts.identifiers import new_id

_FAN_OUT = 256
_SUFFIX = ".dcm"
_DRAFT_SUFFIX = ".part"
_OWNER_END = "."
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR})


class VolumeFull(Exception):
    """The disk has no room, or less than must stay free."""


class IncomingFile:
    """An object on its way to the disk. Written as it arrives, under a draft's name; ``sync`` makes it durable under
    its own. Without ``keep`` it vanishes.

    Not thread-safe: one association or one request writes it.

    :param on_settled: told when the file is closed and everybody can know whose it is.
    """

    def __init__(
        self, name: str, folder: Path, head: bytes, *, bytes_max: int, on_settled: Callable[[str], None]
    ) -> None:
        self.name = name
        self.size = 0
        self._folder = folder
        self._path = f"{folder}/{name}{_DRAFT_SUFFIX}"
        self._bytes_max = bytes_max
        self._on_settled = on_settled
        self._failed = False
        self._kept = False
        self._doubtful = False
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            on_settled(name)
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
            # named before it is synced: afterwards, the folder's sync would wait for the disk a second time. What a
            # power failure cuts short in between cannot be walked to its end, and is set aside.
            whole = f"{self._folder}/{self.name}{_SUFFIX}"
            os.rename(self._path, whole)  # noqa: PTH104 (for each object received: a path object costs as much again)
            self._path = whole
            os.fsync(self._fd)
            _sync_directory(self._folder)
        except OSError as error:
            raise VolumeFull from error

    def keep(self) -> None:
        """From now on the file belongs to the index; closing no longer removes it."""
        self._kept = True

    def doubt(self) -> None:
        """Whether the index names the file is not known and may still change: this process leaves it alone."""
        self._doubtful = True

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
                Path(self._path).unlink(missing_ok=True)
            if not self._doubtful:
                self._on_settled(self.name)

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
    """Files named by ids in 256 folders, so that nothing a sender writes becomes part of a path.

    ``OWNER.ID.dcm`` is an object that is whole (older ones have no owner); ``.part`` is one being received.
    """

    aside: Path
    """Holds files that were acknowledged, perhaps, and that the index has no place for."""

    def __init__(self, root: Path, *, free_bytes_min: int, object_bytes_max: int) -> None:
        self._root = root / "objects"
        self.aside = root / "set-aside"
        self._receiving: set[str] = set()
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

    def create(self, head: bytes = b"", *, owner: str) -> IncomingFile:
        """Begin a file, with a Part 10 header where the bytes to come have none.

        :param owner: institution id; the file's name keeps it, for an index that lost the object's row.
        :raises VolumeFull: there is less room than must stay free.
        """
        if self.free_bytes() < self._free_bytes_min:
            raise VolumeFull
        name = f"{owner}{_OWNER_END}{new_id()}"
        self._receiving.add(name)
        return IncomingFile(
            name,
            self._folder(name),
            head,
            bytes_max=self._object_bytes_max,
            on_settled=self._receiving.discard,
        )

    def path(self, name: str) -> Path:
        """Where the file of that name lies; its last two digits, which are random, choose the folder."""
        return self._folder(name) / f"{name}{_SUFFIX}"

    def remove(self, name: str) -> None:
        """Remove a file; absent is no error."""
        self.path(name).unlink(missing_ok=True)

    def owner(self, name: str) -> str:
        """Whose the object is; empty where the name does not tell."""
        return name.rpartition(_OWNER_END)[0]

    def is_receiving(self, name: str) -> bool:
        """Whether this process has not settled yet what becomes of the file."""
        return name in self._receiving

    def folders(self) -> list[Path]:
        """Where files lie."""
        return [self._root / f"{number:02x}" for number in range(_FAN_OUT)]

    def names(self, folder: Path) -> list[str]:
        """Names of a folder's whole files."""
        return _names(folder, _SUFFIX)

    def remove_drafts(self) -> int:
        """Remove what an earlier process did not receive whole; answers how many files that were."""
        removed = 0
        for folder in self.folders():
            for name in _names(folder, _DRAFT_SUFFIX):
                if not self.is_receiving(name):
                    (folder / f"{name}{_DRAFT_SUFFIX}").unlink(missing_ok=True)
                    removed += 1
        return removed

    def scratch(self, size: int) -> IO[bytes]:
        """A file without a name, of that size in the end; it vanishes when it is closed.

        :raises VolumeFull: it would take room that must stay free.
        """
        if self.free_bytes() - size < self._free_bytes_min:
            raise VolumeFull
        return TemporaryFile(dir=self._root)

    def set_aside(self, name: str) -> None:
        """Take a file out of the way, for an operator to look at."""
        self.aside.mkdir(exist_ok=True)
        path = self.path(name)
        path.rename(self.aside / path.name)
        _sync_directory(self.aside)
        _sync_directory(path.parent)

    def count_aside(self) -> int:
        """How many files were ever set aside and are still there."""
        return len(_names(self.aside, _SUFFIX)) if self.aside.is_dir() else 0

    def check(self) -> None:
        """Whether objects can be taken.

        :raises VolumeFull: there is less room than must stay free.
        """
        if self.free_bytes() < self._free_bytes_min:
            raise VolumeFull("the volume has less room than must stay free")

    def free_bytes(self) -> int:
        """Room left on the disk."""
        return shutil.disk_usage(self._root).free

    def _folder(self, name: str) -> Path:
        return self._root / name[-2:]


def object_id(name: str) -> str:
    """The id in a file's name, without the owner."""
    return name.rpartition(_OWNER_END)[2]


def is_exhaustion(error: OSError) -> bool:
    """Whether the process lacked something, so that the error tells nothing of the file."""
    return error.errno in _EXHAUSTED


def _names(folder: Path, suffix: str) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name.removesuffix(suffix) for entry in entries if entry.name.endswith(suffix)]


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
