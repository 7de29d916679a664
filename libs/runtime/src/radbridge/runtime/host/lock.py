"""One suite per data folder."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class FolderInUse(Exception):
    """Another process runs on the data folder; the text says which."""


@contextmanager
def lock_folder(folder: Path) -> Generator[None]:
    """Hold the folder for this process; the system lets go of it however the process ends.

    :raises FolderInUse: another process holds it.
    """
    path = folder / "up.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 64).decode("ascii", "replace").strip()
            raise FolderInUse(f"the data folder {folder} is in use by process {holder or 'unknown'}") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)
