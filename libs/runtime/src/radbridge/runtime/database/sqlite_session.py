"""One SQLite connection: how it is opened, its transaction object, its errors in the words of the protocol."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from radbridge.runtime.database.protocol import (
    ConstraintViolated,
    DatabaseError,
    DatabaseUnavailable,
    ForeignAwait,
    Row,
    T,
    Value,
    Work,
)
from radbridge.runtime.database.statements import for_sqlite

BUSY_TIMEOUT_S = 5.0
_CACHED_STATEMENTS = 512
_PRIMARY_CODE = 0xFF  # an extended result code keeps its primary code in the low byte

_WRITER_PRAGMAS = (
    "synchronous=FULL",  # a commit is on the disk before anybody hears of it
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "cache_size=-8192",
    # Some builds overwrite what is deleted with zeros, which writes each relayed event twice. Personal data is sealed.
    "secure_delete=OFF",
    # 16 MB: pages that change all the time, such as those of indexes, go to the file less often. The WAL file keeps its
    # size, as overwriting is cheaper to sync than growing.
    "wal_autocheckpoint=4000",
)

_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)


def open_writer(path: Path) -> sqlite3.Connection:
    """The writing connection, for one thread at a time; makes file and folder where they are missing.

    :raises DatabaseUnavailable: the file cannot be opened or made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(path)
        _use_wal(connection)
        for pragma in _WRITER_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnavailable(f"{path.name}: {error}") from error
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that refuses to write.

    :raises DatabaseUnavailable: the file cannot be opened.
    """
    try:
        connection = _connect(path)
        for pragma in ("query_only=ON", "temp_store=MEMORY", "cache_size=-2048"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        raise DatabaseUnavailable(f"{path.name}: {error}") from error
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        cached_statements=_CACHED_STATEMENTS,
        check_same_thread=False,  # a writer's brief jobs run on the event loop; a reader is closed by another thread
    )
    connection.row_factory = sqlite3.Row
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Changing the journal mode does not wait for other openers of the file by itself."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def translated(error: Exception, *, reading: bool = False) -> DatabaseError:
    """The protocol's error for one of the driver's. SQLite's texts name columns, never values."""
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return DatabaseError(type(error).__name__ if isinstance(error, UnicodeError) else str(error))
    if reading and code == sqlite3.SQLITE_READONLY:
        return DatabaseError("a read may not write")
    primary = code & _PRIMARY_CODE
    if primary in _UNAVAILABLE:
        return DatabaseUnavailable(str(error))
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return ConstraintViolated(str(error))
    return DatabaseError(str(error))


class SqliteTransaction:
    """The transaction that a unit of work sees. Its awaits complete at once, on the thread that owns the connection."""

    dialect: Literal["sqlite"] = "sqlite"
    __slots__ = ("_connection", "_reading", "callbacks", "failure")

    def __init__(self, connection: sqlite3.Connection, *, reading: bool = False) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._reading = reading
        self.callbacks: list[Callable[[], None]] = []
        self.failure: DatabaseError | None = None
        """The first statement's failure; it dooms the unit of work."""

    def end(self) -> None:
        """A unit of work that kept the transaction finds it closed."""
        self._connection = None

    def _run(self, sql: str, values: Sequence[Value]) -> sqlite3.Cursor:
        connection = self._usable()
        try:
            return connection.execute(for_sqlite(sql), values)
        except (sqlite3.Error, UnicodeError, OverflowError) as error:
            raise self._failed(error) from error

    def _usable(self) -> sqlite3.Connection:
        if self._connection is None:
            raise DatabaseError("the transaction is over")
        if self.failure is not None:
            raise self.failure
        return self._connection

    def _failed(self, error: Exception) -> DatabaseError:
        self.failure = translated(error, reading=self._reading)
        return self.failure

    async def execute(self, sql: str, *values: Value) -> int:
        cursor = self._run(sql, values)
        if cursor.description is not None:
            self._rows(cursor)
        return max(cursor.rowcount, 0)

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        connection = self._usable()
        try:
            connection.executemany(for_sqlite(sql), rows)
        except (sqlite3.Error, UnicodeError, OverflowError) as error:
            raise self._failed(error) from error

    async def fetch(self, sql: str, *values: Value) -> list[Row]:
        return self._rows(self._run(sql, values))

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        rows = self._run(sql, values)
        try:
            row: Any = rows.fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        rows.close()
        return row

    def _rows(self, cursor: sqlite3.Cursor) -> list[Row]:
        try:
            return cursor.fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    async def lock(self, *names: str) -> None:
        """Nothing to do: a writing transaction of SQLite is alone on its file."""

    def on_commit(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)


def run_at_once(work: Work[T], transaction: SqliteTransaction) -> T:
    """Run a unit of work to its end on this thread.

    :raises ForeignAwait: it awaited something that does not complete at once.
    """
    steps = work(transaction).__await__()
    try:
        next(steps)
    except StopIteration as done:
        return done.value
    except RuntimeError as error:
        if str(error) == "no running event loop":
            raise ForeignAwait("a unit of work may await nothing but its transaction") from error
        raise
    steps.close()
    raise ForeignAwait("a unit of work may await nothing but its transaction")
