"""SQLite as a service's database: one writer thread with group commit, a few reader threads."""

import asyncio
import contextvars
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from radbridge.runtime.database.protocol import (
    DatabaseError,
    DatabaseUnavailable,
    Lease,
    Row,
    T,
    Transaction,
    Value,
    Work,
)
from radbridge.runtime.database.sqlite_session import SqliteTransaction, open_reader, run_at_once, translated
from radbridge.runtime.database.sqlite_writer import GroupCommitWriter

_READERS = 4


class SqliteDatabase:
    """One file in WAL mode with ``synchronous=FULL``. Several processes may open the same file.

    Nothing is opened, and no thread started, before the first use.
    """

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._writer = GroupCommitWriter(self.path)
        self._readers = _Readers(self.path)

    @property
    def url(self) -> str:
        return f"sqlite+aiosqlite:///{self.path}"

    async def write(self, work: Work[T], *, brief: bool = False) -> T:
        return await self._writer.write(work, brief=brief)

    async def write_one(self, sql: str, *values: Value) -> list[Row]:
        return await self._writer.write(lambda tx: tx.fetch(sql, *values))

    async def write_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> list[Row]:
        async def work(tx: Transaction) -> list[Row]:
            return [row for values in rows for row in await tx.fetch(sql, *values)]

        return await self._writer.write(work)

    async def read(self, work: Work[T]) -> T:
        return await self._readers.run(work, snapshot=True)

    async def fetch(self, sql: str, *values: Value) -> list[Row]:
        return await self._readers.run(lambda tx: tx.fetch(sql, *values), snapshot=False)

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        return await self._readers.run(lambda tx: tx.fetch_one(sql, *values), snapshot=False)

    def lease(self, name: str, *, on_knock: Callable[[], None] | None = None) -> Lease:
        """Kept by a lock on the file ``<database>.<name>.lock``, which the operating system frees with its process.

        Processes cannot knock on each other here: ``on_knock`` is never called.
        """
        return FileLease(self.path.with_name(f"{self.path.name}.{name}.lock"))

    async def ping(self) -> None:
        await self._writer.write(lambda tx: tx.fetch_one("SELECT 1"))

    async def close(self) -> None:
        await self._readers.close()
        await self._writer.close()


class _Readers:
    """Threads with a connection each, opened when first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix=f"read {path.name}")
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    async def run(self, work: Work[T], *, snapshot: bool) -> T:
        if self._closed:
            raise DatabaseUnavailable(f"{self._path.name} is closed")
        context = contextvars.copy_context()

        def read() -> T:
            return context.run(self._read, work, snapshot)

        return await asyncio.get_running_loop().run_in_executor(self._threads, read)

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _read(self, work: Work[T], snapshot: bool) -> T:
        connection = self._connection()
        transaction = SqliteTransaction(connection, reading=True)
        try:
            if snapshot:
                connection.execute("BEGIN")
            result = run_at_once(work, transaction)
        except sqlite3.Error as error:
            raise translated(error) from error
        finally:
            transaction.end()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if transaction.failure is not None:
            raise transaction.failure
        return result

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = open_reader(self._path)
            self._own.connection = connection
            self._connections.append(connection)
        return connection


class FileLease:
    """A lease kept by ``flock`` on a file beside the database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    async def hold(self) -> bool:
        if self._file is not None:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseUnavailable(f"{self._path.name}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    async def knock(self) -> None:
        """Nothing: the holder sweeps each second anyway."""

    async def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def path_of(url: str) -> Path:
    """The file of ``sqlite+aiosqlite:///relative/path`` or ``sqlite+aiosqlite:////absolute/path``.

    :raises DatabaseError: the URL names no file.
    """
    _, separator, path = url.partition(":///")
    if not separator or not path or path.startswith(":"):
        raise DatabaseError(f"{url} names no file: expected sqlite+aiosqlite:///PATH")
    return Path(path)
