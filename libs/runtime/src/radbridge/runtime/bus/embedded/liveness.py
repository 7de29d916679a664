"""Who is alive: each process that reads in a group holds a lock on a small file of its own beside the log.

The kernel drops the lock when the process dies, whatever killed it, so its partitions are free at once, also for the
same suite started again. A process that lives but does nothing (stopped, or its event loop stuck) is found by the age
of its file, which a living one touches each second.
"""

import fcntl
import os
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

SESSION_S = 6.0
HEARTBEAT_S = 1.0


class InstanceFile:
    """This process's sign of life."""

    def __init__(self, folder: Path, *, session_s: float = SESSION_S) -> None:
        self._folder = folder
        self._session_s = session_s
        self._descriptor: int | None = None
        self.name = uuid.uuid4().hex

    def acquire(self) -> None:
        """Create the file and hold its lock."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._folder / self.name, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def touch(self) -> None:
        """Say that this process still works."""
        if self._descriptor is not None:
            os.utime(self._descriptor)
            if not (self._folder / self.name).exists():  # somebody tidied up: without the file we count as dead
                os.close(self._descriptor)
                self.acquire()

    def release(self) -> None:
        """Leave for good."""
        if self._descriptor is not None:
            (self._folder / self.name).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def dead_among(self, instances: Iterable[str]) -> list[str]:
        """Those of these processes that are dead; their files are removed."""
        return [name for name in instances if name != self.name and self._is_dead(name)]

    def _is_dead(self, name: str) -> bool:
        path = self._folder / name
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return abs(time.time() - os.fstat(descriptor).st_mtime) > self._session_s
        else:
            path.unlink(missing_ok=True)
            return True
        finally:
            os.close(descriptor)
