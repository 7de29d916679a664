"""The SQLite file of the embedded log.

``radbridge.runtime.database.sqlite`` does the work: WAL with ``synchronous=FULL`` and one writer thread that commits
together whatever waits, so 50 waiting producers cost one sync and not 50. Here are the file's creation and the errors
in the words of the bus.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Generator
from functools import partial
from pathlib import Path

from radbridge.runtime.bus.embedded.schema import create_schema
from radbridge.runtime.bus.protocol import BusError, BusUnavailable
from radbridge.runtime.database.protocol import DatabaseError, DatabaseUnavailable, T, Work
from radbridge.runtime.database.sqlite import SqliteDatabase
from radbridge.runtime.database.sqlite_session import open_reader


class Storage:
    """Runs units of work against the file, which the first one creates."""

    def __init__(self, path: Path) -> None:
        self._database = SqliteDatabase(path)
        self._path = path
        self._creating = asyncio.Lock()
        self._created = False
        self._watchers: list[sqlite3.Connection] = []

    async def write(self, work: Work[T], *, brief: bool = False) -> T:
        """Run ``work`` in the next commit; answers when that is durable. An exception undoes this work alone.

        :param brief: see ``Database.write``.
        :raises BusUnavailable: the file is locked, full or cannot be opened; nothing was written.
        """
        await self._create()
        with _translated_errors():
            return await self._database.write(work, brief=brief)

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` against one snapshot.

        :raises BusUnavailable: the file cannot be read now.
        """
        await self._create()
        with _translated_errors():
            return await self._database.read(work)

    async def open_watcher(self) -> sqlite3.Connection:
        """A reading connection for ``data_version``, whose answer is quick enough for the event loop."""
        await self._create()
        with _translated_errors():
            connection = await asyncio.to_thread(partial(open_reader, self._path))
        self._watchers.append(connection)
        return connection

    async def close(self) -> None:
        """Commit what waits and release the file."""
        for connection in self._watchers:
            connection.close()
        self._watchers.clear()
        await self._database.close()

    async def _create(self) -> None:
        if self._created:
            return
        async with self._creating:
            if not self._created:
                with _translated_errors():
                    await self._database.write(create_schema)
                self._created = True


def data_version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection, of this process or another, has committed.

    :raises BusUnavailable: the file cannot be read now.
    """
    try:
        (version,) = connection.execute("PRAGMA data_version").fetchone()
    except sqlite3.Error as error:
        raise BusUnavailable(f"event log: {error}") from error
    return version


@contextlib.contextmanager
def _translated_errors() -> Generator[None]:
    try:
        yield
    except DatabaseUnavailable as error:
        raise BusUnavailable(f"event log: {error}") from error
    except DatabaseError as error:
        raise BusError(f"event log: {error}") from error
